"""Axes hold what is drawn on them, and their labels fit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from crmkit_analytical.drawing.axes import (
    amounts,
    caption,
    fitted,
    moments,
    number_of,
    pixels,
    shortened,
)
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=6), st.booleans())
def test_an_axis_holds_its_amounts_and_few_ticks(numbers: list[float], is_length: bool) -> None:
    axis = amounts(numbers, "number", is_length=is_length)
    slack = 1e-6 * max(map(abs, numbers)) + 1e-9

    assert axis.low - slack <= min(numbers) <= max(numbers) <= axis.high + slack
    assert all(axis.low - slack <= at <= axis.high + slack for at, label in axis.ticks)
    assert 1 <= len(axis.ticks) <= 9
    assert not is_length or axis.low <= 0 <= axis.high


@settings(deadline=None, max_examples=50)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.floats(60, 1e10))
def test_an_axis_of_moments_has_ticks_inside_of_it(start: datetime, span: float) -> None:
    low = start.replace(tzinfo=UTC).timestamp()
    axis = moments([low, low + span], "time")

    assert all(axis.low <= at <= axis.high for at, label in axis.ticks)
    assert len(axis.ticks) <= 9
    assert len({label for at, label in axis.ticks}) == len(axis.ticks)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60), st.floats(20, 400))
def test_a_shortened_text_fits(text: str, room: float) -> None:
    assert pixels(shortened(text, room)) <= room


def test_labels_along_the_bottom_do_not_touch() -> None:
    axis = fitted([123_456.0, 9_876_543.0], "number", 300)

    assert sum(pixels(label) for at, label in axis.ticks) < 300
    assert caption("값", "", "KRW") == "값 (KRW)"


def test_moments_stand_where_the_clocks_of_the_company_are() -> None:
    seoul, evening = ZoneInfo("Asia/Seoul"), datetime(2026, 1, 1, 15, tzinfo=UTC)
    midnight = datetime(2026, 1, 2, tzinfo=UTC).timestamp()

    assert number_of(evening, "time", seoul) == midnight
    assert number_of(evening, "date", seoul) == midnight
    assert number_of(date(2026, 1, 2), "date", seoul) == midnight
    assert (midnight, "01-02 00:00") in moments([midnight - 7200, midnight + 7200], "time").ticks


def test_the_first_and_the_last_moments_have_an_axis() -> None:
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        for zone in (ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")):
            at = number_of(moment, "time", zone)

            assert at is not None
            assert moments([at], "time").ticks
