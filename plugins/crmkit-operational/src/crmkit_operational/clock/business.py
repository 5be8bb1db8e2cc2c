"""A business calendar as a value: whether it is open, how much open time passes, and when an amount of it has passed.

Every due time, elapsed time and reported duration is computed here and nowhere else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

import attrs

from crmkit import ValueRefused
from crmkit_operational.clock.hours import Span, Week
from crmkit_operational.clock.public import public_holidays
from crmkit_operational.clock.zones import steady, zone_of

__all__ = ["FIRST", "LAST", "WALL", "BusinessClock", "Pause", "Stretch"]

Stretch: TypeAlias = tuple[datetime, datetime]
Pause: TypeAlias = tuple[datetime, datetime | None]
"""From and to; None while it lasts."""

Days: TypeAlias = tuple[tuple[date, date], ...]
"""Ranges of days, each with its first and its last."""

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""A calendar is open between these at most, so that every question has an end; the wall's clock knows no bounds."""

FOREVER = datetime.max.replace(tzinfo=UTC)
DAY, NOTHING = timedelta(days=1), timedelta()


def _disjoint(ranges: Iterable[tuple[date, date]]) -> Days:
    """The same days in ranges that are in order and do not overlap, so that a day is found by bisection."""
    found: list[tuple[date, date]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], last)
        elif first <= last:
            found.append((first, last))
    return tuple(found)


@attrs.frozen(cache_hash=True)
class BusinessClock:
    """Time that passes only while a calendar is open. A pure value: equal ones answer the same.

    `week` has the hours of each weekday on the clock of `timezone`; None is time on the wall. A local hour that comes
    twice when clocks are changed counts twice, one that is skipped does not come. A day is closed if it is a public
    holiday of `country` (and `subdivision`) or in one of the ranges `closed` (first and last day), unless it is in
    one of `works`. A span over midnight belongs to the day on which it begins.
    """

    week: Week | None = None
    timezone: str = "UTC"
    country: str | None = None
    subdivision: str | None = None
    closed: Days = attrs.field(default=(), converter=_disjoint)
    works: Days = attrs.field(default=(), converter=_disjoint)

    def spans(self, day: date) -> tuple[Span, ...]:
        """The hours of a local day: none on a holiday, the whole day on the wall."""
        if self.week is None:
            return ((NOTHING, DAY),)
        return () if self.is_holiday(day) else self.week[day.weekday()]

    def is_holiday(self, day: date) -> bool:
        """Whether a local day is closed whatever its weekday."""
        if _is_in(day, self.works):
            return False
        return _is_in(day, self.closed) or (
            self.country is not None
            and day in public_holidays(self.country, self.subdivision, day.year)
        )

    def is_open(self, moment: datetime) -> bool:
        """Whether the calendar is open at a moment; at the end of its hours it is not."""
        at = _utc(moment)
        if self.week is None:
            return True
        if not FIRST <= at < LAST:
            return False
        year = _opening(self, at.year)
        place = bisect_right(year.begins, at) - 1
        return place >= 0 and at < year.ends[place]

    def stretches(self, start: datetime, end: datetime) -> Iterator[Stretch]:
        """The open time from `start` to `end`, in UTC and in order; what touches is one."""
        start, end = _utc(start), _utc(end)
        if self.week is None:
            return iter([(start, end)] if start < end else [])
        start, end = max(start, FIRST), min(end, LAST)
        return _united(self._clipped(start, end))

    def _clipped(self, start: datetime, end: datetime) -> Iterator[Stretch]:
        for year in range(start.year, end.year + 1) if start < end else ():
            opening = _opening(self, year)
            first = bisect_right(opening.ends, start)
            last = bisect_left(opening.begins, end)
            for begins, ends in zip(
                opening.begins[first:last], opening.ends[first:last], strict=True
            ):
                yield max(begins, start), min(ends, end)

    def elapsed(self, start: datetime, end: datetime, pauses: Sequence[Pause] = ()) -> timedelta:
        """The open time from `start` to `end` that is in no pause; nothing if the end is before the start."""
        start, end = _utc(start), _utc(end)
        running = _running(start, end, pauses)
        return sum((self._between(begins, ends or end) for begins, ends in running), NOTHING)

    def _between(self, start: datetime, end: datetime) -> timedelta:
        if self.week is None:
            return end - start
        start, end = max(start, FIRST), min(end, LAST)
        if start >= end:
            return NOTHING
        if start.year == end.year:
            opening = _opening(self, start.year)
            return opening.passed(end) - opening.passed(start)
        whole = (_opening(self, year).total for year in range(start.year, end.year))
        before, after = _opening(self, start.year), _opening(self, end.year)
        return sum(whole, NOTHING) - before.passed(start) + after.passed(end)

    def due(
        self, start: datetime, amount: timedelta, pauses: Sequence[Pause] = ()
    ) -> datetime | None:
        """The earliest moment, in UTC, by which `amount` of open time has passed since `start` in no pause.

        None if that never comes: a calendar that is not open enough until `LAST`, a pause that does not end. Raises
        `ValueRefused` for an amount below nothing.
        """
        if amount < NOTHING:
            raise ValueRefused(f"{amount} is below nothing; give an amount of time that can pass")
        if amount == NOTHING:
            return _utc(start)
        left = amount
        for begins, ends in _running(_utc(start), None, pauses):
            passed = NOTHING if ends is None else self._between(begins, ends)
            if ends is None or left <= passed:
                return self._reached(begins, left)
            left -= passed
        return None

    def _reached(self, start: datetime, amount: timedelta) -> datetime | None:
        if self.week is None:
            return _later(start, amount)
        start = max(start, FIRST)
        for year in range(start.year, LAST.year) if any(self.week) else ():
            opening = _opening(self, year)
            skipped = opening.passed(start)
            if amount <= opening.total - skipped:
                return opening.reached(skipped + amount)
            amount -= opening.total - skipped
            start = opening.end
        return None


