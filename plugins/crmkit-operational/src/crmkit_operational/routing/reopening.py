"""Tickets that are opened again: back to their agent if that agent is eligible, else into the queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crmkit import Change, Transaction, where
from crmkit_operational.routing.claiming import claim, decision
from crmkit_operational.routing.desk import locked_desk
from crmkit_operational.routing.eligibility import rejection
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.routing.rules import hold
from crmkit_operational.routing.staff import ACTIVE, Seat
from crmkit_operational.service.kinds import Ticket

__all__ = ["reopened", "settle"]

RESTED = ("solved", "closed")


def reopened(changes: Iterable[Change]) -> set[str]:
    """The ids of tickets that were solved and were opened again, and were not given to somebody in that."""
    found: set[str] = set()
    for each in changes:
        delta = (
            (each.delta or {}) if each.action == "update" and each.kind == Ticket.__kind__ else {}
        )
        before, after = delta.get("state", (None, None))
        if before in RESTED and after in ACTIVE and "assignee" not in delta:
            found.add(each.id)
    return found


def settle(tx: Transaction, tickets: Sequence[Ticket]) -> list[Ticket]:
    """Keep reopened tickets with their agents who are eligible, and put the others into the queue; returns these.

    Whoever is assigned a ticket without being an agent keeps it.
    """
    mine = [each for each in tickets if each.assignee is not None and each.state in ACTIVE]
    back: list[Ticket] = []
    for ticket, seat in _seated(tx, mine):
        why = rejection(seat.without(ticket), ticket, ticket.skills)
        kept = ticket if why is None else claim(tx, ticket, assignee=None, queued_at=tx.now())
        if kept is None:
            continue
        made = {"outcome": "queued" if why else "assigned", "agent": None if why else kept.assignee}
        who = ({"agent": seat.agent.actor, "why": why or "chosen"},)
        tx.add(decision(tx, kept, strategy="reopened", reason=why or "", candidates=who, **made))
        if why:
            back.append(kept)
    return back


def _seated(tx: Transaction, tickets: Sequence[Ticket]) -> list[tuple[Ticket, Seat]]:
    """The tickets whose assignees are agents, with the seats of these."""
    actors = {str(each.assignee) for each in tickets}
    if not actors:
        return []
    # All that the run behind this holds, too: taken at once, in one order, or two runs would wait for each other.
    hold(tx, actors | {each.actor for each in tx.find(Agent, where.status == "online")})
    seats = locked_desk(tx, sorted(actors)).seats
    return [(each, seats[str(each.assignee)]) for each in tickets if each.assignee in seats]
