"""How far estimates may be off: figures of books and of the product's definition, and laws."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.special
from crmkit_analytical.statistics import intervals
from crmkit_analytical.statistics.intervals import (
    bootstrap_mean,
    net_share,
    t_mean,
    wilson,
)
from crmkit_analytical.statistics.refusing import InputError
from crmkit_analytical.statistics.survival import greenwood, survival
from hypothesis import given, settings
from hypothesis import strategies as st

LAW = settings(max_examples=40, deadline=None)

assert scipy.special  # imported before any test is timed

SHARES = st.integers(0, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))
COUNTS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 4), st.integers(0, 4)),
    max_size=12,
    unique_by=lambda row: row[0],
)


def columns(rows):
    return tuple(np.array(rows, dtype=float).reshape(-1, 3).T)


def test_three_of_four_say_little_and_three_hundred_of_four_hundred_much():
    assert [round(100 * each, 1) for each in wilson(3, 4)] == [30.1, 95.4]
    assert [round(100 * each, 1) for each in wilson(300, 400)] == [70.5, 79.0]


@LAW
@given(SHARES, st.floats(0.1, 4))
def test_wilson_holds_the_share_and_its_bounds_are_the_shares_that_a_test_just_allows(share, z):
    """Where Wilson's interval comes from: |h / n - p| = z √(p (1 - p) / n) at both bounds."""
    hits, of = share
    low, high = wilson(hits, of, z)
    if of == 0:
        assert (low, high) == (0, 1)
        return
    assert 0 <= low <= hits / of <= high <= 1
    for bound in (low, high):
        assert (hits / of - bound) ** 2 == pytest.approx(
            z * z * bound * (1 - bound) / of, abs=1e-12
        )


@LAW
@given(SHARES)
def test_wilson_of_the_misses_is_the_mirror_image(share):
    hits, of = share
    low, high = wilson(hits, of)
    assert wilson(of - hits, of) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("hits", "of"), [(-1, 4), (5, 4), (math.nan, 4)])
def test_what_is_no_share_is_refused(hits, of):
    with pytest.raises(InputError, match="no share"):
        wilson(hits, of)


def test_fifty_promoters_and_thirty_detractors_of_a_hundred():
    """The product's figures: an NPS of +20, from +2.9 to +37.1."""
    found = [round(100 * each, 1) for each in net_share(50, 30, 100)]
    assert found == [20.0, 2.9, 37.1]


@LAW
@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_a_net_share_is_the_mean_of_votes(up, down, rest):
    votes = [1] * up + [-1] * down + [0] * rest
    if not votes:
        with pytest.raises(InputError, match="nobody"):
            net_share(0, 0, 0)
        return
    net, low, high = net_share(up, down, len(votes))
    half = 1.959963984540054 * np.std(votes) / math.sqrt(len(votes))
    assert net == pytest.approx(np.mean(votes))
    assert low == pytest.approx(max(-1, net - half), abs=1e-9)
    assert high == pytest.approx(min(1, net + half), abs=1e-9)


def test_students_own_data_give_the_interval_of_the_books():
    """The hours of sleep that one drug adds over another ("Student" 1908): 1.58, from 0.700 to 2.460."""
    gained = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert t_mean(gained) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)
    assert t_mean([3.0]) is None


def test_a_bootstrap_is_of_the_means_of_samples_drawn_again(monkeypatch):
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    draw = np.random.default_rng(7)
    means = sorted(
        sum(values[draw.integers(5)] for _ in range(5)) / 5 for _ in range(2000)
    )  # each on its own, from the same seed
    expected = (np.quantile(means, 0.05), np.quantile(means, 0.95))
    assert bootstrap_mean(values, 0.9, seed=7) == pytest.approx(expected)

    monkeypatch.setattr(intervals, "DRAWN_AT_ONCE", 15)
    assert bootstrap_mean(values, 0.9, seed=7) == pytest.approx(expected)


def test_a_bootstrap_of_many_agrees_with_student_and_differs_by_seed():
    values = np.random.default_rng(1).normal(10, 3, 400)
    low, high = t_mean(values)
    found = bootstrap_mean(values)
    assert found == pytest.approx((low, high), abs=0.05)
    assert found == bootstrap_mean(values)
    assert found != bootstrap_mean(values, seed=1)
    assert bootstrap_mean([3.0]) is None


def test_levels_and_rounds_that_mean_nothing_are_refused():
    for level in (0, 1):
        with pytest.raises(InputError, match="level"):
            t_mean([1, 2], level)
        with pytest.raises(InputError, match="level"):
            bootstrap_mean([1, 2], level)
    with pytest.raises(InputError, match="rounds"):
        bootstrap_mean([1, 2], rounds=0)


def test_the_intervals_of_freireich_are_those_of_the_books():
    """Remission under 6-MP (Freireich et al. 1963): standard errors and ln(-ln) intervals as in textbooks."""
    reached = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}
    left = {6: 1, 9: 1, 10: 1, 11: 1, 17: 1, 19: 1, 20: 1, 25: 1, 32: 2, 34: 1, 35: 1}
    times = sorted({*reached, *left})
    curve = survival(times, [reached.get(t, 0) for t in times], [left.get(t, 0) for t in times])
    low, high = (dict(zip(curve.times, each.round(4), strict=True)) for each in greenwood(curve))
    assert (low[6], high[6]) == (0.6197, 0.9516)
    assert (low[23], high[23]) == (0.1881, 0.6801)


@LAW
@given(COUNTS)
def test_greenwood_is_the_plain_sum_and_holds_the_curve(rows):
    times, reached, left = columns(rows)
    curve = survival(times, reached, left)
    low, high = greenwood(curve)
    plain = Fraction(0)
    for at, time in enumerate(curve.times):
        at_risk = sum(int(d + c) for t, d, c in rows if t >= time)
        d = sum(d for t, d, _ in rows if t == time)
        if at_risk == d:
            assert curve.chance[at] == 0
            assert math.isnan(low[at])
            assert math.isnan(high[at])
            continue
        plain += Fraction(d, at_risk * (at_risk - d))
        chance = curve.chance[at]
        stretch = 1.959963984540054 * math.sqrt(plain) / math.log(chance)
        assert low[at] == pytest.approx(chance ** math.exp(-stretch))
        assert high[at] == pytest.approx(chance ** math.exp(stretch))
        assert 0 <= low[at] <= chance <= high[at] <= 1
