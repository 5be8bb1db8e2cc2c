"""Business clocks from the records: a calendar with its holidays, in the company's time zone if it has none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from crmkit import MASKED, Reader, Record, RestrictedError, where
from crmkit_operational.clock.business import WALL, BusinessClock
from crmkit_operational.clock.hours import week
from crmkit_operational.clock.kinds import Calendar, Holiday

__all__ = ["clock_of", "clock_with"]


def clock_of(reader: Reader, calendar_id: str | None) -> BusinessClock:
    """The clock of a calendar as the reader sees it; time on the wall without one.

    Raises `NotFound` for a calendar that is not there, or not to be read, and `RestrictedError` if some field that
    makes it is masked. Holidays that the reader may not see are not in it.
    """
    if calendar_id is None:
        return WALL
    calendar = reader.get(Calendar, calendar_id)
    holidays = reader.find(Holiday, where.calendar_id == calendar.id)
    return clock_with(calendar, holidays, reader.company.timezone)


def clock_with(calendar: Calendar, holidays: Iterable[Holiday], company: str) -> BusinessClock:
    """The clock of a calendar and these holidays; `company` is the zone that counts if it has none."""
    _check_seen(calendar, "hours", "timezone", "country", "subdivision")
    ranges: dict[bool, list[tuple[date, date]]] = {False: [], True: []}
    for each in holidays:
        _check_seen(each, "day", "until", "works")
        ranges[each.works].append((each.day, each.until or each.day))
    return BusinessClock(
        week=week(calendar.hours),
        timezone=calendar.timezone or company,
        country=calendar.country,
        subdivision=calendar.subdivision,
        closed=tuple(sorted(ranges[False])),
        works=tuple(sorted(ranges[True])),
    )


def _check_seen(record: Record, *fields: str) -> None:
    for name in fields:
        if record[name] is MASKED:
            text = f"you may not see {name} of {record.__kind__} {record.id}, so its time is not known to you"
            raise RestrictedError(f"{text}; ask who may")
