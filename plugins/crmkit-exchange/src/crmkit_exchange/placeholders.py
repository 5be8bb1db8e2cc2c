"""Values that stand for nothing: dashes, question marks, `Select`, zeros, the hash of the empty string."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

__all__ = ["PLACEHOLDERS", "Of", "is_placeholder", "is_placeholder_date", "placeholder_reason"]

LONGEST = 200
"""So many characters a value has at most that may stand for nothing."""
Of = Literal["address", "name", "any"]
"""What a value is to be: an address, a name (`Null` and `None` are surnames), or anything else."""


def _hashes() -> tuple[str, ...]:
    """The hashes of the empty string, in hexadecimal and in base64: what anonymised exports have for blank cells."""
    digests = [
        hashlib.new(name, usedforsecurity=False).digest()
        for name in ("md5", "sha1", "sha256", "sha512")
    ]
    return tuple(form for each in digests for form in (each.hex(), b64encode(each).decode()))


PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "blank": ("", "-", "--", "---", ".", "..", "...", "—", "–", "_", "/", "?", "??", "???", "ㅡ"),
    "a choice not made": (
        "select", "select one", "select an option", "please select", "choose", "choose one", "choose an option", "please choose",
        "선택", "선택하세요", "선택하십시오", "선택해주세요", "선택해 주세요", "선택안함", "선택 안함", "선택 안 함",
    ),
    "the hash of nothing": _hashes(),
    "a spreadsheet's error": ("#n/a", "#ref!", "#value!", "#name?", "#null!", "#num!", "#div/0!"),
    "a word for nothing": (
        "n/a", "na", "n.a", "none", "null", "nil", "undefined", "unknown", "nan", "\\n", "x", "xx", "xxx", "empty", "not set",
        "not available", "not applicable", "not provided", "not specified",
        "없음", "해당없음", "해당 없음", "해당사항없음", "해당 사항 없음", "미상", "미등록", "미입력", "모름", "무", "비공개",
    ),
    "an address of nobody": (
        "test@test.com", "a@a.a", "a@a.com", "na@na.com", "n@a.com", "none@none.com", "no@no.com", "noemail@noemail.com",
        "no@email.com", "none@email.com", "test@test.test", "x@x.com", "asdf@asdf.com",
    ),
}  # fmt: skip
"""The reason, and the values that are placeholders for it.

Compared without regard to case, and to what they are wrapped in: `--Select--`, `(null)`, `Select...`.
"""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


_REASONS = {
    _folded(word): why for why, words in reversed(list(PLACEHOLDERS.items())) for word in words
}
_EVERYWHERE = frozenset(
    {"blank", "a choice not made", "the hash of nothing", "a spreadsheet's error"}
)
_BLANK = re.compile(r"[\s\-‐‑–—_./?\u1173]*")
"""Dashes, dots, question marks; a Korean keyboard has a vowel (U+1173) where a dash is meant."""
_WRAPPED = re.compile(r"[\-–—(\[<\s]*(.*?)[\-–—)\]>.:\s]*", re.S)
_DIGITS = re.compile(r"[\d\s().+\-/]*\d[\d\s().+\-/]*")
_SAME = re.compile(r"(\d)\1{6,}")
_ZEROS = re.compile(r"\+?0*|0(?:2|[13-9]\d)0{7,8}|\+(?:[1-9]\d{0,2}|82[13-9]\d)0{7,}")
"""The digits of a number that is nothing but zeros, behind an area code (`032-000-0000`) or a country's (`+82 10-0000-0000`)."""
_NO_DAYS = frozenset(
    {
        (0, 0, 0),
        (1, 1, 1),
        (0, 1, 1900),
        (1, 1, 1900),
        (12, 30, 1899),
        (12, 31, 1899),
        (12, 31, 9999),
    }
)
"""The numbers of days that stand for none, by size: zeros, the first and the last days that programs know."""


def is_placeholder(text: str, of: Of = "any") -> bool:
    """Whether a value stands for nothing."""
    why = placeholder_reason(text)
    if why is None or of == "address":
        return why is not None
    return why in _EVERYWHERE or (of == "any" and why == "a word for nothing")


def placeholder_reason(text: str) -> str | None:
    """Why an address stands for nothing, in a few words; None if it does not.

    A number of seven or more equal digits is one as well, and one that is all zeros behind its area code
    (`010-0000-0000`, `032-000-0000`, `+82 10-0000-0000`); `1234567890` is not: numbers like it are somebody's, and so is
    `02-2000-0000`.
    """
    return _reason(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=4096)
def _reason(text: str) -> str | None:
    bare = _folded(text)
    if _BLANK.fullmatch(bare):
        return "blank"
    wrapped = _WRAPPED.fullmatch(bare)
    found = _REASONS.get(bare) or (_REASONS.get(wrapped[1]) if wrapped and wrapped[1] else None)
    if found or not _DIGITS.fullmatch(bare):
        return found
    digits = re.sub(r"\D", "", bare)
    if _ZEROS.fullmatch(f"+{digits}" if bare[0] == "+" else digits):
        return "all zeros"
    return "one digit over and over" if _SAME.fullmatch(digits) else None


def is_placeholder_date(text: str) -> bool:
    """Whether a date stands for none, in any order: all zeros, or the first or last day that some program knows.

    The first of January 1970 is not one: it is somebody's birthday.
    """
    day = re.match(r"\D*(\d{1,4})\D{0,3}(\d\d?)\D{0,3}(\d{1,4})(?!\d)", text[:LONGEST])
    return day is not None and tuple(sorted(map(int, day.groups()))) in _NO_DAYS
