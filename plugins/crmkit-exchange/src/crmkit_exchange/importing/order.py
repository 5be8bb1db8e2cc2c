"""In which order files are imported: what others refer to first."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit_exchange.importing.laying import Table

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
    preset = table.layout.preset
    return any(
        each is not table
        and each.layout.preset.source == preset.source
        and each.layout.preset.object in preset.after
        for each in left
    )
