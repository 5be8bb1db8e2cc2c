"""Telephone numbers: E.164 through the `phonenumbers` library, and the ways in which several stand in one cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["phone", "phones"]

LONGEST = 1000
"""So many characters a cell of numbers has at most; more is a text of something else."""
_WORD = r"(?:내선|구내|교환|ext|extension|x(?=[\s:.]*\d))"
_BETWEEN = re.compile(rf"\s*(?:[,;|\n]|:::|\bor\b|또는)\s*(?!\s*\(?{_WORD})", re.I)
_NOTE = re.compile(rf"[(\[](?!\s*{_WORD})[^()\[\]\d]*[)\]]", re.I)
"""What people write behind a number in brackets: `(대표)`, `(home)`."""
_RANGE = re.compile(r"(\d{3,4})\s*(?:[~∼]\s*\d{1,4}|/\s*\d{1,2}|\(\d{1,2}\))(?![\s\-.)]*\d)")
_EXTENSION = re.compile(
    r"[(,;/\s]*(?:내선|구내|교환)\)?\s*:?\s*(\d{1,6})(?:\s*[~∼,/]\s*\d{1,6})?\s*\)?$"
)


def phone(text: str, region: str) -> str | None:
    """A telephone number in E.164 (ITU-T), `;ext=` behind it if it has an extension; None if it is none or several.

    `region` is the country of numbers without a code, as in `KR`. A number counts if the numbering plan of its country
    has it (`is_valid_number`); of a range (`02-123-4567~9`) the first is meant. Numbers of eight digits that are dialled
    as they are (`1588-1234`) get the country's code too: E.164 does not have them, but nothing else is +82 1588 1234.
    """
    found = phones(text, region)
    return found[0] if len(found) == 1 else None


def phones(text: str, region: str) -> list[str]:
    """The numbers in one cell, in E.164, each once: `02-123-4567, 02-123-4568`.

    A slash stands between two numbers only where the whole is none: `0664/1234567` is one of Austria.
    """
    if len(text) > LONGEST:
        return []
    plain = _NOTE.sub(" ", unicodedata.normalize("NFKC", text)).strip()
    parts = _BETWEEN.split(plain)
    found = dict.fromkeys(number for each in parts for number in _numbers(each, region))
    return [*(found or dict.fromkeys(_valid(plain.split(), region)))]


def _numbers(text: str, region: str) -> list[str]:
    """The number that a text is, else those with slashes between: where slashes have blanks around them, only those."""
    wholes = ([text], re.split(r"\s/\s", text), text.split("/"))
    return next((found for each in wholes if (found := _valid(each, region))), [])


def _valid(texts: Iterable[str], region: str) -> list[str]:
    return [number for each in texts if (number := _number(each, region))]


@lru_cache(maxsize=2048)
def _number(text: str, region: str) -> str | None:
    """The one number that a text is."""
    plain = _EXTENSION.sub(r" ext. \1", _RANGE.sub(r"\1", text))
    if not any(map(str.isdigit, plain)) or len(plain) > 100:
        return None
    import phonenumbers

    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{found};ext={number.extension}" if number.extension else found
