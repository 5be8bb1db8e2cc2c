"""What is said in the thread of a ticket: contacts of any channel move it on, from whichever path they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from crmkit import Change, Interaction, Reader, Transaction, where
from crmkit.kinds import Direction
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.recording import SOLVED

__all__ = ["AUTOMATIC", "heard", "listen", "spoken"]

AUTOMATIC = "operational.automatic"
"""The field of contacts that a machine wrote by itself: they answer nobody."""


def listen(tx: Transaction, changes: Sequence[Change]) -> None:
    """Let new contacts count for the tickets in whose threads they are: the worker `conversations`."""
    ids = [each.id for each in changes if each.action == "insert"]
    found = [each for each in tx.get_many(Interaction, ids) if each is not None and each.thread]
    for contact in sorted(found, key=lambda each: (each.happened_at, each.id)):
        for ticket in tx.find(Ticket, where.thread == contact.thread):
            after = heard(ticket, contact)
            if after is not ticket:
                tx.update(after)


def heard(ticket: Ticket, contact: Interaction) -> Ticket:
    """The ticket once a contact has happened; itself if that says nothing new.

    What the customer says brings a ticket back that was solved, or that waited for them; a closed one stays closed.
    """
    if contact.happened_at < ticket.opened_at or ticket.state == "closed":
        return ticket
    if contact.direction is Direction.IN:
        return _asked(ticket, contact.happened_at)
    if contact[AUTOMATIC] or (ticket.answered_at and ticket.answered_at >= contact.happened_at):
        return ticket
    opened = {"state": "open", "state_since": contact.happened_at} if ticket.state == "new" else {}
    return ticket.evolve(answered_at=contact.happened_at, **opened)


def _asked(ticket: Ticket, at: datetime) -> Ticket:
    if at <= max(ticket.opened_at, ticket.asked_at or ticket.opened_at):
        return ticket
    # The very word with which it was solved brings nothing back.
    is_back = ticket.state in {"pending", *SOLVED} and at > (ticket.state_since or ticket.opened_at)
    back = {"state": "open", "state_since": at} if is_back else {}
    return ticket.evolve(asked_at=at, **back)


def spoken(reader: Reader, ticket: Ticket) -> list[Interaction]:
    """The contacts in a ticket's thread since it was opened, in order."""
    if not ticket.thread:
        return []
    since = where.happened_at >= ticket.opened_at
    return list(reader.find(Interaction, where.thread == ticket.thread, since, order="happened_at"))
