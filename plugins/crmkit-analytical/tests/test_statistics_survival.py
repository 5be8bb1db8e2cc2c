"""Curves over grouped counts, against plain fractions, the figures of a book, and the same estimator of service."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from statistics import fmean, median_low

import numpy as np
import pytest
from crmkit_analytical.statistics.refusing import InputError
from crmkit_analytical.statistics.survival import survival
from hypothesis import given, settings
from hypothesis import strategies as st

LAW = settings(max_examples=40, deadline=None)

COUNTS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 6)),
    max_size=14,
    unique_by=lambda row: row[0],
)
SHARES = st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9, 1.0])

FREIREICH = {6: (3, 1), 7: (1, 0), 9: (0, 1), 10: (1, 1), 11: (0, 1), 13: (1, 0), 16: (1, 0)}
FREIREICH |= {17: (0, 1), 19: (0, 1), 20: (0, 1), 22: (1, 0), 23: (1, 0), 25: (0, 1)}
FREIREICH |= {32: (0, 2), 34: (0, 1), 35: (0, 1)}
"""Weeks of remission under 6-MP (Freireich et al. 1963): how many relapsed, and how many had not yet."""


def curve_of(rows):
    return survival(*np.array(rows, dtype=float).reshape(-1, 3).T)


def plain_of(rows):
    """Time -> chance, as fractions, straight from the definition."""
    found, chance = {}, Fraction(1)
    for time, reached, _ in sorted(rows):
        if reached:
            at_risk = sum(d + c for t, d, c in rows if t >= time)
            chance *= 1 - Fraction(reached, at_risk)
            found[time] = chance
    return found


def test_the_remissions_of_freireich_come_out_as_in_the_books():
    curve = curve_of([(time, *both) for time, both in FREIREICH.items()])
    chances = dict(zip(curve.times, curve.chance.round(3), strict=True))
    assert chances == {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert curve.quantile(0.5) == 23
    assert curve.quantile(0.75) is None
    assert curve.quantile_interval(0.5) == (13, None)
    assert (curve.count, curve.last) == (21, 35)
    assert list(curve.at_risk[:3]) == [21, 17, 15]


@LAW
@given(COUNTS)
def test_each_chance_is_the_product_over_those_at_risk(rows):
    curve, plain = curve_of(rows), plain_of(rows)
    assert list(curve.times) == list(plain)
    assert curve.chance == pytest.approx([float(each) for each in plain.values()], abs=1e-12)
    assert list(curve.reached) == [d for _, d, _ in sorted(rows) if d]


@LAW
@given(COUNTS, SHARES)
def test_a_quantile_is_the_first_time_by_which_that_share_is_reached(rows, share):
    plain = (t for t, chance in plain_of(rows).items() if chance <= 1 - Fraction(str(share)))
    assert curve_of(rows).quantile(share) == next(plain, None)


@LAW
@given(COUNTS)
def test_rows_may_come_in_any_order_and_in_parts(rows):
    whole = curve_of(rows)
    parts = curve_of([(t, d, 0) for t, d, _ in rows[::-1]] + [(t, 0, c) for t, _, c in rows])
    assert list(parts.times) == list(whole.times)
    assert list(parts.chance) == list(whole.chance)
    assert (parts.last, parts.count) == (whole.last, whole.count)


@LAW
@given(COUNTS, st.floats(0.001, 1000))
def test_another_unit_of_time_changes_only_the_times(rows, unit):
    before, after = curve_of(rows), curve_of([(t * unit, d, c) for t, d, c in rows])
    assert list(after.chance) == list(before.chance)
    assert after.times == pytest.approx(before.times * unit)


@LAW
@given(COUNTS)
def test_it_is_to_the_last_digit_what_service_says(rows):
    service = pytest.importorskip("crmkit_operational.service.survival")
    ends = [
        (timedelta(hours=t), is_reached)
        for t, d, c in rows
        for is_reached, many in ((True, d), (False, c))
        for _ in range(many)
    ]
    curve = curve_of(rows)
    assert list(zip(curve.times, curve.chance, strict=True)) == [
        (time / timedelta(hours=1), chance) for time, chance in service.survival(ends)
    ]
    median = service.median_with_open(ends)
    assert curve.quantile(0.5) == (None if median is None else median / timedelta(hours=1))


@LAW
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.integers(0, 1000))
def test_with_nothing_open_it_is_the_lower_median_and_the_plain_mean(known, until):
    curve = survival(known, 1, 0)
    assert curve.quantile(0.5) == median_low(known)
    assert curve.restricted_mean() == pytest.approx(fmean(known))
    assert curve.restricted_mean(until) == pytest.approx(fmean(min(each, until) for each in known))


@LAW
@given(COUNTS, st.floats(0, 12))
def test_a_restricted_mean_is_the_area_under_the_curve(rows, until):
    curve = curve_of(rows)
    found = curve.restricted_mean(until)
    if curve.at(until) is None:
        assert found is None
        return
    grid = np.linspace(0, until, 201)[:-1] + until / 400
    assert found == pytest.approx(np.mean([curve.at(each) for each in grid]) * until, abs=0.1)


@LAW
@given(COUNTS, SHARES)
def test_the_interval_of_a_quantile_holds_it(rows, share):
    curve = curve_of(rows)
    low, high = curve.quantile_interval(share)
    found = curve.quantile(share)
    if found is not None:
        assert low is not None
        assert low <= found
    if high is not None:
        assert found is not None
        assert found <= high


def test_what_is_not_known_is_none():
    nothing = survival([], [], [])
    assert nothing.quantile(0.5) is None
    assert nothing.at(0) is None
    assert nothing.restricted_mean() is None
    half_open = survival([1, 2], [1, 0], [0, 1])
    assert [half_open.at(each) for each in (0, 0.9, 1, 1.1, 2)] == [1, 1, 0.5, 0.5, 0.5]
    assert half_open.at(2.1) is None
    assert half_open.restricted_mean() == 1.5
    assert half_open.restricted_mean(3) is None
    assert half_open.quantile(0.75) is None
    done = survival([1, 2], [1, 1], [0, 0])
    assert done.at(5) == 0
    assert done.restricted_mean(5) == 1.5


def test_a_tenth_left_of_ten_is_a_tenth():
    """0.9 of 1 - 0.9: rounding must not move the 90th percentile to the next time."""
    curve = survival(range(1, 11), 1, 0)
    assert [curve.quantile(each / 10) for each in range(1, 11)] == list(range(1, 11))


@pytest.mark.parametrize(
    ("times", "reached", "left"),
    [
        ([-1], [1], [0]),
        ([1], [-1], [0]),
        ([1], [1], [-1]),
        ([1, 2], [1], [1]),
        ([np.nan], [1], [0]),
    ],
)
def test_what_is_no_count_of_times_is_refused(times, reached, left):
    with pytest.raises(InputError):
        survival(times, reached, left)


@pytest.mark.parametrize("share", [0, 1.1, -1])
def test_a_share_of_nothing_is_refused(share):
    with pytest.raises(InputError, match="share"):
        survival([1], [1], [0]).quantile(share)
