"""In which order files are imported: what others refer to first."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit_exchange.importing.laying import Table
from crmkit_exchange.presets.preset import Preset

__all__ = ["in_order"]


def in_order(tables: Sequence[Table]) -> list[Table]:
    """The tables, each behind those that its preset comes `after`, else in the order given."""
    left, done = list(tables), []
    while left:
        ready = next((each for each in left if not _waits(each, left)), left[0])
        left.remove(ready)
        done.append(ready)
    return done


def _waits(table: Table, left: Sequence[Table]) -> bool:
    """Whether a table that is still to come brings what this one refers to."""
    return any(
        _comes_first(each.layout.preset, table.layout.preset) for each in left if each is not table
    )


def _comes_first(one: Preset, other: Preset) -> bool:
    """Whether the tables of one preset come before those of another; what only adds to records brings none.

    It comes after their histories, too, which are undone with the records: before them nobody else may have changed one.
    """
    brings = one.object in other.after and not one.only_update
    tells = other.only_update and one.history is not None and one.history.of == other.object
    return one.source == other.source and (brings or tells or one.name in other.after)
