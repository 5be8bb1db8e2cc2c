"""One claim for each ticket: whoever comes second does not get it."""

from __future__ import annotations

from typing import Any

from crmkit import ConflictError, NotFound, Transaction
from crmkit_operational.routing.kinds import RoutingDecision
from crmkit_operational.service.kinds import Ticket

__all__ = ["claim", "decision"]


class _Raced(Exception):
    """Somebody else changed the ticket meanwhile."""


def claim(tx: Transaction, ticket: Ticket, **changes: Any) -> Ticket | None:
    """Change a ticket that is still as it was read; None, and nothing is changed, if it is not.

    An update merges by field, so that a ticket that was solved meanwhile would be given to somebody: the version
    tells. It is compared before, too, since what somebody else has changed in just the same way is not written again.
    """
    [current] = tx.get_many(Ticket, [ticket.id])
    if current is None or current.version != ticket.version:
        return None
    try:
        with tx.savepoint():
            stored = tx.update(ticket.evolve(**changes))
            if stored.version != ticket.version + 1:
                raise _Raced
            return stored
    except (_Raced, ConflictError, NotFound):
        return None


def decision(tx: Transaction, ticket: Ticket, **fields: Any) -> RoutingDecision:
    """A decision about a ticket, made now."""
    return RoutingDecision(
        ticket_id=ticket.id, customer_id=ticket.customer_id, at=tx.now(), **fields
    )
