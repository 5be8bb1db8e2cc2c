"""Imports as records: how one begins, how its writes are marked in the journal, how it ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from crmkit import CRM, Actor, Handle
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.outcome import Counts
from crmkit_exchange.kinds import ImportRun

__all__ = ["acting", "begun", "ended", "mark", "progress_key"]


def mark(through: str) -> str:
    """What the actor of an import's changes acts through."""
    return f"import:{through}"


def acting(crm: CRM, actor: Actor, run: ImportRun) -> Handle:
    """The app as this actor sees it, whose writes are marked as those of an import."""
    return crm.acting(attrs.evolve(actor, via=mark(run.through)))


def begun(table: Table, said: Any, through: str = "") -> ImportRun:
    """The record of an import that begins; its changes are made through its own id if no other is given."""
    run = ImportRun(
        file=table.name, digest=table.digest, source=table.layout.preset.source, options=said
    )
    return run.evolve(through=through or run.id)


def ended(run: ImportRun, counts: Counts, at: datetime) -> ImportRun:
    """The record of an import that is done."""
    sums = {
        name: getattr(counts, name) for name in ("read", "created", "updated", "skipped", "invalid")
    }
    return run.evolve(status="done", finished_at=at, **sums)


def progress_key(run: ImportRun) -> str:
    """Under what it is kept how far an import came."""
    return f"exchange/import/{run.id}"
