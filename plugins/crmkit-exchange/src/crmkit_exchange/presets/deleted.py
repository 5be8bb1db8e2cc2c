"""Rows that are no records: what a source has thrown away, and what has not happened yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from crmkit_exchange.presets.values import Row, is_blank

__all__ = ["Skip", "any_of", "says", "taken_in", "thrown_away"]

Skip: TypeAlias = Callable[[Row], str | None]
"""Gives the reason why a row is no record, None if it is one."""

_YES = ("true", "1", "yes", "t", "y")
_NO = ("false", "0", "no", "f", "n")


def says(reason: str, column: str, words: Iterable[str]) -> Skip:
    """A `skip` of rows in which a column says one of these words, in any case."""
    folded = frozenset(word.casefold() for word in words)

    def skip(row: Row) -> str | None:
        given = row.get(column)
        return reason if str(given).strip().casefold() in folded and given is not None else None

    return skip


def thrown_away(product: str, *marks: str, alive: Iterable[str] = ()) -> Skip:
    """A `skip` of rows in which one of these columns says yes, or one of those that say `alive` says no."""
    reason = f"was deleted in {product}"
    dead = (says(reason, each, _YES) for each in marks)
    return any_of(*dead, *(says(reason, each, _NO) for each in alive))


def taken_in(reason: str, column: str) -> Skip:
    """A `skip` of rows in which a column names the record that took this one in."""
    return lambda row: None if is_blank(row.get(column)) else reason


def any_of(*skips: Skip) -> Skip:
    """A `skip` that gives the first reason of several."""

    def skip(row: Row) -> str | None:
        return next((reason for each in skips if (reason := each(row))), None)

    return skip
