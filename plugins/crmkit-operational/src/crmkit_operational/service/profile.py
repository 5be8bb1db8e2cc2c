"""What a customer's profile shows of service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from crmkit import MASKED, Customer, Handle, Section, where
from crmkit.cli.language import Word
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.words import WORDS, _

__all__ = ["section"]

MOST = 5
"""How many tickets a profile shows."""


def _said(ticket: Ticket) -> list[Any]:
    codes = [
        each if each is MASKED else Word(WORDS[each]) for each in (ticket.state, ticket.priority)
    ]
    return [each for each in (ticket.subject, *codes, ticket.assignee) if each is not None]


def section(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """The newest tickets of a customer that are not solved."""
    mine = where.customer_id == customer.id
    waits = where.state.in_(["new", "open", "pending", "on_hold"])
    found = crm.find(Ticket, mine, waits, order="-opened_at", limit=MOST, as_of=as_of)
    rows = [(each.id, _said(each)) for each in found]
    if rows:
        yield Section("tickets", _("Tickets"), rows)
