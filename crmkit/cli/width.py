"""How wide text is on a terminal, cutting it to fit, and making visible what a terminal would obey."""

from __future__ import annotations

import unicodedata

__all__ = ["cut", "escaped", "padded", "width"]

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_EMOJI_STYLE = "\ufe0f"


def width(text: str) -> int:
    """The columns that a text takes: two for wide characters and emoji, none for what combines with another."""
    if text.isascii():
        return len(text)
    return sum(_columns(text, place) for place in range(len(text)))


def _columns(text: str, place: int) -> int:
    character = text[place]
    point = ord(character)
    # Conjoining vowels and finals of Hangul stand inside the syllable that their initial began.
    if 0x1160 <= point <= 0x11FF or 0xD7B0 <= point <= 0xD7FF:
        return 0
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    if text[place + 1 : place + 2] == _EMOJI_STYLE:
        return 2
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, limit: int) -> str:
    """As much of a text as fits into so many columns, ending in `…` if that is not all."""
    if width(text) <= limit:
        return text
    used = end = 0
    while end < len(text) and used + (step := _columns(text, end)) < limit:
        used += step
        end += 1
    return f"{text[:end]}…"


def padded(text: str, columns: int) -> str:
    """A text with spaces behind it, up to so many columns."""
    return text + " " * (columns - width(text))


def escaped(text: str) -> str:
    """A text with controls, direction overrides and lone surrogates written out in ASCII."""
    if text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode("ascii") if _is_obeyed(each) else each for each in text
    )


def _is_obeyed(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
