"""Workers: the clock that notices who did not come, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from clinic.kinds import Visit, VisitStatus
from clinic.settings import Settings
from crmkit import Change, Direction, Interaction, Transaction, where

MISSED = VisitStatus.MISSED


def mark_missed(tx: Transaction, now: datetime) -> None:
    """Booked visits whose patient is later than the clinic waits are missed."""
    late = now - tx.settings(Settings).patience
    overdue = tx.find(Visit, where.status == VisitStatus.BOOKED, where.at < late)
    tx.update_all([visit.evolve(status=MISSED) for visit in overdue])


def follow_up(tx: Transaction, changes: Sequence[Change]) -> None:
    """For each visit that became missed, note on the patient's timeline that somebody should call.

    It runs in the transaction that also keeps how far the worker has come, so there is one note however often the
    process dies; the external id keeps a later correction and a second miss apart.
    """
    missed = [change for change in changes if _became_missed(change)]
    visits = tx.get_many(Visit, [change.id for change in missed])
    text = tx.settings(Settings).follow_up
    tx.add_all(
        Interaction(
            customer_id=visit.customer_id,
            channel="note",
            direction=Direction.OUT,
            happened_at=change.effective,
            source="clinic",
            external_id=f"missed/{visit.id}/{change.version}",
            subject=text,
            outcome="open",
        )
        for change, visit in zip(missed, visits, strict=True)
        if visit is not None
    )


def _became_missed(change: Change) -> bool:
    before_after = (change.delta or {}).get("status") if change.action == "update" else None
    return before_after is not None and before_after[1] == MISSED.value
