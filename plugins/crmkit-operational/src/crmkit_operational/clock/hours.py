"""Working hours of a week: what is stored of them, and what people write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from crmkit import ValueRefused

__all__ = ["DAYS", "Span", "Week", "read_hours", "week"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
KOREAN = dict(zip("월화수목금토일", DAYS, strict=True))

Span: TypeAlias = tuple[timedelta, timedelta]
"""From and to since local midnight; one over midnight ends behind 24 hours."""
Week: TypeAlias = tuple[tuple[Span, ...], ...]
"""The spans of each weekday, Monday first, in order."""

DAY = timedelta(days=1)

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24:00))", re.ASCII)


def week(hours: Mapping[str, Any]) -> Week:
    """The spans of a week: `hours` is weekday (`mon` ... `sun`) -> spans such as `"09:00-18:00"`.

    One that ends before it begins goes over midnight, as `22:00-06:00`, and belongs to the day on which it begins;
    `00:00-24:00` is all day. Raises `ValueRefused` for anything else.
    """
    for day in hours:
        if day not in DAYS:
            raise ValueRefused(f"{day!r:.40} is no weekday; write one of {', '.join(DAYS)}")
    return tuple(tuple(sorted(_of_day(day, hours.get(day, ())))) for day in DAYS)


def _of_day(day: str, spans: Any) -> Iterator[Span]:
    if not isinstance(spans, list | tuple):
        raise ValueRefused(f"{day} has {spans!r:.40}; write a list of spans, as in ['09:00-18:00']")
    yield from map(_read, spans)


def _read(text: Any) -> Span:
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueRefused(f"{text!r:.40} is no span of a day; write it as in 09:00-18:00")
    hour, minute, end_hour, end_minute, midnight = match.groups()
    begins = timedelta(hours=int(hour), minutes=int(minute))
    ends = DAY if midnight else timedelta(hours=int(end_hour), minutes=int(end_minute))
    if begins == ends:
        raise ValueRefused(f"{text!r} is no time at all; write 00:00-24:00 for a whole day")
    return begins, ends + (DAY if ends < begins else timedelta())


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
