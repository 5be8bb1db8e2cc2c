"""Trimming: what was recorded before a moment goes out of the journal, once every worker has seen it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from crmkit.errors import BusyError, PluginError, TrimmedError, ValueRefused
from crmkit.past import TRIMMED, Horizon
from crmkit.positions import WorkerState, holding
from crmkit.storage import Progress, Reads, Trimmable
from crmkit.values import utc

if TYPE_CHECKING:
    from crmkit.crm import CRM

__all__ = ["STEP", "trim", "trimmable"]

STEP = 10_000
"""How many changes are gone over in one transaction."""


def trimmable(crm: CRM, before: datetime) -> Trimmable:
    """What `trim` would take out now.

    Raises `ValueRefused` for a moment that lies ahead, `TrimmedError` for one before that up to which the journal is
    trimmed already, and `PluginError` while a worker has yet to see some of it.
    """
    with crm.storage.transaction(write=False) as tx:
        told = tx.trimmable(utc(before))
        _check(crm, tx, utc(before), told.position)
    return told


def trim(crm: CRM, before: datetime, progress: Progress | None = None) -> Trimmable:
    """Take what was recorded before a moment out of the journal, but for the last change of each record.

    First of all, nothing of before that moment can be read any more; then it goes, in many short transactions. If
    that is broken off, calling it again goes on. `progress` is told how far of how many positions it has come.
    Returns what was taken out; raises what `trimmable` does, and `BusyError` if another process trims, too.
    """
    told = trimmable(crm, before)
    with crm.storage.transaction() as tx:
        known = _check(crm, tx, utc(before), told.position)
        reached = known.reached if known and known.position == told.position else 0
        at = Horizon(utc(before), told.position, reached)
        if at.position:
            tx.set_state(TRIMMED, at.plain())
    while at.reached < at.position:
        with crm.storage.transaction() as tx:
            further = attrs.evolve(at, reached=tx.trim(at.position, at.reached, STEP)[0])
            if not tx.set_state(TRIMMED, further.plain(), at.plain()):
                raise BusyError("another process is trimming the journal, too; let it finish")
        at = further
        if progress:
            progress(at.reached, at.position)
    return told


def _check(crm: CRM, reads: Reads, before: datetime, through: int) -> Horizon | None:
    """Refuse what may not be trimmed; how far it was trimmed before."""
    if before > crm.clock():
        raise ValueRefused(f"{before.isoformat()} lies ahead; name a time that is past")
    known = Horizon.of(reads)
    if known and before < known.before:
        since = known.before.isoformat()
        raise TrimmedError(f"it is trimmed up to {since} already; name a later time", known.before)
    for state in holding(crm, reads, through):
        raise PluginError(f"worker {state.name!r} {_what_to_do(state)}", plugin=state.name)
    return known


def _what_to_do(state: WorkerState) -> str:
    if not state.loaded:
        return (
            "has not seen all of that, and its plugin is not loaded; enable it and run `crm work --once`, or if it is "
            f"gone for good, `crm worker forget {state.name}`"
        )
    if state.lag:
        return "has not seen all of that; run `crm work --once` first"
    return "set a change of that aside; run `crm worker retry`, then `crm work --once`"
