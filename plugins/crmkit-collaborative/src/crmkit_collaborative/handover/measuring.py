"""How well customers are handed over: how often a case changes hands, and how often customers repeat themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit import MASKED, Interaction, where
from crmkit.query import Condition
from crmkit_collaborative.handover.repeating import (
    BEFORE,
    WITHIN,
    Message,
    Repeat,
    Weights,
    content,
    repeats,
)
from crmkit_collaborative.kinds import Handover

__all__ = ["Measured", "measure"]


@attrs.frozen
class Measured:
    """The hand-overs of a time, each figure with the ids behind it.

    `transfers` is (kind, id) of each case -> its hand-overs. `messages` are what customers said after one, in the
    time that is looked at; `repeated` those of them that restate something. `unheard` are hand-overs after which the
    customer said nothing: they are in no rate. `texts` are how many messages with any word were read, those before included: from
    these comes how rare a word is.
    """

    since: datetime
    until: datetime
    transfers: dict[tuple[str, str], tuple[str, ...]]
    messages: tuple[str, ...]
    repeated: tuple[Repeat, ...]
    unheard: tuple[str, ...]
    texts: int

    @property
    def per_case(self) -> float | None:
        """Hand-overs for each case that was handed over; None without any."""
        total = sum(map(len, self.transfers.values()))
        return total / len(self.transfers) if self.transfers else None

    @property
    def repeat_rate(self) -> float | None:
        """The share of `messages` that restate an earlier request; None without messages."""
        return len(self.repeated) / len(self.messages) if self.messages else None


def measure(crm: Any, since: datetime, until: datetime, *conditions: Condition) -> Measured:
    """Measure what the reader may see of the hand-overs from `since` on and before `until`.

    A message counts once, after the latest hand-over before it.
    """
    transfers: dict[tuple[str, str], list[str]] = defaultdict(list)
    by_customer: dict[str, list[Handover]] = defaultdict(list)
    window = (where.at >= since, where.at < until)
    for each in crm.find(Handover, *window, *conditions, order="at"):
        transfers[each.subject_kind, each.subject_id].append(each.id)
        by_customer[each.customer_id].append(each)
    messages: list[str] = []
    repeated: list[Repeat] = []
    unheard: list[str] = []
    said_by = {customer: _said(crm, customer, packets) for customer, packets in by_customer.items()}
    weights = Weights(content(each) for said in said_by.values() for each in said)
    for customer, packets in by_customer.items():
        for packet, following in zip(packets, [*packets[1:], None], strict=True):
            until_ = None if following is None else following.at
            own = [each for each in said_by[customer] if until_ is None or each.at < until_]
            found = list(repeats(packet.id, packet.at, own, weights))
            messages += [message.id for message, _ in found]
            repeated += [repeat for _, repeat in found if repeat is not None]
            unheard += [] if found else [packet.id]
    kept = {case: tuple(ids) for case, ids in transfers.items()}
    lists = tuple(messages), tuple(repeated), tuple(unheard)
    return Measured(since, until, kept, *lists, weights.size)


def _said(crm: Any, customer: str, packets: Sequence[Handover]) -> list[Message]:
    first, last = packets[0].at - BEFORE, packets[-1].at + WITHIN
    mine = (where.customer_id == customer, where.direction == "in")
    found = crm.find(
        Interaction,
        *mine,
        where.happened_at >= first,
        where.happened_at <= last,
        order="happened_at",
    )
    return [
        Message(each.id, each.happened_at, *map(_text, (each.subject, each.body))) for each in found
    ]


def _text(value: Any) -> str:
    return "" if value is MASKED else str(value)
