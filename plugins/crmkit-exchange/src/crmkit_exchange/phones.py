"""Telephone numbers: E.164 through the `phonenumbers` library, and the ways in which several stand in one cell."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["phone", "phones"]

_BETWEEN = re.compile(r"\s*(?:[,;/|\n]|\bor\b|또는)\s*")
_EXTENSION = re.compile(r"(?:내선|구내|\(내선\)|교환)\s*:?\s*(\d{1,6})\s*\)?$")
_RANGE = re.compile(r"(\d{3,4})\s*[~∼～]\s*\d{1,4}$")


@lru_cache(maxsize=2048)
def phone(text: str, region: str) -> str | None:
    """A telephone number in E.164 (ITU-T), `;ext=` behind it if it has an extension; None if it is none.

    `region` is the country of numbers without a code, as in `KR`. A number counts if the numbering plan of its country
    has it (`is_valid_number`); of a range (`02-123-4567~9`) the first is meant.
    """
    import phonenumbers

    plain = unicodedata.normalize("NFKC", text).strip()
    plain = _EXTENSION.sub(r" ext. \1", _RANGE.sub(r"\1", plain))
    if not any(map(str.isdigit, plain)) or len(plain) > 100:
        return None
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{found};ext={number.extension}" if number.extension else found


def phones(text: str, region: str) -> list[str]:
    """The numbers in one cell, in E.164, each once: `02-123-4567, 02-123-4568`."""
    whole = phone(text, region)
    if whole is not None and not re.search(r"[,;/|]", text):
        return [whole]
    parts = [phone(each, region) for each in _BETWEEN.split(text) if each]
    found = list(dict.fromkeys(each for each in parts if each))
    return found or ([whole] if whole else [])
