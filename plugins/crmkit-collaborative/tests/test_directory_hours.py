"""Working hours: beside a recomputation that goes minute by minute and knows nothing but the clock on the wall."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from crmkit_collaborative.directory.hours import DAYS, is_open, next_opening, read_hours, week
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import ValueRefused

ZONES = ["Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "UTC"]  # fmt: skip
SEOUL, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)

clock = st.integers(0, 24 * 60 - 1)
span = st.tuples(clock, st.integers(1, 24 * 60)).filter(lambda pair: pair[0] != pair[1])
weeks = st.dictionaries(st.sampled_from(DAYS), st.lists(span, max_size=2), max_size=4)
moments = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1)).map(
    lambda each: each.replace(second=0, microsecond=0, tzinfo=UTC)
)
# Days on which clocks are changed in some of the zones, or a whole day is left out.
CHANGES = ["2026-03-08", "2026-03-29", "2026-04-04", "2026-10-25", "2026-11-01", "2011-12-30"]
near_changes = st.tuples(st.sampled_from(CHANGES), st.integers(-2000, 2000)).map(
    lambda pair: datetime.fromisoformat(pair[0]).replace(tzinfo=UTC) + pair[1] * MINUTE
)


def written(spans):
    def text(minutes):
        return f"{minutes // 60:02}:{minutes % 60:02}"

    return {day: [f"{text(a)}-{text(b)}" for a, b in each] for day, each in spans.items()}


def plain_minutes(spans):
    """Every open (weekday, hour, minute), by going through them."""
    found = set()
    for day, each in spans.items():
        for begins, ends in each:
            minute, number = begins, DAYS.index(day)
            while minute != ends:
                found.add((number, minute // 60, minute % 60))
                minute += 1
                if minute == 24 * 60 and ends != 24 * 60:
                    minute, number = 0, (number + 1) % 7
    return found


def plain_is_open(minutes, zone, moment):
    local = moment.astimezone(zone)
    return (local.weekday(), local.hour, local.minute) in minutes


@given(weeks, st.sampled_from(ZONES), moments | near_changes)
def test_it_is_open_when_the_clock_on_the_wall_says_so(spans, zone, moment):
    zone = ZoneInfo(zone)

    found = is_open(written(spans), zone, moment)

    assert found == plain_is_open(plain_minutes(spans), zone, moment)


@settings(max_examples=60, deadline=None)
@given(weeks, st.sampled_from(ZONES), moments | near_changes)
def test_the_next_opening_is_the_first_open_minute(spans, zone, moment):
    zone, minutes = ZoneInfo(zone), plain_minutes(spans)

    found = next_opening(written(spans), zone, moment)

    ahead = (moment + step * MINUTE for step in range(3 * 24 * 60))
    expected = next((each for each in ahead if plain_is_open(minutes, zone, each)), None)
    if expected is None:
        assert found is None or found >= moment + timedelta(days=3)
        assert (found is None) == (not minutes)
    else:
        assert found == expected


@given(weeks, st.sampled_from(ZONES), moments, st.integers(0, 59_999_999))
def test_an_opening_is_open_and_opens_again_at_itself(spans, zone, moment, more):
    zone, moment = ZoneInfo(zone), moment + timedelta(microseconds=more)

    found = next_opening(written(spans), zone, moment)

    if found is not None:
        assert found >= moment
        assert is_open(written(spans), zone, found)
        assert next_opening(written(spans), zone, found) == found


def test_over_midnight_is_one_span_or_two():
    one, two = {"sun": ["22:00-06:00"]}, {"sun": ["22:00-24:00"], "mon": ["00:00-06:00"]}
    start = datetime(2026, 3, 1, tzinfo=SEOUL)  # a Sunday

    for step in range(0, 7 * 24 * 60, 30):
        at = start + step * MINUTE
        assert is_open(one, SEOUL, at) == is_open(two, SEOUL, at)
    assert is_open(one, SEOUL, datetime(2026, 3, 2, 5, 59, tzinfo=SEOUL))
    assert not is_open(one, SEOUL, datetime(2026, 3, 2, 6, tzinfo=SEOUL))


def test_daylight_saving_moves_the_opening_in_universal_time():
    nine = {"mon": ["09:00-18:00"]}

    before = next_opening(nine, BERLIN, datetime(2026, 3, 21, tzinfo=UTC))
    after = next_opening(nine, BERLIN, datetime(2026, 3, 28, tzinfo=UTC))

    assert before == datetime(2026, 3, 23, 8, tzinfo=UTC)
    assert after == datetime(2026, 3, 30, 7, tzinfo=UTC)


def test_an_hour_that_the_clock_skips_does_not_come_that_week():
    only = {"sun": ["02:00-03:00"]}

    found = next_opening(only, BERLIN, datetime(2026, 3, 28, 12, tzinfo=UTC))

    assert found == datetime(2026, 4, 5, 2, tzinfo=BERLIN)


def test_an_hour_that_it_shows_twice_is_open_twice():
    only = {"sun": ["02:00-03:00"]}
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    assert is_open(only, BERLIN, first)
    assert is_open(only, BERLIN, first + timedelta(hours=1))
    assert not is_open(only, BERLIN, first + timedelta(hours=2))


@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        ({"monday": ["09:00-18:00"]}, "no weekday"),
        ({"mon": "09:00-18:00"}, "list of spans"),
        ({"mon": ["9-18"]}, "no span of a day"),
        ({"mon": ["25:00-26:00"]}, "no span of a day"),
        ({"mon": ["09:00-09:00"]}, "no time at all"),
        ({"mon": ["24:00-06:00"]}, "no span of a day"),
        ({"mon": [9]}, "no span of a day"),
        ({"mon": ["0٩:00-18:00"]}, "no span of a day"),
        ({"mon": ["٠٩:٠٠-١٨:٠٠"]}, "no span of a day"),
    ],
)
def test_what_is_no_hours_is_refused_with_what_to_write(hours, reason):
    with pytest.raises(ValueRefused, match=reason):
        week(hours)


def test_people_write_days_in_ranges_and_in_korean():
    assert read_hours(["mon-wed 09:00-12:00,13:00-18:00"]) == {
        day: ["09:00-12:00", "13:00-18:00"] for day in ("mon", "tue", "wed")
    }
    assert read_hours(["토-월요일 10:00-14:00"]) == {
        day: ["10:00-14:00"] for day in ("mon", "sat", "sun")
    }
    assert read_hours(["Friday,sun 22:00-06:00"]) == {"fri": ["22:00-06:00"], "sun": ["22:00-06:00"]}  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "mon", "09:00-18:00", "someday 09:00-18:00", "mon 9 to 6", "monkey 09:00-18:00"]
)
def test_hours_that_nobody_can_read_are_refused(text):
    with pytest.raises(ValueRefused, match="write"):
        read_hours([text])
