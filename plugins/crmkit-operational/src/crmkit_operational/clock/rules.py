"""What must hold of calendars: hours can be read, zones and countries are known, holidays end after they begin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from crmkit import Problem, ValueRefused, Write
from crmkit_operational.clock.hours import week
from crmkit_operational.clock.kinds import Calendar
from crmkit_operational.clock.public import check_country
from crmkit_operational.clock.zones import zone_of

__all__ = ["problems"]


def problems(kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What is wrong with writes of one of the two kinds."""
    rule = _calendar if kind == Calendar.__kind__ else _holiday
    for write in writes:
        if write.action != "delete":
            yield from rule(write)


def _calendar(write: Write) -> Iterator[Problem]:
    record = write.record
    if write.changed("name") and not record["name"].strip():
        yield write.problem("name", "is blank; give the calendar a name")
    if write.changed("hours"):
        yield from _refused(write, "hours", week, record["hours"])
    if record["timezone"] is not None and write.changed("timezone"):
        yield from _refused(write, "timezone", zone_of, record["timezone"])
    if write.changed("country") or write.changed("subdivision"):
        yield from _country(write, record["country"], record["subdivision"])


def _country(write: Write, country: str | None, subdivision: str | None) -> Iterator[Problem]:
    if country is not None:
        known = list(_refused(write, "country", check_country, country, None))
        if not known and subdivision is not None:
            known = list(_refused(write, "subdivision", check_country, country, subdivision))
        yield from known
    elif subdivision is not None:
        yield write.problem("subdivision", "is a part of no country; give the country, too")


def _holiday(write: Write) -> Iterator[Problem]:
    day, until = write.record["day"], write.record["until"]
    if until is not None and until < day:
        yield write.problem("until", "is before the day on which it begins; give a later day")


def _refused(write: Write, field: str, read: Callable[..., Any], *values: Any) -> Iterator[Problem]:
    try:
        read(*values)
    except ValueRefused as error:
        yield write.problem(field, str(error))