WALL = BusinessClock()
"""Always open: time on the wall."""


@attrs.frozen
class _Opening:
    """The open stretches of one year of UTC, and how much open time of it has passed before each."""

    begins: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    before: tuple[timedelta, ...]
    total: timedelta
    end: datetime

    def passed(self, moment: datetime) -> timedelta:
        place = bisect_right(self.begins, moment) - 1
        if place < 0:
            return NOTHING
        return self.before[place] + min(moment, self.ends[place]) - self.begins[place]

    def reached(self, amount: timedelta) -> datetime:
        place = bisect_left(self.before, amount) - 1
        return self.begins[place] + (amount - self.before[place])


@lru_cache(maxsize=1024)
def _opening(clock: BusinessClock, year: int) -> _Opening:
    start, end = (datetime(each, 1, 1, tzinfo=UTC) for each in (year, year + 1))
    stretches = list(_united(_open(clock, start, end)))
    before = [NOTHING]
    for begins, ends in stretches:
        before.append(before[-1] + (ends - begins))
    return _Opening(
        begins=tuple(begins for begins, _ in stretches),
        ends=tuple(ends for _, ends in stretches),
        before=tuple(before[:-1]),
        total=before[-1],
        end=end,
    )


def _open(clock: BusinessClock, start: datetime, end: datetime) -> Iterator[Stretch]:
    """The spans of all days in UTC, by their beginnings: where the clock is changed they are cut."""
    for begins, ends, offset in steady(zone_of(clock.timezone), start, end):
        midnight = datetime.combine((begins + offset).date() - DAY, datetime.min.time(), UTC)
        while midnight - offset < ends:
            for opens, closes in clock.spans(midnight.date()):
                first = max(midnight + opens - offset, begins)
                last = min(midnight + closes - offset, ends)
                if first < last:
                    yield first, last
            midnight += DAY


def _united(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Stretches by their beginnings, those that touch or overlap made one."""
    open: Stretch | None = None
    for begins, ends in stretches:
        if open is None:
            open = begins, ends
        elif begins <= open[1]:
            open = open[0], max(open[1], ends)
        else:
            yield open
            open = begins, ends
    if open is not None:
        yield open


def _running(
    start: datetime, end: datetime | None, pauses: Iterable[Pause]
) -> Iterator[tuple[datetime, datetime | None]]:
    """What is left of the time from `start` to `end`, or on without one, outside of the pauses and in order."""
    at, last = start, end or FOREVER
    spans = ((_utc(begins), FOREVER if ends is None else _utc(ends)) for begins, ends in pauses)
    for begins, ends in sorted(spans):
        if begins < ends:
            if at < min(begins, last):
                yield at, min(begins, last)
            at = max(at, ends)
    if at < last:
        yield at, end


def _later(start: datetime, amount: timedelta) -> datetime | None:
    try:
        return start + amount
    except OverflowError:
        return None


def _is_in(day: date, ranges: Days) -> bool:
    place = bisect_right(ranges, (day, date.max)) - 1
    return place >= 0 and day <= ranges[place][1]


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueRefused(f"{moment} has no time zone; give a time that has one")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueRefused(f"no calendar goes as far as {moment}; give another time") from None
