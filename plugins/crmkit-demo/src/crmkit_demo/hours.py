"""When people are at work: opening hours in a time zone, holidays, and seasons in which more happens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import attrs

__all__ = ["Hours"]

MORNING = 100
"""Minutes after opening in which what has waited over night is done."""


@attrs.frozen
class Hours:
    """When a branch is open: Monday to Friday, from `opens` to `closes` in its time zone, but on `holidays`.

    `holidays` are (month, day); `seasons` says how busy a month is, 1.0 where it says nothing. All moments that go
    in and come out are aware; those that come out are UTC.
    """

    zone: ZoneInfo
    opens: time
    closes: time
    holidays: frozenset[tuple[int, int]] = frozenset()
    seasons: Mapping[int, float] = attrs.field(factory=dict)

    def is_working_day(self, day: date) -> bool:
        """Whether it is open on a day."""
        return day.weekday() < 5 and (day.month, day.day) not in self.holidays

    def is_open(self, moment: datetime) -> bool:
        """Whether it is open at a moment."""
        local = moment.astimezone(self.zone)
        return self.is_working_day(local.date()) and self.opens <= local.time() < self.closes

    def opening(self, day: date) -> datetime:
        """When it opens on a day."""
        return datetime.combine(day, self.opens, self.zone).astimezone(UTC)

    def closing(self, day: date) -> datetime:
        """When it closes on a day."""
        return datetime.combine(day, self.closes, self.zone).astimezone(UTC)

    def day_of(self, moment: datetime) -> date:
        """The day that it is there."""
        return moment.astimezone(self.zone).date()

    def working_day(self, moment: datetime) -> date:
        """The day of a moment, or the next one on which it opens."""
        day = self.day_of(moment)
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day

    def from_(self, moment: datetime, random: Random) -> datetime:
        """The moment itself if it is open then, else some time in the next morning on which it opens."""
        if self.is_open(moment):
            return moment
        day = self.day_of(moment)
        if moment >= self.closing(day):
            day += timedelta(days=1)
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return self.opening(day) + timedelta(seconds=random.randrange(60, MORNING * 60))

    def some_time(self, start: datetime, end: datetime, random: Random) -> datetime:
        """A moment from `start` on and before `end` at which it is open, rather in a busy season than in a quiet one.

        If there is none, as in a short time over a weekend, the first one after `start`.
        """
        span = (end - start).total_seconds()
        busiest = max(self.seasons.values(), default=1.0)
        for _ in range(40):
            day = self.day_of(start + timedelta(seconds=random.random() * span))
            if random.random() * busiest < self.seasons.get(day.month, 1.0) and self.is_working_day(
                day
            ):
                opening = self.opening(day)
                length = int((self.closing(day) - opening).total_seconds())
                moment = opening + timedelta(seconds=random.randrange(length))
                if start <= moment < end:
                    return moment
        return self.from_(start, random)
