"""The settings of the clinic, and what follows from its opening hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import attrs

from crmkit import Company

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


@attrs.frozen
class Settings:
    """The table `[plugin.clinic]` of crm.toml.

    A visit takes `visit_minutes`; who has not come `late_minutes` after the time is marked as missed, and
    `follow_up` is what the reception is told to do then. `fee` is in whole units of the company's currency.
    """

    branches: tuple[str, ...] = ("main",)
    doctors: tuple[str, ...] = ()
    opens: time = time(9)
    closes: time = time(18)
    closed: tuple[Weekday, ...] = ("sunday",)
    visit_minutes: int = attrs.field(default=20, validator=attrs.validators.gt(0))
    late_minutes: int = attrs.field(default=60, validator=attrs.validators.ge(0))
    fee: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    follow_up: str = "Did not come to the visit: call and find another time."

    @property
    def length(self) -> timedelta:
        """How long a visit takes."""
        return timedelta(minutes=self.visit_minutes)

    @property
    def patience(self) -> timedelta:
        """How long a patient is waited for."""
        return timedelta(minutes=self.late_minutes)

    def is_open_on(self, day: date) -> bool:
        """Whether patients are seen on a day."""
        return WEEKDAYS[day.weekday()] not in self.closed

    def is_open(self, start: datetime) -> bool:
        """Whether a visit that begins at a local time is over when the clinic closes."""
        end = start + self.length
        return (
            self.is_open_on(start.date())
            and self.opens <= start.time()
            and end.date() == start.date()
            and end.time() <= self.closes
        )

    def next_day(self, day: date) -> date:
        """The first day from `day` on, itself included, on which patients are seen."""
        week = (day + timedelta(days=ahead) for ahead in range(7))
        return next(filter(self.is_open_on, week), day)


def local(moment: datetime, company: Company) -> datetime:
    """A time on the clinic's wall."""
    return moment.astimezone(ZoneInfo(company.timezone))


def span_of(day: date, company: Company) -> tuple[datetime, datetime]:
    """When a day begins and ends, 23 to 25 hours later."""
    zone = ZoneInfo(company.timezone)
    start, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    return start, end
