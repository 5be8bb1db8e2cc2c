"""The clock against a plain recomputation that looks at every minute, and the laws that its answers keep."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import attrs
import pytest
from crmkit_operational.clock.business import BusinessClock, Pause
from crmkit_operational.clock.hours import DAYS, week
from crmkit_operational.clock.public import public_holidays
from hypothesis import given, settings
from hypothesis import strategies as st

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = [
    "UTC",
    "Asia/Seoul",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Africa/Cairo",
    "America/Scoresbysund",
]
CHANGES = [  # half an hour, at midnight both ways, a day left out, two in a month
    *("2026-04-04T15:00", "2026-10-03T15:30", "2018-11-04T03:00", "2018-02-18T02:00"),
    *("2011-12-30T10:00", "2026-11-01T05:00", "2026-03-28T22:00", "2026-10-25T01:00"),
    *("2026-02-15T02:00", "2026-03-22T02:00", "2025-12-31T23:00", "2027-01-01T12:00"),
]


@attrs.frozen
class Case:
    """A clock, and the words that it was made of."""

    hours: Mapping[str, Sequence[str]]
    clock: BusinessClock


def written(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def spans(draw: st.DrawFn) -> str:
    begins, ends = draw(st.integers(0, 1439)), draw(st.integers(1, 1440))
    if begins == ends or (ends == 1440 and begins == 0):
        return "00:00-24:00"
    return f"{written(begins)}-{written(ends)}"


@st.composite
def ranges(draw: st.DrawFn, around: date) -> tuple[date, date]:
    first = around + timedelta(days=draw(st.integers(-4, 6)))
    return first, first + timedelta(days=draw(st.integers(0, 2)))


moments = st.builds(
    lambda text, hours, seconds: (
        datetime.fromisoformat(text).replace(tzinfo=UTC) + hours * HOUR + timedelta(seconds=seconds)
    ),
    st.sampled_from(CHANGES),
    st.integers(-72, 48),
    st.sampled_from([0, 1, 59, 60, 1800, 3599]),
)
lengths = st.builds(
    lambda minutes, seconds: timedelta(minutes=minutes, seconds=seconds),
    st.integers(0, 4000),
    st.sampled_from([0, 0, 1, 30]),
)


@st.composite
def cases(draw: st.DrawFn, start: datetime, zones: Sequence[str] = ZONES) -> Case:
    hours = draw(st.dictionaries(st.sampled_from(DAYS), st.lists(spans(), max_size=3)))
    country = draw(st.sampled_from([(None, None), ("KR", None), ("DE", "BE"), ("US", None)]))
    clock = BusinessClock(
        week(hours),
        draw(st.sampled_from(zones)),
        *country,
        closed=tuple(draw(st.lists(ranges(start.date()), max_size=2))),
        works=tuple(draw(st.lists(ranges(start.date()), max_size=2))),
    )
    return Case(hours, clock)


@st.composite
def pauses(draw: st.DrawFn, start: datetime) -> list[Pause]:
    found: list[Pause] = []
    for _ in range(draw(st.integers(0, 3))):
        begins = start + draw(lengths) - DAY
        found.append((begins, begins + draw(lengths) / 4 if draw(st.integers(0, 9)) else None))
    return found


# The plain recomputation ----------------------------------------------------------------------------------------


def is_open_plainly(case: Case, moment: datetime) -> bool:
    """Look at the clock on the wall, and read the hours of this day and of the night before."""
    local = moment.astimezone(ZoneInfo(case.clock.timezone)).replace(tzinfo=None)
    since_midnight = local.hour * 60 + local.minute
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if is_free(case, day):
            continue
        for text in case.hours.get(DAYS[day.weekday()], ()):
            begins, ends = (int(each[:2]) * 60 + int(each[3:]) for each in text.split("-"))
            ends += 1440 if ends < begins else 0
            if begins <= since_midnight + 1440 * back < ends:
                return True
    return False


def is_free(case: Case, day: date) -> bool:
    clock = case.clock
    if any(first <= day <= last for first, last in clock.works):
        return False
    public = clock.country and day in public_holidays(clock.country, clock.subdivision, day.year)
    return bool(public) or any(first <= day <= last for first, last in clock.closed)


def open_minutes(case: Case, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """The minutes, or parts of them, that are open: no hours and no change of a clock cut one."""
    found, at = [], start
    while at < end:
        following = min(at.replace(second=0) + MINUTE, end)
        if is_open_plainly(case, at):
            found.append((at, following))
        at = following
    return found


def elapsed_plainly(
    case: Case, start: datetime, end: datetime, breaks: Sequence[Pause]
) -> timedelta:
    seconds = 0
    for begins, ends in open_minutes(case, start, end):
        for second in range(int((ends - begins).total_seconds())):
            at = begins + timedelta(seconds=second)
            seconds += not any(a <= at and (b is None or at < b) for a, b in breaks)
    return timedelta(seconds=seconds)


# The laws -------------------------------------------------------------------------------------------------------


@given(st.data(), moments, lengths)
@settings(max_examples=150)
def test_every_minute_is_open_or_not_as_the_clock_on_the_wall_says(
    data: st.DataObject, start: datetime, length: timedelta
) -> None:
    check_each_minute(data.draw(cases(start)), start, start + length)


@pytest.mark.long
@pytest.mark.timeout(3600)
@given(st.data(), moments, lengths)
@settings(max_examples=3_000)
def test_every_minute_at_full_size(data: st.DataObject, start: datetime, length: timedelta) -> None:
    """As the law before, twenty times as often."""
    check_each_minute(data.draw(cases(start)), start, start + length)


def check_each_minute(case: Case, start: datetime, end: datetime) -> None:
    minutes = open_minutes(case, start, end)
    assert case.clock.elapsed(start, end) == sum((b - a for a, b in minutes), timedelta())
    stretches = list(case.clock.stretches(start, end))
    assert all(b < a for (_, b), (a, _) in itertools.pairwise(stretches))
    assert all(a < b for a, b in stretches)
    found = [any(a <= begins and ends <= b for a, b in stretches) for begins, ends in minutes]
    assert all(found)
    assert sum((b - a for a, b in stretches), timedelta()) == case.clock.elapsed(start, end)
    assert case.clock.is_open(start) == is_open_plainly(case, start)


@given(st.data(), moments, st.integers(0, 300))
@settings(max_examples=40)
def test_every_second_counts_that_is_open_and_in_no_pause(
    data: st.DataObject, start: datetime, minutes: int
) -> None:
    case, end = data.draw(cases(start)), start + minutes * MINUTE
    breaks = [
        (start + timedelta(seconds=a), None if b is None else start + timedelta(seconds=b))
        for a, b in data.draw(
            st.lists(st.tuples(st.integers(-99, 20000), st.none() | st.integers(-99, 20000)))
        )
    ]
    assert case.clock.elapsed(start, end, breaks) == elapsed_plainly(case, start, end, breaks)


@given(st.data(), moments, lengths, lengths)
@settings(max_examples=150)
def test_time_adds_up(data: st.DataObject, start: datetime, one: timedelta, two: timedelta) -> None:
    case, breaks = data.draw(cases(start)), data.draw(pauses(start))
    middle, end = start + one, start + one + two * 30
    clock = case.clock
    parts = clock.elapsed(start, middle, breaks) + clock.elapsed(middle, end, breaks)
    assert clock.elapsed(start, end, breaks) == parts


@given(st.data(), moments, lengths)
@settings(max_examples=150)
def test_what_has_elapsed_by_a_time_was_due_no_later(
    data: st.DataObject, start: datetime, length: timedelta
) -> None:
    case, breaks = data.draw(cases(start)), data.draw(pauses(start))
    end, clock = start + length, case.clock
    passed = clock.elapsed(start, end, breaks)
    due = clock.due(start, passed, breaks)
    assert due is not None
    assert due <= end
    before = end - timedelta(microseconds=1)
    runs = clock.is_open(before) and not any(
        a <= before and (b is None or before < b) for a, b in breaks
    )
    if start < end:
        assert (due == end) == runs


@given(st.data(), moments, lengths)
@settings(max_examples=150)
def test_by_the_due_time_just_the_amount_has_passed(
    data: st.DataObject, start: datetime, amount: timedelta
) -> None:
    case, breaks = data.draw(cases(start)), data.draw(pauses(start))
    due = case.clock.due(start, amount, breaks)
    if due is not None:
        assert case.clock.elapsed(start, due, breaks) == amount
        if amount:
            earlier = due - timedelta(microseconds=1)
            assert case.clock.elapsed(start, earlier, breaks) < amount
    else:
        never = not any(case.clock.week or ())
        endless = any(b is None for _, b in breaks)
        assert never or endless or not case.clock.elapsed(start, start + 3650 * DAY, breaks)


@pytest.mark.long
@pytest.mark.parametrize("zone", sorted(available_timezones()))
def test_every_zone_is_open_as_its_clock_on_the_wall_says(zone: str) -> None:
    """At every change of every zone's clock since 1980, to 2038."""
    hours = {day: ["22:30-02:15", "03:00-09:01", "23:10-23:50"] for day in DAYS}
    case = Case(hours, BusinessClock(week(hours), zone))
    own, at = ZoneInfo(zone), datetime(1980, 1, 1, tzinfo=UTC)
    while at.year < 2038:
        if at.astimezone(own).utcoffset() != (at + DAY).astimezone(own).utcoffset():
            start, end = at - 6 * HOUR, at + 30 * HOUR
            minutes = open_minutes(case, start, end)
            assert case.clock.elapsed(start, end) == sum((b - a for a, b in minutes), timedelta())
        at += DAY
