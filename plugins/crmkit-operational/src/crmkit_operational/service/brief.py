"""The agent's brief: what matters now of a ticket and its customer, in at most twelve lines that each name a record.

What other plugins keep is read by the names of their kinds and fields, where they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

import attrs

from crmkit import MASKED, Customer, Interaction, Reader, Record, RestrictedError, where
from crmkit_operational.clock.zones import zone_of
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.promises import TARGETS
from crmkit_operational.service.recording import SOLVED
from crmkit_operational.words import _, word

__all__ = ["MOST", "Line", "brief"]

MOST = 12
"""How many lines a brief has at most."""

REMEMBER, DONE = "collaborative.remember", "collaborative.done_at"


@attrs.frozen
class Line:
    """One line: what it says under which heading, and the record that says so."""

    about: str
    text: str
    kind: str
    id: str


def brief(reader: Reader, ticket: Ticket) -> list[Line]:
    """The brief of a ticket, of what the reader may see: the most urgent first, always the same for the same records."""
    found = list(_promised(reader, ticket))
    [customer] = reader.get_many(Customer, [ticket.customer_id or ""])
    if customer is not None:
        for part in (_who, _forbidden, _remembered, _handed_over, _open, _worth, _contacts):
            with suppress(RestrictedError):  # what may not be seen is left out
                found += part(reader, customer, ticket)
    with suppress(RestrictedError):
        found += _alike(reader, ticket)
    return found[:MOST]


def _line(about: str, record: Record, *said: Any) -> Line:
    text = ", ".join(str(each) for each in said if each not in (None, "", (), MASKED))
    return Line(about, text, record.__kind__, record.id)


def _has(reader: Reader, kind: str, field: str | None = None) -> bool:
    known = reader.schema.kinds.get(kind)
    return known is not None and (field is None or field in known.fields)


def _promised(reader: Reader, ticket: Ticket) -> Iterator[Line]:
    dues = [(ticket[f"{each}_due"], each) for each in TARGETS]
    present = sorted((due, each) for due, each in dues if due is not None and due is not MASKED)
    for due, metric in present[:1]:
        until = f"{_local(reader, due):%Y-%m-%d %H:%M}"
        yield _line(_("Promised"), ticket, word(metric), until, *_standing(ticket))


def _local(reader: Reader, moment: datetime) -> datetime:
    return moment.astimezone(zone_of(reader.company.timezone))


def _standing(ticket: Ticket) -> list[Any]:
    return [each if each is MASKED else word(each) for each in (ticket.priority, ticket.state)]


def _who(reader: Reader, customer: Customer, ticket: Ticket) -> Iterator[Line]:
    tags = "" if customer.tags is MASKED else ", ".join(customer.tags)
    yield _line(_("Who"), customer, customer.name, customer.language, tags, customer.owner)


def _forbidden(reader: Reader, customer: Customer, ticket: Ticket) -> Iterator[Line]:
    if not _has(reader, "contact_rule"):
        return
    mine = reader.find("contact_rule", where.customer_id == customer.id, order="-since")
    newest: dict[tuple[Any, Any], Record] = {}
    for each in mine:
        newest.setdefault((each["channel"], each["purpose"]), each)
    for each in newest.values():
        if each["verdict"] in ("do_not_contact", "withdrawn"):
            where_to = each["channel"] or _("any channel")
            yield _line(_("Do not contact"), each, where_to, each["purpose"], each["reason"])


def _remembered(reader: Reader, customer: Customer, ticket: Ticket) -> Iterator[Line]:
    if not _has(reader, "interaction", REMEMBER):
        return
    mine = (where.customer_id == customer.id, where[REMEMBER].present(), where[DONE].missing())
    for each in reader.find(Interaction, *mine, order="-happened_at", limit=2):
        yield _line(_("Remember"), each, each[REMEMBER])


def _handed_over(reader: Reader, customer: Customer, ticket: Ticket) -> Iterator[Line]:
    if not _has(reader, "handover"):
        return
    mine = where.customer_id == customer.id
    for each in reader.find("handover", mine, order="-at", limit=1):
        promises = each["promises"]
        if promises is not MASKED and (promises or each["summary"]):
            yield _line(_("Handed over"), each, each["summary"], *promises)


def _open(reader: Reader, customer: Customer, ticket: Ticket) -> Iterator[Line]:
    mine = (where.customer_id == customer.id, where.id != ticket.id)
    still = where.state.in_(["new", "open", "pending", "on_hold"])
    for each in reader.find(Ticket, *mine, still, order="-opened_at", limit=2):
        yield _line(_("Also open"), each, each.subject, *reversed(_standing(each)))
    if _has(reader, "deal", "stage_id"):
        is_open = (where.customer_id == customer.id, where["stage_id.category"] == "open")
        for deal in reader.find("deal", *is_open, order="-opened_at", limit=1):
            yield _line(_("Open deal"), deal, deal["title"], deal["amount"])


def _worth(reader: Reader, customer: Customer, ticket: Ticket) -> Iterator[Line]:
    if not (_has(reader, "order", "placed_at") and _has(reader, "order_line", "amount")):
        return
    mine = where.customer_id == customer.id
    for each in reader.find("order", mine, order="-placed_at", limit=1):
        day = f"{_local(reader, each['placed_at']):%Y-%m-%d}"
        yield _line(_("Last order"), each, day, *_total(reader, each))


def _total(reader: Reader, order: Record) -> list[Any]:
    """What its lines add up to, for an order holds no total; nothing for who may not see amounts."""
    with suppress(RestrictedError):
        found = reader.totals("order_line", where.order_id == order.id, sum="amount")
        return [each.measures[0] for each in found]
    return []


def _contacts(reader: Reader, customer: Customer, ticket: Ticket) -> Iterator[Line]:
    mine = where.customer_id == customer.id
    for each in reader.find(Interaction, mine, order="-happened_at", limit=3):
        said = each.subject or each.body
        short = said if said is MASKED else " ".join(str(said).split())[:60]
        day = f"{_local(reader, each.happened_at):%Y-%m-%d}"
        yield _line(_("Contact"), each, day, each.channel, short, each.outcome)


def _alike(reader: Reader, ticket: Ticket) -> Iterator[Line]:
    """Solved tickets with the same words, then those about the same topic, the newest first."""
    found: dict[str, Ticket] = {}
    if ticket.subject is not MASKED and ticket.subject.strip():
        hits: Sequence[Any] = reader.search(ticket.subject, [Ticket], limit=20).records
        found |= {each.id: each for each in hits if each.state in SOLVED}
    if ticket.topic is not None and ticket.topic is not MASKED:
        same = (where.topic == ticket.topic, where.solved_at.present(), where.id != ticket.id)
        late = reader.find(Ticket, *same, order="-solved_at", limit=2)
        found |= {each.id: each for each in late if each.id not in found}
    found.pop(ticket.id, None)
    for each in islice(found.values(), 2):
        yield _line(_("Solved before"), each, each.subject, each.topic, each.assignee)
