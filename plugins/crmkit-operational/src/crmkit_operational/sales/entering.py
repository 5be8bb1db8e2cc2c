"""The stages of deals that are about to be written: what they are filled in by is what they are judged by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from crmkit_operational.finding import by_id
from crmkit_operational.sales.kinds import Stage

if TYPE_CHECKING:
    from crmkit import GuardView

__all__ = ["look_up", "looked_up"]

# What a transaction looked up for its last batch. Asking again a moment later costs a trip to a server, and could be
# answered otherwise there: then a deal would be filled in as open and judged as won.
_known: WeakKeyDictionary[GuardView, dict[str, Stage]] = WeakKeyDictionary()


def look_up(tx: GuardView, ids: Iterable[str | None]) -> dict[str, Stage]:
    """The stages with these ids, kept for `looked_up`."""
    found = _known[tx] = by_id(tx, Stage, ids)
    return found


def looked_up(tx: GuardView, ids: Iterable[str | None]) -> dict[str, Stage]:
    """The same stages, with those that were not looked up for this batch; forgotten here."""
    known = _known.pop(tx, {})
    return known | by_id(tx, Stage, [id for id in ids if id not in known])
