"""The states of a ticket through time, read from the journal by when they were true in the world."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from crmkit import Reader
from crmkit_operational.service.kinds import Ticket

__all__ = ["Stay", "states_of"]


@attrs.frozen
class Stay:
    """A ticket in one state: since when, until when if it left, and who brought it there."""

    state: str
    since: datetime
    until: datetime | None
    by: str

    def length(self, now: datetime) -> timedelta:
        """How long it lasted, until now if it lasts."""
        return (self.until or now) - self.since


def states_of(reader: Reader, ticket: Ticket) -> list[Stay]:
    """The stays of a ticket in order, its present one last; as far as the journal goes back."""
    entered: list[tuple[str, datetime, str]] = []
    for change in reader.history(Ticket, ticket.id):
        delta = change.delta or {}
        if change.action == "insert":
            entered.append(("", ticket.opened_at, change.actor.id))
        elif "state" in delta:
            since = delta.get("state_since", (None, None))[1]
            at = datetime.fromisoformat(since) if since else change.effective
            before, after = delta["state"]
            entered[-1:] = [(before, *entered[-1][1:])] if entered else []
            entered.append((after, at, change.actor.id))
    if entered:
        entered[-1] = (ticket.state, *entered[-1][1:])
    ends = [since for _, since, _ in entered[1:]]
    return [
        Stay(state, since, until, by)
        for (state, since, by), until in zip(entered, [*ends, None], strict=True)
    ]
