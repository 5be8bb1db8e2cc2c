"""What a customer's profile shows of service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from crmkit import Customer, Handle, Section, where
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.words import _

__all__ = ["section"]

MOST = 5
"""How many tickets a profile shows."""


def section(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """The newest tickets of a customer that are not solved."""
    mine = where.customer_id == customer.id
    waits = where.state.in_(["new", "open", "pending", "on_hold"])
    found = crm.find(Ticket, mine, waits, order="-opened_at", limit=MOST, as_of=as_of)
    rows = [
        (each.id, f"{each.subject} [{each.state}, {each.priority}] {each.assignee or ''}".strip())
        for each in found
    ]
    if rows:
        yield Section("tickets", _("Tickets"), rows)
