"""What a calendar's days are made of: which are holidays and by whom, and how much time passes on each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import attrs

from crmkit_operational.clock.business import BusinessClock, Pause
from crmkit_operational.clock.hours import Span
from crmkit_operational.clock.kinds import Holiday
from crmkit_operational.clock.public import public_holidays
from crmkit_operational.clock.zones import zone_of

__all__ = ["DayAccount", "Origin", "accounts", "origins"]

DAY = timedelta(days=1)


@attrs.frozen
class Origin:
    """Why a day is a holiday or, though it is one, works: the law of a country if `record` is None, else that record."""

    day: date
    name: str
    works: bool = False
    record: Holiday | None = None


@attrs.frozen
class DayAccount:
    """A local day: its usual hours, whether it is closed and why, and the time that passed on it and so far."""

    day: date
    hours: tuple[Span, ...]
    is_holiday: bool
    origins: tuple[Origin, ...]
    passed: timedelta
    sum: timedelta


def origins(
    clock: BusinessClock,
    records: Iterable[Holiday],
    first: date,
    last: date,
    language: str | None = None,
) -> list[Origin]:
    """The holidays from one day to another, the law's first on each day; the names in `language` if they are known."""
    found: list[Origin] = []
    if clock.country is not None:
        for year in range(first.year, last.year + 1):
            named = public_holidays(clock.country, clock.subdivision, year, language)
            found += [Origin(day, name) for day, name in named.items()]
    for each in records:
        found += [
            Origin(day, each.name, each.works, each)
            for day in _days(max(each.day, first), min(each.until or each.day, last))
        ]
    return sorted((each for each in found if first <= each.day <= last), key=lambda each: each.day)


def accounts(
    clock: BusinessClock,
    records: Iterable[Holiday],
    start: datetime,
    end: datetime,
    pauses: Sequence[Pause] = (),
    language: str | None = None,
) -> Iterator[DayAccount]:
    """The local days from `start` to `end`: what passed on each adds up to `clock.elapsed`.

    The night that belongs to the day before counts on the day on which it passes.
    """
    zone, total = zone_of(clock.timezone), timedelta()
    first, last = start.astimezone(zone).date(), max(start, end).astimezone(zone).date()
    reasons: dict[date, list[Origin]] = {}
    for each in origins(clock, records, first, last, language):
        reasons.setdefault(each.day, []).append(each)
    for day in _days(first, last):
        begins, ends = (
            datetime.combine(each, datetime.min.time(), zone).astimezone(UTC)
            for each in (day, day + DAY)
        )
        passed = clock.elapsed(max(begins, start), min(ends, end), pauses)
        total += passed
        usual = clock.spans(day) if clock.week is None else clock.week[day.weekday()]
        is_holiday, why = clock.is_holiday(day), tuple(reasons.get(day, ()))
        yield DayAccount(day, usual, is_holiday, why, passed, total)


def _days(first: date, last: date) -> Iterator[date]:
    for step in range((last - first).days + 1):
        yield first + step * DAY
