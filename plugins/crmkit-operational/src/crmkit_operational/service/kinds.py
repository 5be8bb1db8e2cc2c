"""The kinds of service: tickets, what was promised for them, and what was measured of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from crmkit import Customer, Record, field, kind
from crmkit_operational.clock.kinds import Calendar, Holiday
from crmkit_operational.routing.kinds import Agent, RoutingDecision

__all__ = [
    "Agent",
    "Calendar",
    "Holiday",
    "MetricEvent",
    "Policy",
    "RoutingDecision",
    "Ticket",
]

State: TypeAlias = Literal["new", "open", "pending", "on_hold", "solved", "closed"]
Priority: TypeAlias = Literal["low", "normal", "high", "urgent"]
Metric: TypeAlias = Literal[
    "first_response", "next_reply", "resolution", "requester_wait", "agent_work"
]

EventType: TypeAlias = Literal["activate", "pause", "fulfill", "cancel", "apply_sla", "breach"]


@kind("policy", label="Service policy", title="name", unique=(("name",),), indexes=(("position",),))
class Policy(Record):
    """What is promised for tickets: of the policies that match a ticket the first by `position` counts.

    It matches by `priorities`, `topics`, `channels`, `teams` and `tags` of the customer; one that is empty matches
    all. The targets are minutes of the calendar, or of the clock on the wall without one. `pauses` are the states in which
    the clock of the resolution stands still.
    """

    name: str = field(search=True)
    position: int = field()
    priorities: tuple[str, ...] = field(default=())
    topics: tuple[str, ...] = field(default=())
    channels: tuple[str, ...] = field(default=())
    teams: tuple[str, ...] = field(default=())
    tags: tuple[str, ...] = field(default=())
    calendar_id: str | None = field(default=None, refers_to=Calendar, label="Business calendar")
    first_response: int | None = field(default=None, label="First response")
    next_reply: int | None = field(default=None, label="Next reply")
    resolution: int | None = field(default=None)
    pauses: tuple[str, ...] = field(default=("pending", "on_hold"))


@kind(
    "ticket",
    timeline="opened_at",
    title="subject",
    unique=(("source", "external_id"),),
    indexes=(
        ("queue_key",),
        ("assignee", "state", "opened_at"),
        ("state", "opened_at"),
        ("state", "priority"),
        ("parent_id",),
        ("thread",),
        ("customer_id", "state"),
    ),
)
class Ticket(Record):
    """Something a customer wants: its state, how urgent it is, whose it is, and what was promised.

    `parent_id` is the problem of which it is one case. `thread` is that of the contacts that belong to it.
    `state_since` is since when it is in its state, `asked_at` when the customer last said something, `answered_at`
    when somebody last answered. `queued_at` is since when it waits for somebody, None while it has an assignee or
    rests; `queue_key` is its place in the queue then (see `crmkit_operational.routing.queue`). Of `skills` the last
    may be done without after a while; `excluded` are the actors who gave it back. The `..._due` are when the targets
    of its policy run out, None while there is none or the clock stands still. What follows from the others is filled
    in on every write; whoever brings a history gives the times themselves.
    """

    customer_id: str | None = field(default=None, refers_to=Customer, label="Customer")
    subject: str = field(search=True, personal=True)
    body: str = field(default="", search=True, personal=True)
    state: State = field(default="new")
    priority: Priority = field(default="normal")
    topic: str | None = field(default=None, index=True)
    channel: str | None = field(default=None)
    skills: tuple[str, ...] = field(default=())
    assignee: str | None = field(default=None)
    team: str | None = field(default=None)
    parent_id: str | None = field(
        default=None, refers_to="ticket", on_delete="clear", label="Problem"
    )
    source: str | None = field(default=None)
    external_id: str | None = field(default=None)
    thread: str | None = field(default=None)
    opened_at: datetime = field(label="Opened at")
    state_since: datetime | None = field(default=None, label="In this state since")
    asked_at: datetime | None = field(default=None, label="Customer wrote at")
    answered_at: datetime | None = field(default=None, label="Answered at")
    queued_at: datetime | None = field(default=None, label="Waits since")
    queue_key: str | None = field(default=None, label="Place in the queue")
    excluded: tuple[str, ...] = field(default=(), label="Not for")
    solved_at: datetime | None = field(default=None, index=True, label="Solved at")
    policy_id: str | None = field(
        default=None, refers_to=Policy, on_delete="clear", label="Service policy"
    )
    first_response_due: datetime | None = field(
        default=None, index=True, label="First response due"
    )
    next_reply_due: datetime | None = field(default=None, index=True, label="Next reply due")
    resolution_due: datetime | None = field(default=None, index=True, label="Resolution due")


@kind(
    "metric_event",
    label="Metric event",
    title="metric",
    indexes=(("ticket_id", "at"), ("metric", "at")),
)
class MetricEvent(Record):
    """What happened to one metric of a ticket, whether or not a policy exists; every figure is a fold over these.

    The semantics of Zendesk's ticket metric events: `activate` starts or resumes, `pause` stops, `fulfill` ends an
    instance of a metric, `cancel` ends one that will not be reached any more; `apply_sla` says until when, `breach`
    that it was too late. `instance` counts from 1.
    """

    ticket_id: str = field(refers_to=Ticket, on_delete="cascade", label="Ticket")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    metric: Metric = field()
    instance: int = field(default=1)
    type: EventType = field()
    at: datetime = field()
    due: datetime | None = field(default=None)
