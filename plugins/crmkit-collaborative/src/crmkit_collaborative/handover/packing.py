"""The packet of a hand-over: made in the transaction of every transfer, from what the company knows of the customer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from crmkit import CrmError, Customer, GuardView, Interaction, Record, Transaction, where
from crmkit.changes import Write
from crmkit_collaborative.interactions.fields import INTERNAL
from crmkit_collaborative.kinds import Handover
from crmkit_collaborative.words import _

__all__ = ["OWNERS", "give", "packet", "packets"]

OWNERS = ("owner", "assignee")
"""A change of one of these fields, from somebody to somebody, is a transfer."""

LATEST = 20
"""How many of the latest contacts are looked through for questions that are open."""


def give(
    tx: Transaction,
    id: str,
    to: str,
    *,
    of: str = Customer.__kind__,
    reason: str = "",
    summary: str = "",
    open_questions: Sequence[str] = (),
    promises: Sequence[str] = (),
) -> Handover:
    """Give a customer to `to`, or one case `of` another kind, with a packet that says what only the one before knows.

    Returns the packet. Raises `NotFound` for what is not there or not to be seen, `CrmError` if `to` has it already or
    it is no customer's or can be nobody's, and whatever refuses a write.
    """
    record = tx.get(of, id)
    customer_id = _customer(record)
    field = next((each for each in OWNERS if each in record.field_names()), None)
    if customer_id is None or field is None:
        text = _("{kind} {id} is no customer's, or nobody's to give; use `crm record {kind} edit`")
        raise CrmError(text.format(kind=of, id=id))
    before = record[field]
    if before == to:
        raise CrmError(_("{to} has it already; name somebody else").format(to=to))
    made = packet(tx, record, customer_id, before, to, tx.now())
    said = {"reason": reason, "summary": summary}
    lists = {"open_questions": tuple(open_questions), "promises": tuple(promises)}
    # Before the change of the owner, which would make a packet of its own: see `is_packed`.
    made = tx.add(made.evolve(**said, **lists))
    tx.update(record.evolve(**{field: to}))
    return made


def packets(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Record]:
    """A packet for each write that gives a customer, or a case of one, from somebody to somebody else.

    A packet that was written beforehand in the same transaction stays the only one: see `is_packed`.
    """
    for write in writes:
        for field in OWNERS:
            if write.previous is None or field not in write.record.field_names():
                continue
            before, after = write.previous[field], write.record[field]
            customer = _customer(write.record)
            if not before or not after or before == after or customer is None:
                continue
            if not is_packed(tx, write, after):
                made = packet(tx, write.record, customer, before, after, _moment(tx, write))
                id = _id_of(made, f"{field} {write.record.version}")
                yield made.evolve(id=id, summary=f"{before} → {after}")


def packet(
    tx: Any, subject: Record, customer: str, before: str | None, after: str | None, at: datetime
) -> Handover:
    """What the next one needs, each fact by the record that it is in: whoever may not read that will not see it."""
    latest = list(
        tx.find(Interaction, where.customer_id == customer, order="-happened_at", limit=LATEST)
    )
    return Handover(
        customer_id=customer,
        subject_kind=subject.__kind__,
        subject_id=subject.id,
        from_actor=before,
        to_actor=after,
        at=at,
        facts={
            "contacts": [each.id for each in latest[:3]],
            "open": [each.id for each in _unanswered(latest)],
        },
    )


def is_packed(tx: GuardView, write: Write, after: str) -> bool:
    """Whether a packet for this transfer is there already, written since the record was changed last."""
    previous = write.previous or write.record
    mine = (where.subject_id == previous.id, where.to_actor == after)
    found = list(tx.find(Handover, *mine, order="-created_at", limit=1))
    return bool(found) and found[0].created_at >= previous.updated_at and found[0].version == 1


def _id_of(packet: Handover, change: str) -> str:
    """A UUIDv7 (RFC 9562) of the packet's moment, the rest of it made from what was handed over by which change.

    Nobody writes this packet but a guard: whoever tells the same story again, as `crm demo` does, must get the same one.
    """
    milliseconds = int(packet.at.timestamp() * 1000)
    text = f"{packet.subject_kind} {packet.subject_id} {change} {packet.to_actor}"
    drawn = int.from_bytes(sha256(text.encode()).digest()[:10], "big")
    low = 0b10 << 62 | drawn & (1 << 62) - 1
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | (drawn >> 68) << 64 | low))


def _customer(record: Record) -> str | None:
    if record.__kind__ == "customer":
        return record.id
    found = record["customer_id"] if "customer_id" in record.field_names() else None
    return None if found is None else str(found)


def _moment(tx: GuardView, write: Write) -> datetime:
    return max(tx.now(), write.record.updated_at)


def _unanswered(latest: Sequence[Interaction]) -> Iterator[Interaction]:
    """What came in and was followed by nothing that went out in the same thread, or on the same channel without one."""
    answered: set[tuple[str, str | None]] = set()
    for each in latest:  # newest first
        key = (each.channel, each.thread)
        if each[INTERNAL] is True:
            continue  # said among colleagues: that answers no customer
        if each.direction.value == "out":
            answered.add(key)
        elif key not in answered and not each.outcome:
            yield each
