"""Holidays of an iCalendar file (RFC 5545): its all-day events, those that recur expanded for a window of years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import attrs

from crmkit import ValueRefused
from crmkit_operational.words import _

__all__ = ["Event", "Skipped", "read_events"]

DAY = timedelta(days=1)
FREQUENCIES = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})
"""The steps that whole days can recur in; a rule of seconds would take hours to expand."""


@attrs.frozen
class Event:
    """One occurrence of an all-day event: `uid` says which event, and of one that recurs which occurrence."""

    uid: str
    day: date
    until: date | None
    name: str


@attrs.frozen
class Skipped:
    """An event that is no holiday, and why not."""

    uid: str
    name: str
    reason: str
    is_cancelled: bool = False


def read_events(content: bytes, first: date, last: date) -> tuple[list[Event], list[Skipped]]:
    """The all-day events of a file that begin from `first` to `last` if they recur, else all; and what was left out.

    Raises `ValueRefused` for what is no iCalendar file.
    """
    import warnings

    found: dict[str, Event] = {}
    skipped: list[Skipped] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about zones of times, which are no days
        for component in sorted(_components(content), key=lambda each: "RECURRENCE-ID" in each):
            try:
                _put(found, component, first, last)
            except _NoHoliday as reason:
                skipped.append(_skipped(component, reason))
    return sorted(found.values(), key=lambda each: (each.day, each.uid)), skipped


class _NoHoliday(Exception):
    """Why an event is no holiday."""


class _Cancelled(_NoHoliday):
    """It was one."""


def _skipped(component: Any, reason: _NoHoliday) -> Skipped:
    name = _text(component, "SUMMARY") or _text(component, "UID")
    return Skipped(_uid(component), name, str(reason), isinstance(reason, _Cancelled))


def _components(content: bytes) -> list[Any]:
    from icalendar import Calendar

    try:
        # It has one error for each way in which a file can be broken, and those of Python besides.
        calendars = Calendar.from_ical(content, multiple=True)
        events = [event for each in calendars for event in each.walk("VEVENT")]
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueRefused(f"cannot be read as iCalendar: {reason}; export it again") from error
    if not calendars:
        raise ValueRefused("has no calendar in it; export it as iCalendar (.ics)")
    return events


def _put(found: dict[str, Event], component: Any, first: date, last: date) -> None:
    day, name, uid = _day(component), _text(component, "SUMMARY").strip(), _uid(component)
    length = _length(component, day)
    # One occurrence that differs from the others takes the place of the one that was expanded.
    found.pop(uid, None)
    if _text(component, "STATUS").upper() == "CANCELLED":
        raise _Cancelled(_("cancelled"))
    for each in _occurrences(component, day, first, last):
        own = f"{uid}/{each.isoformat()}" if _recurs(component) else uid
        until = each + length if length else None
        found[own] = Event(own, each, until, name)


def _uid(component: Any) -> str:
    uid = _text(component, "UID")
    try:
        uid = uid or f"{component['DTSTART'].dt.isoformat()} {_text(component, 'SUMMARY')}"
        if "RECURRENCE-ID" in component:
            uid += f"/{_as_day(component['RECURRENCE-ID'].dt).isoformat()}"
    except (KeyError, AttributeError, ValueError):
        pass  # what cannot be read is refused where it is needed
    return uid


def _day(component: Any) -> date:
    try:
        start = component["DTSTART"].dt
    except (KeyError, AttributeError, ValueError):
        raise _NoHoliday(_("without a day that can be read")) from None
    if not isinstance(start, date) or isinstance(start, datetime):
        raise _NoHoliday(_("not all day"))
    return start


def _length(component: Any, day: date) -> timedelta:
    """How many days come after the first; the end of an event is the day after its last."""
    try:
        if "DTEND" in component:
            return max(_as_day(component["DTEND"].dt) - day - DAY, timedelta())
        if "DURATION" in component:
            return max(timedelta(days=component["DURATION"].dt.days) - DAY, timedelta())
    except (AttributeError, TypeError, ValueError):
        raise _NoHoliday(_("without an end that can be read")) from None
    return timedelta()


def _as_day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _recurs(component: Any) -> bool:
    return "RRULE" in component or "RDATE" in component


def _occurrences(component: Any, day: date, first: date, last: date) -> Iterator[date]:
    if not _recurs(component):
        yield day
        return
    try:
        days = _ruled(component, day, first, last) | _listed(component, "RDATE")
        left_out = _listed(component, "EXDATE")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
        text = _("recurs in a way that cannot be read: {reason}").format(reason=reason)
        raise _NoHoliday(text) from None
    yield from sorted(each for each in days - left_out if first <= each <= last)


def _ruled(component: Any, day: date, first: date, last: date) -> set[date]:
    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # it has no types

    rules = component.get("RRULE", [])
    days = {day}
    for rule in rules if isinstance(rules, list) else [rules]:
        if not FREQUENCIES.issuperset(rule["FREQ"]):
            raise ValueError(f"{','.join(rule['FREQ'])} is no step of whole days")
        # A rule of whole days has an end that may be a time all the same; the day of it counts.
        until = [_as_day(each).strftime("%Y%m%d") for each in rule.get("UNTIL", [])]
        text = rule.to_ical().decode()
        parts = [each for each in text.split(";") if not each.upper().startswith("UNTIL=")]
        text = ";".join([*parts, *(f"UNTIL={each}" for each in until)])
        found = rrulestr(text, dtstart=datetime(day.year, day.month, day.day))
        begin = datetime(first.year, first.month, first.day)
        end = datetime(last.year, last.month, last.day)
        days |= {each.date() for each in found.between(begin, end, inc=True)}
    return days


def _listed(component: Any, name: str) -> set[date]:
    lists = component.get(name, [])
    lists = lists if isinstance(lists, list) else [lists]
    return {_as_day(each.dt) for one in lists for each in one.dts}


def _text(component: Any, name: str) -> str:
    return str(component.get(name, ""))
