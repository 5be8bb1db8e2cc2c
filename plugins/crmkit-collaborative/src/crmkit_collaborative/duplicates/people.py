"""What of a customer is compared: a name in tokens, addresses, and further details, all in one form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime

import attrs

__all__ = ["Person", "name_tokens", "person", "plain"]

_WORD = re.compile(r"\w+")
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "님",
        "씨",
        "선생님",
        "대표",
        "대표님",
        "사장님",
        "과장님",
        "부장님",
        "팀장님",
        "교수님",
        "박사님",
    ]
)
"""How people are addressed; it is no part of a name."""
_FORMS = frozenset(
    [
        "inc",
        "ltd",
        "llc",
        "co",
        "corp",
        "gmbh",
        "주",
        "유",
        "주식회사",
        "유한회사",
        "재단법인",
        "사단법인",
    ]
)
"""What sort of company it is, which some write and some do not."""


LONGEST = 100
"""Characters of a column of a file that is compared; what is longer is prose."""


@attrs.frozen
class Person:
    """One customer as it is compared.

    `name` are the tokens of the name; `emails` and `phones` normalised addresses; `details` further fields by name, each
    as plain text. `told` are columns of imported files that no field takes: what agrees in them speaks for two
    customers being one, what differs says little, since nobody said what they are.
    """

    id: str
    type: str = "person"
    name: tuple[str, ...] = ()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    details: Mapping[str, str] = attrs.field(factory=dict)
    told: Mapping[str, str] = attrs.field(factory=dict)


def person(
    id: str,
    type: str,
    name: str,
    emails: Iterable[str] = (),
    phones: Iterable[str] = (),
    details: Mapping[str, object] | None = None,
    told: Mapping[str, object] | None = None,
) -> Person:
    """A customer as it is compared; what is missing or a placeholder is left out."""
    return Person(
        id,
        type,
        name_tokens(name, type),
        frozenset(text for each in emails if (text := plain(each))),
        frozenset(each for each in phones if not _is_placeholder(each)),
        _plain(details or {}),
        {key: text for key, text in _plain(told or {}).items() if len(text) <= LONGEST},
    )


def _plain(values: Mapping[str, object]) -> dict[str, str]:
    return {key: text for key, value in values.items() if (text := plain(value))}


def plain(value: object) -> str:
    """A text to compare: composed, folded, without accents, signs or more than one space; nothing for nothing."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, date | datetime):
        return value.isoformat()
    text = unicodedata.normalize("NFD", str(value).casefold())
    bare = "".join(each for each in text if not unicodedata.combining(each) or "ᄀ" <= each <= "ᇿ")
    return " ".join(unicodedata.normalize("NFC", bare).split())


def name_tokens(name: str, type: str = "person") -> tuple[str, ...]:
    """The words of a name in which they are told apart; a Korean name is one word, family name first.

    Up to four Korean syllables are one person's name however they are spaced: `김철수`, `김 철수` and `철수 김`.
    """
    words = [each for each in _WORD.findall(plain(name)) if each not in _TITLES]
    if type != "person":
        kept = tuple(each for each in words if each not in _FORMS)
        # Korean is spaced as one likes.
        return ("".join(kept),) if any(map(_has_korean, kept)) else kept
    if words and all(map(_is_korean, words)) and 2 <= sum(map(len, words)) <= 5:
        if len(words) == 2 and len(words[1]) == 1 < len(words[0]):
            words.reverse()
        return ("".join(words),)
    return tuple(words)


def _is_korean(word: str) -> bool:
    return all("가" <= each <= "힣" for each in word)


def _has_korean(word: str) -> bool:
    return any("가" <= each <= "힣" for each in word)


def _is_placeholder(value: str) -> bool:
    digits = [each for each in value if each.isdigit()]
    # The same digit throughout, but for a code of a country or an area before it.
    return len(digits) < 5 or len(set(digits[-7:])) == 1
