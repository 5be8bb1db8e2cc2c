"""What the receiving side opens with: the newest packet, its facts as the reader may see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crmkit import MASKED, Customer, Handle, Interaction, Section, where
from crmkit.cli.language import Word
from crmkit_collaborative.kinds import Handover

__all__ = ["latest", "lines", "section"]


def latest(crm: Any, customer_id: str, as_of: datetime | None = None) -> Handover | None:
    """The newest packet of a customer or one of their cases."""
    found = crm.find(Handover, where.customer_id == customer_id, order="-at", limit=1, as_of=as_of)
    return next(iter(found), None)


def section(crm: Handle, customer: Customer, as_of: datetime | None) -> Section | None:
    """The part of a profile that says what was handed over last; nothing if nothing was."""
    found = latest(crm, customer.id, as_of)
    return (
        None if found is None else Section("handover", "Hand-over", list(lines(crm, found, as_of)))
    )


def lines(crm: Any, packet: Handover, as_of: datetime | None = None) -> Iterator[tuple[str, Any]]:
    """What a packet says, a line each: label and text. A fact that the reader may not see is not there."""
    yield Word("At"), packet.at
    yield Word("From"), packet.from_actor or "-"
    yield Word("To"), packet.to_actor or "-"
    if packet.subject_kind != Customer.__kind__:
        yield Word("Of"), f"{packet.subject_kind} {packet.subject_id}"
    for label, text in ((Word("Reason"), packet.reason), (Word("Summary"), packet.summary)):
        if text:
            yield label, text
    for each in _open(packet.open_questions):
        yield Word("Open question"), each
    for each in _open(packet.promises):
        yield Word("Promise"), each
    zone = ZoneInfo(crm.company.timezone)
    for label, name in ((Word("Unanswered"), "open"), (Word("Contact"), "contacts")):
        for fact in _seen(crm, dict(_open(packet.facts)).get(name, ()), as_of):
            yield label, _said(fact, zone)


def _said(fact: Interaction, zone: ZoneInfo) -> str:
    """A contact in a line; what of it the reader may not see stands as a mask."""
    at: Any = fact.happened_at
    day = at if at is MASKED else at.astimezone(zone).date()
    title: Any = fact.subject or fact.body
    title = title if title is MASKED or fact.subject else title[:60]
    return f"{day} {fact.channel}: {title} ({fact.id})"


def _open(value: Any) -> Any:
    """A value, or nothing in place of one that the reader may not see."""
    return () if value is MASKED else value


def _seen(crm: Any, ids: Any, as_of: datetime | None) -> list[Interaction]:
    wanted = (
        [each for each in ids if isinstance(each, str)] if isinstance(ids, list | tuple) else []
    )
    found = (
        {each.id: each for each in crm.find(Interaction, where.id.in_(wanted), as_of=as_of)}
        if wanted
        else {}
    )
    return [found[id] for id in wanted if id in found]
