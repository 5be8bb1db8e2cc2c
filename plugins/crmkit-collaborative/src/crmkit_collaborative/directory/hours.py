"""Working hours: what people write of a week, whether a moment is within them, and when they begin next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeAlias

from crmkit import ValueRefused

__all__ = ["DAYS", "is_open", "next_opening", "read_hours", "week"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
KOREAN = dict(zip("월화수목금토일", DAYS, strict=True))

Span: TypeAlias = tuple[int, int]
"""From and to in minutes since Monday 00:00; it ends behind its beginning, perhaps in the next week."""

DAY, WEEK = 24 * 60, 7 * 24 * 60
HOUR, SECOND, MINUTE = timedelta(hours=1), timedelta(seconds=1), timedelta(minutes=1)
HORIZON = timedelta(weeks=3)
"""How far the next opening is looked for: a change of the clock may swallow a week's only hour, not two in a row."""

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24:00))", re.ASCII)


def week(hours: Mapping[str, Any]) -> tuple[Span, ...]:
    """The spans of a week: `hours` is weekday (`mon` ... `sun`) -> spans such as `"09:00-18:00"`.

    One that ends before it begins goes over midnight, as `22:00-06:00`; `00:00-24:00` is all day. Raises
    `ValueRefused` for anything else.
    """
    return tuple(span for day, spans in hours.items() for span in _of_day(day, spans))


def _of_day(day: str, spans: Any) -> Iterator[Span]:
    if day not in DAYS:
        raise ValueRefused(f"{day!r:.40} is no weekday; write one of {', '.join(DAYS)}")
    if not isinstance(spans, list | tuple):
        raise ValueRefused(f"{day} has {spans!r:.40}; write a list of spans, as in ['09:00-18:00']")
    for text in spans:
        begins, ends = _read(text)
        start = DAYS.index(day) * DAY
        yield start + begins, start + ends + (DAY if ends < begins else 0)


def _read(text: Any) -> Span:
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueRefused(f"{text!r:.40} is no span of a day; write it as in 09:00-18:00")
    hour, minute, end_hour, end_minute, midnight = match.groups()
    begins = int(hour) * 60 + int(minute)
    ends = DAY if midnight else int(end_hour) * 60 + int(end_minute)
    if begins == ends:
        raise ValueRefused(f"{text!r} is no time at all; write 00:00-24:00 for a whole day")
    return begins, ends


def is_open(hours: Mapping[str, Any], zone: tzinfo, moment: datetime) -> bool:
    """Whether the clock on the wall shows working hours at a moment.

    An hour that the clock shows twice counts twice, one that it skips does not come.
    """
    return not _wait(week(hours), moment.astimezone(zone))


def next_opening(hours: Mapping[str, Any], zone: tzinfo, moment: datetime) -> datetime | None:
    """The first moment from this one on, in UTC, that is within working hours: itself, if it is; None if none ever is."""
    spans, start = week(hours), moment.astimezone(UTC)
    end = start + HORIZON
    while spans and start < end:
        opening = start + _wait(spans, start.astimezone(zone))
        change = _change(zone, start, opening)
        if change is None:
            return opening
        start = change
    return None


def _wait(spans: Iterable[Span], local: datetime) -> timedelta:
    """How long until one of the spans, by a clock that nobody changes."""
    day = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    since = timedelta(days=local.weekday(), microseconds=local.microsecond) + day
    waits = [_wait_for(span, since) for span in spans]
    return min(waits, default=timedelta(days=7))


def _wait_for(span: Span, since: timedelta) -> timedelta:
    begins, ends = span[0] * MINUTE, span[1] * MINUTE
    behind = (since - begins) % timedelta(days=7)
    return timedelta() if behind < ends - begins else timedelta(days=7) - behind


def _change(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """The first moment behind `start`, up to `end`, at which the zone's clock is changed."""
    offset, low = _offset(zone, start), start
    while low < end:
        high = min(low + HOUR, end)
        if _offset(zone, high) != offset:
            while high - low > SECOND:
                middle = low + (high - low) / 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            return high.replace(microsecond=0)  # clocks are changed at whole seconds
        low = high
    return None


def _offset(zone: tzinfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


# What people write ----------------------------------------------------------------------------------------------


def read_hours(texts: Iterable[str]) -> dict[str, list[str]]:
    """The hours of texts such as `mon-fri 09:00-12:00,13:00-18:00` or `토 10:00-14:00`; raises `ValueRefused`."""
    found: dict[str, list[str]] = {}
    for text in texts:
        days, _, spans = text.strip().partition(" ")
        if not spans.strip():
            raise ValueRefused(f"{text!r:.60} is no hours; write them as in 'mon-fri 09:00-18:00'")
        for day in _days(days):
            found.setdefault(day, []).extend(each.strip() for each in spans.split(","))
    week(found)
    return {day: found[day] for day in DAYS if day in found}


def _days(text: str) -> Iterator[str]:
    for part in text.split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        start, end = _day(first), _day(last if dash else first)
        yield from (DAYS[(start + step) % 7] for step in range((end - start) % 7 + 1))


def _day(text: str) -> int:
    name = KOREAN.get(text.removesuffix("요일"), text.casefold()) if text else ""
    named = [place for place, full in enumerate(NAMES) if len(name) > 2 and full.startswith(name)]
    if not named:
        raise ValueRefused(f"{text!r:.40} is no weekday; write one of {', '.join(DAYS)}")
    return named[0]
