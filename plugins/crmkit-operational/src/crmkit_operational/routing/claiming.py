"""One claim for each ticket: whoever comes second does not get it."""

from __future__ import annotations

from typing import Any

from crmkit import ConflictError, NotFound, Transaction
from crmkit_operational.routing.kinds import RoutingDecision
from crmkit_operational.service.kinds import Ticket

__all__ = ["Raced", "claim", "claim_or_leave", "decision"]


class Raced(Exception):
    """Somebody else changed the ticket meanwhile."""


def claim(tx: Transaction, ticket: Ticket, **changes: Any) -> Ticket | None:
    """Change a ticket that is still as it was read; None, and nothing is changed, if it is not."""
    try:
        with tx.savepoint():
            return claim_or_leave(tx, ticket, **changes)
    except Raced:
        return None


def claim_or_leave(tx: Transaction, ticket: Ticket, **changes: Any) -> Ticket:
    """The same without a savepoint: raises `Raced` if it is not as it was read, and then the transaction is to be left.

    An update would merge by field, so that a ticket that was solved meanwhile would be given to somebody.
    """
    try:
        return tx.update(ticket.evolve(**changes), strict=True)
    except (ConflictError, NotFound) as error:
        raise Raced from error


def decision(tx: Transaction, ticket: Ticket, **fields: Any) -> RoutingDecision:
    """A decision about a ticket, made now."""
    return RoutingDecision(
        ticket_id=ticket.id, customer_id=ticket.customer_id, at=tx.now(), **fields
    )
