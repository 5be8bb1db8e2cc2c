"""In which order tickets wait: a key that is stored with each, so that an index has the queue in order.

The order is: effective priority, highest first; the next breach of a target, earliest first, none last; waiting
longest; id. The effective priority is the level of the priority (low 0, normal 1, high 2, urgent 3) plus one for each
step of `ageing` minutes waited. Steps end at the same moments for all tickets, counted from 0001-01-01 00:00 UTC, so
what is gained is gained by all at once: which of two comes first never changes while both wait, the key needs the
time of no clock, and a cursor into the queue stays good. There is no highest level. A ticket can therefore only be
overtaken by those that came less than `TOP` + 1 steps after it: nobody starves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crmkit import Reader, Write, where
from crmkit.changes import Patch
from crmkit.query import Condition
from crmkit.values import format_time
from crmkit_operational.service.kinds import Ticket

__all__ = [
    "LEVELS",
    "TOP",
    "WAITING",
    "breach",
    "effective",
    "from_the_head",
    "key",
    "pages",
    "patches",
    "waits",
]

LEVELS: Mapping[str, int] = {"low": 0, "normal": 1, "high": 2, "urgent": 3}
"""Priority -> level."""

TOP = max(LEVELS.values())

WAITING: Condition = where.queue_key.present()
"""The condition that a ticket waits in the queue."""

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
NEVER = "~"
"""Sorts behind every time."""

FIRST, MOST = 4, 500
"""How many tickets are read at first, and at most; ten times as many each time."""

MADE_OF = ("priority", "queued_at", "first_response_due", "next_reply_due", "resolution_due")
"""What a key is made of."""


def step(moment: datetime, ageing: int) -> int:
    """The number of the step of `ageing` minutes in which a moment lies."""
    return (moment - BEGINNING) // timedelta(minutes=ageing)


def effective(ticket: Ticket, now: datetime, ageing: int) -> int:
    """The level of a waiting ticket with what it gained by waiting; it never loses."""
    assert ticket.queued_at is not None
    gained = step(now, ageing) - step(ticket.queued_at, ageing)
    return LEVELS[ticket.priority] + max(0, gained)


def breach(ticket: Ticket) -> datetime | None:
    """When the first of its targets runs out, None if none does."""
    dues = (ticket.first_response_due, ticket.next_reply_due, ticket.resolution_due)
    return min((due for due in dues if due is not None), default=None)


def key(ticket: Ticket, ageing: int) -> str | None:
    """What a ticket sorts by in the queue, smaller first; None if it does not wait."""
    if ticket.queued_at is None:
        return None
    due = breach(ticket)
    place = step(ticket.queued_at, ageing) + TOP - LEVELS[ticket.priority]
    return f"{place:010d} {format_time(due) if due else NEVER} {format_time(ticket.queued_at)}"


def waits(ticket: Ticket) -> bool:
    """Whether it waits for somebody."""
    return ticket.queued_at is not None and ticket.assignee is None


def from_the_head(reader: Reader) -> Iterator[Ticket]:
    """The tickets that wait, in the order of the queue."""
    for page in pages(reader):
        yield from page


def pages(reader: Reader) -> Iterator[Sequence[Ticket]]:
    """The same in pages: the first is short, since most need no more."""
    limit, after = FIRST, None
    while True:
        page = reader.page(Ticket, WAITING, order="queue_key", limit=limit, after=after)
        yield page.records
        if page.after is None:
            return
        limit, after = min(limit * 10, MOST), page.after


def patches(tx: Reader, writes: Sequence[Write], others: Iterable[Patch] = ()) -> Iterator[Patch]:
    """The keys of tickets about to be written; `others` are what else will be changed in them."""
    from crmkit_operational.service.settings import Settings

    ageing = tx.settings(Settings).ageing
    changed: dict[int, dict[str, Any]] = {}
    for each in others:
        changed.setdefault(id(each.write), {}).update(each.values)
    for write in writes:
        record = write.record
        if write.action == "delete" or not isinstance(record, Ticket):
            continue
        own = changed.get(id(write), {})
        made = {name: own[name] for name in MADE_OF if name in own}
        is_gone = (
            made.get("queued_at", record.queued_at) is None
        )  # most often, and then nothing else matters
        wanted = None if is_gone else key(record.evolve(**made) if made else record, ageing)
        if wanted != record.queue_key:
            yield write.patch(queue_key=wanted)
