"""Taking the holidays of a file into a calendar: what is new is added, what is known changes, what left is removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date

import attrs

from crmkit import Reader, Transaction, where
from crmkit_operational.clock.ical import Event, Skipped
from crmkit_operational.clock.kinds import Calendar, Holiday

__all__ = ["Changes", "apply", "compare"]


@attrs.frozen
class Changes:
    """What a file would do to the holidays of a calendar."""

    added: Sequence[Holiday]
    changed: Sequence[Holiday]
    removed: Sequence[Holiday]
    unchanged: Sequence[Holiday]


def compare(
    reader: Reader,
    calendar: Calendar,
    events: Iterable[Event],
    skipped: Iterable[Skipped],
    first: date,
    last: date,
) -> Changes:
    """What the events of a file change; records match by the ids of their events.

    An event that is cancelled is removed, and an occurrence from `first` to `last` that its event has no more.
    Holidays that people wrote, or that came from other files, stay.
    """
    found = {each.uid: each for each in events}
    known: Mapping[str | None, Holiday] = {
        each.uid: each
        for each in reader.find(Holiday, where.calendar_id == calendar.id, where.uid.present())
    }
    cancelled = {each.uid for each in skipped if each.is_cancelled}
    added = [_made(calendar, each) for uid, each in found.items() if uid not in known]
    both = [(known[uid], _changed(known[uid], each)) for uid, each in found.items() if uid in known]
    return Changes(
        added=added,
        changed=[after for before, after in both if after != before],
        removed=_gone(known.values(), found, cancelled, first, last),
        unchanged=[after for before, after in both if after == before],
    )


def _made(calendar: Calendar, event: Event) -> Holiday:
    return Holiday(
        calendar_id=calendar.id,
        day=event.day,
        until=event.until,
        name=event.name,
        uid=event.uid,
    )


def _changed(record: Holiday, event: Event) -> Holiday:
    return record.evolve(day=event.day, until=event.until, name=event.name)


def _gone(
    known: Iterable[Holiday],
    found: Mapping[str, Event],
    cancelled: Set[str],
    first: date,
    last: date,
) -> list[Holiday]:
    recurring = {_event(uid) for uid in found if "/" in uid}
    return [
        each
        for each in known
        if each.uid not in found
        and (
            not cancelled.isdisjoint({each.uid, _event(each.uid)})
            or (_event(each.uid) in recurring and first <= each.day <= last)
        )
    ]


def _event(uid: str | None) -> str:
    """The event of an occurrence."""
    return str(uid).rpartition("/")[0]


def apply(tx: Transaction, changes: Changes) -> None:
    """Write the changes."""
    tx.add_all(changes.added)
    for each in changes.changed:
        tx.update(each)
    for each in changes.removed:
        tx.delete(each)
