"""What a customer's profile says of sales: the open deals and the last orders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from crmkit import Customer, Handle, RestrictedError, Section, where
from crmkit.cli.language import Word
from crmkit_operational.finding import by_id
from crmkit_operational.sales.kinds import Deal, SalesOrder, Stage
from crmkit_operational.sales.orders import totals_of

__all__ = ["sections"]

SHOWN = 5
"""How many deals, and how many orders."""

Row = tuple[str, object]


def sections(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """The sections `deals` and `orders`, each if there is something to say; what may not be seen is left out."""
    with suppress(RestrictedError):
        if deals := list(_deals(crm, customer, as_of)):
            yield Section("deals", label="Open deals", rows=deals)
    with suppress(RestrictedError):
        if orders := list(_orders(crm, customer, as_of)):
            yield Section("orders", label="Last orders", rows=orders)


def _deals(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Row]:
    mine = (where.customer_id == customer.id, where.closed_at.missing())
    found = list(crm.find(Deal, *mine, order="-opened_at", limit=SHOWN + 1, as_of=as_of))
    stages = by_id(crm, Stage, [each.stage_id for each in found], as_of)
    for each in found[:SHOWN]:
        stage = stages.get(each.stage_id)
        parts = [stage and stage.name, each.amount, each.expected_close, each.next_step or None]
        yield f"{each.title} {each.id}", [part for part in parts if part is not None]
    if len(found) > SHOWN:
        yield Word("There are more"), f"crm deal list --customer {customer.id}"


def _orders(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Row]:
    zone = ZoneInfo(crm.company.timezone)
    mine = where.customer_id == customer.id
    found = list(crm.find(SalesOrder, mine, order="-placed_at", limit=SHOWN + 1, as_of=as_of))
    totals = totals_of(crm, found[:SHOWN], as_of)
    for each in found[:SHOWN]:
        parts = [totals.get(each.id), Word(each.status), each.number]
        day = each.placed_at.astimezone(zone).date()
        yield f"{day} {each.id}", [part for part in parts if part is not None]
    if len(found) > SHOWN:
        yield Word("There are more"), f"crm order list --customer {customer.id}"
