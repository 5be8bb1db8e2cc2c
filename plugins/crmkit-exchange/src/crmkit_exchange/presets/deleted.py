"""Rows that a source itself has thrown away."""

from __future__ import annotations

from collections.abc import Callable

from crmkit_exchange.presets.values import Row

__all__ = ["thrown_away"]

_YES = frozenset({"true", "1", "yes", "t"})


def thrown_away(product: str, *marks: str) -> Callable[[Row], str | None]:
    """A `skip` that gives a reason for rows in which one of these columns says yes."""

    def skip(row: Row) -> str | None:
        said = any(str(row.get(mark) or "").strip().casefold() in _YES for mark in marks)
        return f"was deleted in {product}" if said else None

    return skip
