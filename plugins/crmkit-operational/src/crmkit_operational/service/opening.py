"""What people do with tickets: open one, answer, change its state, give it to another customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmkit import CrmError, Interaction, Transaction, new_id, where
from crmkit.kinds import Direction
from crmkit_operational.routing.kinds import RoutingDecision
from crmkit_operational.service.kinds import MetricEvent, Ticket
from crmkit_operational.service.recording import SOLVED
from crmkit_operational.service.talk import heard, spoken

__all__ = ["give", "note", "open_ticket", "reply", "set_state", "solve"]


def open_ticket(
    tx: Transaction, subject: str, contact: Interaction | None = None, **values: Any
) -> Ticket:
    """Open a ticket, perhaps about a contact that there was: its customer, thread and what was said since count.

    `values` are fields of the ticket. Raises `CrmError` for a blank subject, and whatever refuses a write.
    """
    if not subject.strip():
        raise CrmError("a ticket says what it is about; give it a subject")
    given: dict[str, Any] = {"subject": subject, "opened_at": tx.now(), "thread": new_id()}
    if contact is not None:
        given |= {
            "customer_id": contact.customer_id,
            "channel": contact.channel,
            "thread": contact.thread or contact.id,
            "opened_at": contact.happened_at,
            "body": contact.body,
        }
        if not contact.thread:
            tx.update(contact.evolve(thread=contact.id))
    ticket = tx.add(Ticket(**(given | values)))
    is_new = contact is None and "thread" not in values  # nobody has said anything in it
    for each in () if is_new else spoken(tx, ticket):
        if contact is None or each.id != contact.id:
            after = heard(ticket, each)
            ticket = ticket if after is ticket else tx.update(after)
    return ticket


def reply(
    tx: Transaction, ticket: Ticket, body: str, channel: str | None = None, **values: Any
) -> Interaction:
    """Log what was answered, in the ticket's thread; the ticket counts as answered by it.

    `values` are fields of the contact. Raises `CrmError` for a closed ticket or one that says nothing.
    """
    if ticket.state == "closed":
        raise CrmError(f"ticket {ticket.id} is closed; open another with --problem {ticket.id}")
    if not body.strip():
        raise CrmError("an answer says something; give its text")
    if ticket.thread is None:
        ticket = tx.update(ticket.evolve(thread=ticket.id))
    made = Interaction(
        **{
            "customer_id": ticket.customer_id,
            "channel": channel or ticket.channel or "email",
            "direction": Direction.OUT,
            "happened_at": tx.now(),
            "subject": ticket.subject,
            "body": body,
            "thread": ticket.thread,
            **values,
        }
    )
    contact = tx.add(made)
    after = heard(ticket, contact)
    if after is not ticket:
        tx.update(after)
    return contact


def set_state(tx: Transaction, ticket: Ticket, state: Any, at: datetime | None = None) -> Ticket:
    """Change a ticket's state, since now or since a moment in the past."""
    since = {} if at is None else {"state_since": at}
    return tx.update(ticket.evolve(state=state, **since))


def solve(tx: Transaction, ticket: Ticket, with_cases: bool = False) -> list[Ticket]:
    """Solve a ticket and, if it is a problem and so wanted, all its cases that are not solved yet."""
    cases = tx.find(Ticket, where.parent_id == ticket.id) if with_cases else ()
    found = [each for each in (ticket, *cases) if each.state not in SOLVED]
    if not found:
        raise CrmError(f"ticket {ticket.id} is {ticket.state} already")
    return [set_state(tx, each, "solved") for each in found]


def give(tx: Transaction, ticket: Ticket, customer_id: str | None) -> Ticket:
    """Let a ticket belong to another customer, with all that was measured and decided of it."""
    for kind in (MetricEvent, RoutingDecision):
        theirs = tx.find(kind, where.ticket_id == ticket.id)
        for each in [each for each in theirs if each["customer_id"] != customer_id]:
            tx.update(each.evolve(customer_id=customer_id))
    return tx.update(ticket.evolve(customer_id=customer_id))


def note(tx: Transaction, ticket: Ticket, body: str) -> Interaction:
    """Leave a note for colleagues in the ticket's thread: it answers nobody."""
    return reply(tx, ticket, body, "note", added={"operational.automatic": True})
