"""The clock's answers that anybody can check with a paper calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from crmkit_operational.clock.business import WALL, BusinessClock
from crmkit_operational.clock.hours import read_hours, week
from crmkit_operational.clock.kinds import Calendar, Holiday
from crmkit_operational.clock.reading import clock_of

from crmkit import CRM, ValueRefused

HOUR = timedelta(hours=1)
BERLIN, SEOUL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Seoul")
OFFICE = week(read_hours(["mon-fri 09:00-17:00"]))
ALWAYS = week(read_hours(["mon-sun 00:00-24:00"]))


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_an_hour_of_a_saturday_evening_is_due_on_monday() -> None:
    clock = BusinessClock(OFFICE, "Europe/Berlin")
    assert clock.due(at("2026-11-07T20:00"), HOUR) == at("2026-11-09T10:00")


def test_hours_on_the_wall_pass_while_clocks_are_changed() -> None:
    due = WALL.due(at("2026-03-28T23:00"), 6 * HOUR)
    assert due is not None
    assert due.astimezone(BERLIN).isoformat() == "2026-03-29T06:00:00+02:00"
    assert WALL.elapsed(at("2026-10-24T23:00"), at("2026-10-25T06:00")) == 8 * HOUR


def test_an_hour_that_comes_twice_counts_twice_and_one_that_is_skipped_does_not_come() -> None:
    night = BusinessClock(week(read_hours(["mon-sun 02:00-03:00"])), "Europe/Berlin")
    assert night.elapsed(at("2026-10-25T00:00"), at("2026-10-26T00:00")) == 2 * HOUR
    assert night.elapsed(at("2026-03-29T00:00"), at("2026-03-30T00:00")) == timedelta()


def test_what_is_due_at_the_end_of_a_day_is_not_due_on_the_next() -> None:
    clock = BusinessClock(OFFICE, "Europe/Berlin")
    assert clock.due(at("2026-11-09T09:00"), 8 * HOUR) == at("2026-11-09T17:00")
    assert not clock.is_open(at("2026-11-09T17:00"))
    assert clock.is_open(at("2026-11-09T09:00"))


def test_substitute_days_of_korea_are_closed() -> None:
    clock = BusinessClock(OFFICE, "Asia/Seoul", "KR")
    begins, ends = at("2026-02-27T09:00", SEOUL), at("2026-03-04T09:00", SEOUL)
    assert clock.elapsed(begins, ends) == 16 * HOUR  # 1 March is a Sunday, 2 March instead of it
    assert clock.due(begins, 9 * HOUR) == at("2026-03-03T10:00", SEOUL)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    hours = week(read_hours(["mon-sun 22:00-06:00"]))
    clock = BusinessClock(hours, "Asia/Seoul", closed=((date(2026, 11, 10), date(2026, 11, 10)),))
    assert clock.is_open(at("2026-11-10T05:00", SEOUL))
    assert not clock.is_open(at("2026-11-10T23:00", SEOUL))
    assert not clock.is_open(at("2026-11-11T05:00", SEOUL))
    assert clock.is_open(at("2026-11-11T22:00", SEOUL))


def test_the_night_in_which_clocks_are_changed_is_shorter_or_longer() -> None:
    clock = BusinessClock(week(read_hours(["sat 22:00-06:00"])), "Europe/Berlin")
    assert clock.elapsed(at("2026-03-28T12:00"), at("2026-03-30T00:00")) == 7 * HOUR
    assert clock.elapsed(at("2026-10-24T12:00"), at("2026-10-26T00:00")) == 9 * HOUR


def test_a_pause_stands_still_and_one_without_an_end_never_comes_to_anything() -> None:
    clock = BusinessClock(OFFICE, "Europe/Berlin")
    start, pause = at("2026-11-09T09:00"), at("2026-11-09T10:00")
    assert clock.due(start, 3 * HOUR, [(pause, at("2026-11-09T12:00"))]) == at("2026-11-09T14:00")
    assert clock.elapsed(start, at("2026-11-09T14:00"), [(pause, at("2026-11-09T12:00"))]) == (
        3 * HOUR
    )
    assert clock.due(start, 3 * HOUR, [(pause, None)]) is None
    assert clock.due(start, HOUR, [(pause, None)]) == pause


def test_a_calendar_that_is_never_open_has_nothing_due() -> None:
    assert BusinessClock(week({}), "Asia/Seoul").due(at("2026-11-09T09:00"), HOUR) is None
    shut = BusinessClock(OFFICE, "Asia/Seoul", closed=((date(2000, 1, 1), date(9999, 12, 31)),))
    assert shut.due(at("2026-11-09T09:00"), HOUR) is None
    assert shut.elapsed(at("2026-11-09T09:00"), at("2036-11-09T09:00")) == timedelta()


def test_nothing_is_due_at_once_even_in_a_pause() -> None:
    start = at("2026-11-07T20:00")
    assert BusinessClock(OFFICE).due(start, timedelta(), [(start, None)]) == start


def test_no_bound_is_met_with_a_traceback() -> None:
    clock = BusinessClock(ALWAYS, "Asia/Seoul")
    begin, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert clock.elapsed(begin, end) == timedelta(
        days=300 * 365 + 73
    )  # leap years: not 1900, not 2100
    assert clock.due(begin, timedelta.max) is None
    assert WALL.due(end, HOUR) is None
    assert WALL.elapsed(begin, end) == end - begin
    assert not clock.is_open(end)
    with pytest.raises(ValueRefused, match="below nothing"):
        clock.due(begin, -HOUR)
    with pytest.raises(ValueRefused, match="no time zone"):
        clock.is_open(datetime(2026, 1, 1))


def test_stretches_that_touch_are_one() -> None:
    clock = BusinessClock(ALWAYS, "Asia/Seoul")
    begins, ends = at("2025-12-30T09:00", SEOUL), at("2027-01-02T09:00", SEOUL)
    assert list(clock.stretches(begins, ends)) == [(begins, ends)]
    assert list(WALL.stretches(begins, ends)) == [(begins, ends)]
    assert list(clock.stretches(ends, begins)) == []


def test_the_records_make_the_clock(crm: CRM) -> None:
    hours = read_hours(["월-금 09:00-18:00"])
    with crm.transaction() as tx:
        own = tx.add(Calendar(name="Seoul", hours=hours, country="KR"))
        tx.add(Holiday(calendar_id=own.id, day=date(2026, 11, 9), until=date(2026, 11, 10)))
        tx.add(Holiday(calendar_id=own.id, day=date(2026, 12, 25), works=True))
    clock = clock_of(crm, own.id)
    assert clock.timezone == crm.company.timezone
    assert clock.due(at("2026-11-06T17:00", SEOUL), 2 * HOUR) == at("2026-11-11T10:00", SEOUL)
    assert clock.is_open(at("2026-12-25T10:00", SEOUL))
    assert clock_of(crm, None) is WALL
