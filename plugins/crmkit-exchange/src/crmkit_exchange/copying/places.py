"""Positions of one journal, in another that has the same changes."""

from __future__ import annotations

from crmkit import Change
from crmkit.storage import Reads

__all__ = ["place_behind", "place_of"]


def place_of(position: int, source: Reads, there: Reads) -> int | None:
    """Where the change at a position of the source is in the other journal; None if there is none at that position."""
    change = _first_from(position, source)
    return _found(change, there) if change and change.position == position else None


def place_behind(position: int, source: Reads, there: Reads) -> int:
    """The position that has the same changes behind it as one of the source: whoever goes on from it misses none."""
    if not position:
        return 0
    change = _first_from(position, source)
    if change is None:
        return there.position()
    return _found(change, there) - (change.position > position)


def _first_from(position: int, source: Reads) -> Change | None:
    return next(iter(source.changes(position - 1, None, 1)), None)


def _found(change: Change, there: Reads) -> int:
    history = there.history(change.kind, change.id)
    return next(each.position for each in history if each.version == change.version)
