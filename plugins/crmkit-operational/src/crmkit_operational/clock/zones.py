"""Time zones by their names, and the stretches in which their clocks are not changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from crmkit import ValueRefused

__all__ = ["steady", "zone_of"]

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name; raises `ValueRefused` for one that is not there."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        text = f"{name!r:.60} is no time zone; write one as in Asia/Seoul or Europe/Berlin"
        raise ValueRefused(text) from None


def steady(
    zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The pieces of a time (in UTC) in which the zone is one offset ahead of UTC, each with that offset."""
    edges = [start]
    for year in range(start.year, end.year + 1):
        edges += [each for each in _changes(zone, year) if start < each < end]
    edges.append(end)
    for begins, ends in pairwise(edges):
        yield begins, ends, _offset(zone, begins)


@lru_cache(maxsize=1024)
def _changes(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    first = datetime(year, 1, 1, tzinfo=UTC)
    # No zone's clock was ever changed twice within three days, so a look at each day misses none.
    days = [
        first + step * DAY
        for step in range((datetime(year + 1, 1, 1, tzinfo=UTC) - first).days + 1)
    ]
    offsets = [_offset(zone, each) for each in days]
    return tuple(
        _change(zone, days[at], days[at + 1])
        for at in range(len(days) - 1)
        if offsets[at] != offsets[at + 1]
    )


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second that is no more like `low`: clocks are changed at whole seconds."""
    offset = _offset(zone, low)
    while high - low > SECOND:
        middle = low + timedelta(seconds=(high - low) // SECOND // 2)
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
