"""Rotting deals: those in whose stage no person has done anything for too long.

Nothing of it is stored: a deal rots `Stage.rot_days` after the last human activity, and both are looked up when they
are asked for, so that another threshold holds at once and for all deals. (Krayin counts from when a deal was made,
so that an old one always rots; Odoo from the last write, by a bot as well.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import attrs

from crmkit import Change, Interaction, Reader, where
from crmkit.kinds import Direction
from crmkit_operational.sales.kinds import Deal, Stage

if TYPE_CHECKING:
    from crmkit import AnyOf, Linked, Where

    Condition = Where | AnyOf | Linked

__all__ = ["Activity", "Rot", "activities", "rot_of", "rotting"]

CHUNK = 500
"""Of how many customers the contacts are looked for at once."""


@attrs.frozen
class Activity:
    """What a person did last with a deal: it entered its stage, was changed, or its customer was in contact.

    `id` is the interaction's, or the deal's own; `by` is who did it, None for the customer.
    """

    at: datetime
    what: Literal["entered", "changed", "contact"]
    id: str
    by: str | None = None


@attrs.frozen
class Rot:
    """When a deal began, or will begin, to rot: `since` = the last activity + the stage's `rot_days`."""

    deal: Deal
    stage: Stage
    activity: Activity
    since: datetime

    def has_begun(self, now: datetime) -> bool:
        """Whether the deal rots."""
        return self.since <= now


def rotting(reader: Reader, conditions: Sequence[Condition], now: datetime) -> list[Rot]:
    """The open deals that rot, among those that meet the conditions; those that have rotted longest come first."""
    stages = {each.id: each for each in reader.find(Stage, where.category == "open")}
    rots = [id for id, each in stages.items() if each.rot_days is not None]
    if not rots:
        return []
    deals = list(reader.find(Deal, where.stage_id.in_(rots), *conditions))
    found = rot_of(reader, deals, stages, now).values()
    begun = [each for each in found if each.has_begun(now)]
    return sorted(begun, key=lambda each: (each.since, each.deal.id))


def rot_of(
    reader: Reader, deals: Iterable[Deal], stages: Mapping[str, Stage], now: datetime
) -> dict[str, Rot]:
    """When each deal that can rot does, by its id; those in other stages are left out."""
    can = [
        each
        for each in deals
        if (stage := stages.get(each.stage_id))
        and stage.category == "open"
        and stage.rot_days is not None
    ]
    found = activities(reader, can, now)
    return {
        each.id: Rot(each, stage, found[each.id], _after(found[each.id].at, stage.rot_days or 0))
        for each in can
        for stage in [stages[each.stage_id]]
    }


def _after(moment: datetime, days: int) -> datetime:
    try:
        return moment + timedelta(days=days)
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)


def activities(reader: Reader, deals: Sequence[Deal], now: datetime) -> dict[str, Activity]:
    """The last human activity with each deal, by the deal's id.

    Entering its stage counts, whoever moved it; a change of the deal by a person since; and a contact with the
    customer since: an inbound one always, an outbound one if a person recorded it, for what a bot sends is a
    notification.
    """
    # One short look-up for each deal: reading the journal at once is no faster for 10,000 deals, and takes as long
    # as the journal is, not as the board.
    found = {each.id: _last(reader.history(Deal, each.id)) for each in deals}
    for deal, contact in _contacts(reader, deals, found, now):
        if contact.at > found[deal.id].at:
            found[deal.id] = contact
    return found


def _last(changes: Sequence[Change]) -> Activity:
    """The last thing done with one deal; where the journal is trimmed, its first change that is left."""
    first = changes[0]
    found = Activity(first.effective, "entered", first.id)
    counting = (each for each in changes if _is_entry(each) or _is_by_person(each))
    for change in sorted(counting, key=lambda each: each.effective):
        what: Literal["entered", "changed"] = "entered" if _is_entry(change) else "changed"
        found = Activity(change.effective, what, change.id, change.actor.id)
    return found


def _is_entry(change: Change) -> bool:
    return change.action == "insert" or "stage_id" in (change.delta or {})


def _is_by_person(change: Change) -> bool:
    return change.actor.type == "person" and change.action != "redact"


# Contacts with the customer -------------------------------------------------------------------------------------


def _contacts(
    reader: Reader, deals: Sequence[Deal], known: Mapping[str, Activity], now: datetime
) -> Iterator[tuple[Deal, Activity]]:
    """The last contact with the customer of each deal that is later than what is known."""
    of: dict[str, list[Deal]] = {}
    for deal in deals:
        if isinstance(deal.customer_id, str):
            of.setdefault(deal.customer_id, []).append(deal)
    # Those of about the same time together, so that no long past is read for the sake of one.
    customers = sorted(of, key=lambda id: (_least(of[id], known), id))
    for start in range(0, len(customers), CHUNK):
        chunk = customers[start : start + CHUNK]
        last = _last_contacts(reader, chunk, {id: _least(of[id], known) for id in chunk}, now)
        for id, activity in last.items():
            yield from ((deal, activity) for deal in of[id])


def _least(deals: Sequence[Deal], known: Mapping[str, Activity]) -> datetime:
    return min(known[each.id].at for each in deals)


def _last_contacts(
    reader: Reader, customers: Sequence[str], behind: Mapping[str, datetime], now: datetime
) -> dict[str, Activity]:
    """The last contact that counts with each of these customers behind a time."""
    found: dict[str, Activity] = {}
    contacts = reader.find(
        Interaction,
        where.customer_id.in_(customers),
        where.happened_at > min(behind.values()),
        where.happened_at <= now,
    )
    for each in sorted(contacts, key=lambda each: (each.happened_at, each.id), reverse=True):
        id = each.customer_id
        if id is None or id in found or each.happened_at <= behind[id]:
            continue
        if (by := _human(reader, each)) is not None:
            found[id] = Activity(each.happened_at, "contact", each.id, by or None)
    return found


def _human(reader: Reader, contact: Interaction) -> str | None:
    """Who made a contact: empty for the customer, None for what is no person."""
    if contact.direction is Direction.IN:
        return ""
    first = reader.history(Interaction, contact.id)[0].actor
    return first.id if first.type == "person" else None
