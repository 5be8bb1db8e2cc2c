"""What a customer's profile says of colleagues: who looks after the customer, and what is to be remembered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from crmkit import Customer, Handle, RestrictedError, Section
from crmkit.cli.language import Word
from crmkit_collaborative.directory.finding import member_of
from crmkit_collaborative.directory.presence import presence_of, teams_of
from crmkit_collaborative.interactions.fields import REMEMBER
from crmkit_collaborative.interactions.remembering import notes
from crmkit_collaborative.kinds import Branch, Member

__all__ = ["sections"]

NOTES = 20
"""How many notes a profile shows."""

Row = tuple[str, object]


def sections(crm: Handle, customer: Customer, as_of: datetime | None) -> Iterator[Section]:
    """The sections `care` and `remember`, each if there is something to say.

    What the actor may not see, or not look for, is left out.
    """
    with suppress(RestrictedError):
        if care := list(_care(crm, customer.owner, as_of)):
            yield Section("care", label="Looked after by", rows=care)
    with suppress(RestrictedError):
        if found := list(_notes(crm, customer.id, as_of)):
            yield Section("remember", label="To remember", rows=found)


def _care(crm: Handle, owner: str | None, as_of: datetime | None) -> Iterator[Row]:
    """Who the owner is; nothing if that is no member, for the id is among the fields already."""
    member = member_of(crm, owner, as_of) if isinstance(owner, str) else None  # or it is masked
    if member is not None:
        yield Word("Owner"), member.name
        with suppress(RestrictedError):
            yield from _place(crm, member, as_of)


def _place(crm: Handle, member: Member, as_of: datetime | None) -> Iterator[Row]:
    moment = as_of or crm.now()
    if teams := teams_of(crm, [member], moment, as_of)[member.id]:
        yield Word("Teams"), [each.name for each in teams]
    of = member.branch_id
    [branch] = crm.get_many(Branch, [of], as_of=as_of) if isinstance(of, str) else [None]
    if branch is not None:
        yield Word("Branch"), branch.name
    found = presence_of(crm, member, {branch.id: branch} if branch else {}, moment)
    if found.works is not None:
        yield Word("At work"), found.works
    if found.comes and not found.works:
        yield Word("Back at"), found.comes


def _notes(crm: Handle, customer_id: str, as_of: datetime | None) -> Iterator[Row]:
    """A row for each note: the day and the interaction that it is of, and what it says."""
    zone = ZoneInfo(crm.company.timezone)
    page = notes(crm, customer_id, limit=NOTES, as_of=as_of)
    for each in page:
        yield f"{each.happened_at.astimezone(zone).date()} {each.id}", each[REMEMBER]
    if page.after:
        yield Word("There are more"), f"crm interaction notes {customer_id}"
