"""Notes for the next contact: what one colleague wrote down, until another has seen to it."""

from __future__ import annotations

from datetime import datetime

from crmkit import CrmError, Interaction, Reader, Records, Transaction, ValueRefused, where
from crmkit_collaborative.interactions.fields import DONE_AT, REMEMBER

__all__ = ["mark_done", "notes", "remember"]


def notes(
    reader: Reader,
    customer_id: str,
    *,
    done: bool = False,
    limit: int = 50,
    after: str | None = None,
    as_of: datetime | None = None,
) -> Records[Interaction]:
    """The interactions with a customer that left a note, newest first; with `done`, also those that were seen to."""
    mine = (where.customer_id == customer_id, where[REMEMBER].present())
    waiting = () if done else (where[DONE_AT].missing(),)
    return reader.page(
        Interaction,
        *mine,
        *waiting,
        order="-happened_at",
        limit=limit,
        after=after,
        as_of=as_of,
    )


def remember(tx: Transaction, id: str, text: str) -> Interaction:
    """Leave a note on an interaction, in place of the one that it had."""
    if not text.strip():
        raise ValueRefused("a note says something; write what the next colleague must know")
    found = tx.get(Interaction, id)
    return tx.update(found.set(REMEMBER, text.strip()).set(DONE_AT, None))


def mark_done(tx: Transaction, id: str, at: datetime) -> Interaction:
    """Mark the note of an interaction as seen to; one that already is stays as it is."""
    found = tx.get(Interaction, id)
    if found[REMEMBER] is None:
        raise CrmError(
            f"interaction {found.id} has no note; leave one with `crm interaction note {found.id} TEXT`"
        )
    return found if found[DONE_AT] else tx.update(found.set(DONE_AT, at))
