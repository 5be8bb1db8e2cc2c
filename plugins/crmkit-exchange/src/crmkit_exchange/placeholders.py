"""Values that stand for nothing: dashes, question marks, `Select`, zeros, the hash of the empty string."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

__all__ = ["PLACEHOLDERS", "Of", "is_placeholder", "is_placeholder_date", "placeholder_reason"]

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
    "blank": ("", "-", "--", "---", ".", "..", "...", "—", "–", "_", "/", "?", "??", "???"),
    "a choice not made": (
        "select", "select...", "select one", "--select--", "-select-", "- select -", "-- select --", "please select", "choose", "choose one",
        "선택", "선택하세요", "선택안함", "선택 안함", "선택하십시오", "--선택--", "- 선택 -",
    ),
    "the hash of nothing": _hashes(),
    "a word for nothing": (
        "n/a", "#n/a", "na", "n.a.", "none", "null", "nil", "(null)", "<null>", "\\n", "undefined", "unknown", "nan", "x", "xx", "xxx",
        "not available", "not applicable", "없음", "해당없음", "해당 없음", "미상", "미등록", "미입력", "모름", "무", "비공개",
    ),
    "an address of nobody": (
        "test@test.com", "a@a.a", "a@a.com", "na@na.com", "n@a.com", "none@none.com", "no@no.com", "noemail@noemail.com",
        "no@email.com", "none@email.com", "test@test.test", "x@x.com", "asdf@asdf.com",
    ),
}  # fmt: skip
"""The reason, and the values that are placeholders for it; compared without regard to case."""

_REASONS = {
    word.casefold(): why for why, words in reversed(list(PLACEHOLDERS.items())) for word in words
}
_EVERYWHERE = frozenset({"blank", "a choice not made", "the hash of nothing"})
_DIGITS = re.compile(r"[\d\s().+\-/]*\d[\d\s().+\-/]*")
_SAME = re.compile(r"(\d)\1{6,}")
_ZEROS = re.compile(r"0[1-9]\d?0{7,8}|0+")
"""The digits of a number that is nothing but zeros, whatever its area: `032-000-0000`."""


def is_placeholder(text: str, of: Of = "any") -> bool:
    """Whether a value stands for nothing."""
    why = placeholder_reason(text)
    if why is None or of == "address":
        return why is not None
    return why in _EVERYWHERE or (of == "any" and why == "a word for nothing")


@lru_cache(maxsize=4096)
def placeholder_reason(text: str) -> str | None:
    """Why an address stands for nothing, in a few words; None if it does not.

    A number of seven or more equal digits is one as well, and one that is all zeros behind its area code
    (`010-0000-0000`, `032-000-0000`); `1234567890` is not: numbers like it are somebody's.
    """
    bare = text.strip()
    found = _REASONS.get(bare.casefold())
    if found or not _DIGITS.fullmatch(bare):
        return found
    digits = re.sub(r"\D", "", bare)
    if _ZEROS.fullmatch(digits):
        return "all zeros"
    return "one digit over and over" if _SAME.fullmatch(digits) else None


def is_placeholder_date(text: str) -> bool:
    """Whether a date stands for none: all zeros, or the first day that some program knows."""
    return re.sub(r"[T ].*", "", text.strip()) in {
        "0000-00-00",
        "0001-01-01",
        "1900-01-01",
        "9999-12-31",
        "00000000",
    }
