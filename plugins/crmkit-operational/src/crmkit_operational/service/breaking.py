"""Promises that ran out while nothing was written: the worker `promises` records them as of when they did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain

from crmkit import Transaction, where
from crmkit_operational.service.keeping import known_timers
from crmkit_operational.service.kinds import Metric, Ticket
from crmkit_operational.service.promises import TARGETS
from crmkit_operational.service.recording import Recorder

__all__ = ["EVERY", "watch"]

EVERY = timedelta(minutes=1)
"""How often it is looked."""

KEY = "service/promises"
"""Where it is kept until when it was looked."""

PAGE = 500
"""How many tickets are looked at together."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def watch(tx: Transaction, now: datetime) -> None:
    """Record what ran out since it was last looked; what was late when it was promised is recorded there."""
    kept = tx.state(KEY)
    since = datetime.fromisoformat(kept) if kept else BEGINNING
    for metric in TARGETS:
        due = f"{metric}_due"
        late = tx.find(Ticket, where[due] >= since, where[due] < now, order=due)
        while page := [each for _, each in zip(range(PAGE), late, strict=False)]:
            _record(tx, metric, page)
    tx.set_state(KEY, max(since, now).isoformat())


def _record(tx: Transaction, metric: Metric, tickets: list[Ticket]) -> None:
    known = known_timers(tx, [each.id for each in tickets])
    found = []
    for ticket in tickets:
        recorder = Recorder(ticket, known.get(ticket.id, {}))
        last = recorder.last(metric)
        if last is not None and last.due is not None and not last.breached_at and last.is_running:
            recorder.add(metric, "breach", last.due)
            found.append(recorder.events)
    tx.add_all(chain.from_iterable(found))
