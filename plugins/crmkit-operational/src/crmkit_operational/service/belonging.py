"""What was measured and decided of a ticket belongs to the ticket's customer: the worker `ticket-customers`."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit import Change, Transaction
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.opening import give

__all__ = ["follow"]


def follow(tx: Transaction, changes: Sequence[Change]) -> None:
    """Let events and decisions follow tickets that were given to another customer by whatever path."""
    moved = [each.id for each in changes if each.delta and "customer_id" in each.delta]
    for ticket in tx.get_many(Ticket, list(dict.fromkeys(moved))):
        if ticket is not None:
            give(tx, ticket, ticket.customer_id)
