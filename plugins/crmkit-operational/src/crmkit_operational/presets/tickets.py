"""What the tickets of other products have in common: words that are ours, or refused, and how a ticket is told thrice.

A table of tickets has how each began and how it is now; what became of it in between is in another table. So its rows are
brought in as tickets began, then the changes, then the rows once more as the tickets are now: each ticket lives through
what it lived through, and its metric events are recorded as that proceeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crmkit_exchange.presets.preset import Preset
from crmkit_exchange.presets.values import EMPTY, Made, Row, is_blank

from crmkit import ValueRefused

__all__ = ["PRIORITIES", "SINCE", "changed", "emptied", "of_words", "subject", "taken"]

SINCE = {"state_since": "state"}
"""The fields of a ticket that hold since when others have their values."""
PRIORITIES = {
    "low": "low",
    "normal": "normal",
    "medium": "normal",
    "high": "high",
    "urgent": "urgent",
}
_FIRST_LINE = 200
"""So much of a text stands for a subject at the most."""


def of_words(words: Mapping[str, str], what: str) -> Callable[[object], str | None]:
    """Our word for one of theirs in any case, None for a blank; raises `ValueRefused` for one that is not known."""

    def find(given: object) -> str | None:
        if is_blank(given):
            return None
        said = str(given).strip()
        if said.casefold() not in words:
            raise ValueRefused(f"says that its {what} is {said!r:.60}, which is none here")
        return words[said.casefold()]

    return find


def emptied(given: object) -> Any:
    """What a change says of a field that may be empty: a blank says that it is."""
    return EMPTY if is_blank(given) else given


def changed(column: str, name: str, read: Callable[[object], Any]) -> Made:
    """The value of a row that tells of one field: what is read from `value` where `column` says that name."""

    def find(row: Row) -> Any:
        is_it = str(row.get(column) or "").strip().casefold() == name
        return read(row.get("value")) if is_it else None

    return Made(find, [column, "value"])


def subject(*columns: str, body: str, id: str) -> Made:
    """What a ticket is about: the first that is said, the beginning of its text, or its number, for chats have neither."""

    def find(row: Row) -> str:
        found = next(
            (str(row[each]).strip() for each in columns if not is_blank(row.get(each))), ""
        )
        lines = str(row.get(body) or "").strip().splitlines()
        return found or (lines[0][:_FIRST_LINE] if lines else f"Ticket {row.get(id) or ''}".strip())

    return Made(find, [*columns, body, id])


def taken(begun: Preset) -> tuple[str, ...]:
    """The columns that tell how tickets began, apart from those of references: what these say is kept with the rest."""
    pointing = {name for each in begun.references.values() for name in each.columns}
    return tuple(each for each in begun.columns if each not in pointing)
