"""What interactions say of a channel: which contacts were attempts, and which of them were answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from crmkit_collaborative.interactions.fields import PURPOSE

__all__ = ["REPLY_WITHIN", "UNANSWERED", "Contact", "Used", "contact_of", "used"]

REPLY_WITHIN = timedelta(days=7)
"""How long after it a message still answers an attempt."""

UNANSWERED = frozenset({"unanswered", "no_answer", "busy", "voicemail", "bounced", "부재중"})
"""Outcomes that say that nobody was reached."""


@attrs.frozen
class Contact:
    """What of an interaction counts: its id, channel, time, thread, outcome and whether the customer began it."""

    id: str
    channel: str
    at: datetime
    incoming: bool
    thread: str | None = None
    outcome: str | None = None
    purpose: str | None = None


@attrs.frozen
class Used:
    """One contact on a channel: 1 if the customer began it or answered, 0 if an attempt stayed unanswered.

    `why` says which: `came_in`, `outcome` or `reply` with the id of the reply in `by`, `no_reply`. `after` is how long
    the reply took.
    """

    contact: Contact
    value: int
    why: str
    by: str | None = None
    after: timedelta | None = None


def used(contacts: Iterable[Contact], live: Iterable[str], now: datetime) -> Iterator[Used]:
    """Judge the contacts of one customer, oldest first as they come.

    What came in counts as used, unless it answers an attempt, which it then makes a used one: both together are one
    piece of evidence. On a channel of `live` the outcome says whether somebody was reached, and without one somebody
    was. An attempt that is younger than `REPLY_WITHIN` and not answered yet says nothing.
    """
    known = sorted(contacts, key=lambda each: (each.at, each.id))
    talking = frozenset(live)
    answering: dict[str, Contact] = {}
    waiting: dict[tuple[str, str | None], list[Contact]] = {}
    for each in known:
        key = (each.channel, each.thread)
        if not each.incoming:
            waiting.setdefault(key, []).append(each)
            continue
        # The newest attempt is the one that was answered; those before it were not enough.
        open_ = [one for one in waiting.pop(key, []) if each.at - one.at <= REPLY_WITHIN]
        if open_ and each.channel not in talking:
            answering[open_[-1].id] = each
    replies = {each.id for each in answering.values()}
    for each in known:
        found = _judged(each, answering.get(each.id), each.channel in talking, now)
        if found is not None and each.id not in replies:
            yield found


def _judged(each: Contact, reply: Contact | None, live: bool, now: datetime) -> Used | None:
    if each.incoming:
        return Used(each, 1, "came_in")
    if each.outcome in UNANSWERED:
        return Used(each, 0, "outcome")
    if reply is not None:
        return Used(each, 1, "reply", reply.id, reply.at - each.at)
    if live:
        return Used(each, 1, "outcome")
    return None if now - each.at < REPLY_WITHIN else Used(each, 0, "no_reply")


def contact_of(record: Any) -> Contact:
    """The contact that an interaction is."""
    return Contact(
        record.id,
        record.channel,
        record.happened_at,
        record.direction.value == "in",
        record.thread,
        record.outcome,
        record[PURPOSE],
    )
