"""The kinds of routing: who takes tickets, and why one went to whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from crmkit import Customer, Record, field, kind

__all__ = ["Agent", "RoutingDecision"]


@kind("agent", title="name", unique=(("actor",),))
class Agent(Record):
    """Somebody who takes tickets; `actor` is the id under which they act, and that of their tickets' `assignee`.

    `capacity` is how many tickets they take at once, `capacities` channel -> how many of these, 0 for none; skills and
    working hours of the directory's member with the same actor count, too. `assigned_at` also says whose turn it is.
    """

    actor: str = field(label="Actor")
    name: str = field(search=True)
    status: Literal["online", "away", "offline"] = field(default="offline")
    capacity: int = field(default=5)
    capacities: Mapping[str, Any] = field(factory=dict, label="Capacity by channel")
    skills: tuple[str, ...] = field(default=())
    team: str | None = field(default=None)
    calendar_id: str | None = field(
        default=None, refers_to="calendar", on_delete="clear", label="Business calendar"
    )
    assigned_at: datetime | None = field(default=None, label="Last assigned")


@kind(
    "routing_decision",
    label="Routing decision",
    title="outcome",
    indexes=(("ticket_id", "at"),),
)
class RoutingDecision(Record):
    """What routing decided for a ticket, with every candidate and why they were not it.

    `candidates` are `{"agent": ACTOR, "why": CODE}` in the order of the strategy, who got it first. They hold no
    counts of tickets: whoever may read a decision learns nothing of tickets that they may not read. `strategy` is that
    of the settings, or how it came about otherwise: `by_hand`, `taken`, `reopened`, `released`.
    """

    ticket_id: str = field(refers_to="ticket", on_delete="cascade", label="Ticket")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    at: datetime = field()
    outcome: Literal["assigned", "queued"] = field()
    agent: str | None = field(default=None)
    strategy: str = field(default="least_loaded")
    reason: str = field(default="")
    candidates: tuple[Any, ...] = field(default=())
