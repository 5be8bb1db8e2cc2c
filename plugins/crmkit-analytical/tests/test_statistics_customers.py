"""Purchases become histories, and customers get scores: both against plain loops."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from statistics import fmean

import numpy as np
import pytest
from crmkit_analytical.statistics.histories import histories
from crmkit_analytical.statistics.refusing import InputError
from crmkit_analytical.statistics.rfm import rfm, scores
from hypothesis import given, settings
from hypothesis import strategies as st

LAW = settings(max_examples=40, deadline=None)
PURCHASES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 100)), max_size=40
)
VALUES = st.lists(st.integers(0, 12), max_size=30)


def plain_histories(purchases, until):
    """Customer -> (x, t_x, T, mean, total), in days."""
    days = defaultdict(lambda: defaultdict(int))
    for customer, day, value in purchases:
        if day <= until:
            days[customer][day] += value
    found = {}
    for customer, known in sorted(days.items()):
        first, *again = sorted(known)
        found[customer] = (
            len(again),
            (again[-1] if again else first) - first,
            until - first,
            fmean(known[day] for day in again) if again else 0,
            sum(known.values()),
        )
    return found


@LAW
@given(PURCHASES, st.integers(0, 8))
def test_histories_are_those_of_a_plain_loop(purchases, until):
    columns = np.array(purchases, dtype=float).reshape(-1, 3).T
    found = histories(*columns, until=until, unit=1)
    plain = plain_histories(purchases, until)
    assert list(found.customers) == list(plain)
    for at, column in enumerate((found.x, found.t_x, found.T, found.mean, found.total)):
        assert column == pytest.approx([row[at] for row in plain.values()])


def test_two_purchases_on_a_day_are_one_and_times_are_in_weeks():
    found = histories([1, 1, 1, 1], [100, 107, 107, 150], [5, 10, 20, 40], until=121)
    assert (found.x[0], found.t_x[0], found.T[0]) == (1, 1, 3)
    assert (found.mean[0], found.total[0]) == (30, 35)


def test_customers_who_buy_on_one_day_stay_apart():
    found = histories([1, 1, 2], [100, 107, 107], [5, 10, 20], until=107)
    assert (list(found.customers), list(found.x), list(found.total)) == ([1, 2], [1, 0], [15, 20])


def test_purchases_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="whole"):
        histories([1], [1.5], [1], until=3)
    with pytest.raises(InputError, match="unit"):
        histories([1], [1], [1], until=3, unit=0)
    with pytest.raises(InputError, match="one value for each row"):
        histories([1, 2], [1], [1, 1], until=3)


@LAW
@given(VALUES, st.booleans(), st.integers(1, 10))
def test_a_score_says_how_many_fifths_are_worse(values, best_is_low, of):
    found = scores(values, best_is_low, of)
    assert len(found) == len(values)
    for value, score in zip(values, found, strict=True):
        worse = sum(each > value if best_is_low else each < value for each in values)
        assert 1 <= score <= of
        assert Fraction(score - 1, of) <= Fraction(worse, len(values)) < Fraction(score, of)


@LAW
@given(VALUES)
def test_equals_score_alike_and_better_never_scores_worse(values):
    found = scores(values)
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert len({(value, int(score)) for value, score in zip(values, found, strict=True)}) == len(
        set(values)
    )


def test_a_hundred_different_customers_fall_into_fifths_of_twenty():
    values = np.random.default_rng(1).permutation(100)
    assert list(np.bincount(scores(values))) == [0, 20, 20, 20, 20, 20]
    assert list(scores([7, 7, 7])) == [1, 1, 1]


def test_recent_frequent_and_generous_is_best():
    found = rfm(since=[1, 2, 3, 4, 5], purchases=[9, 7, 5, 3, 1], value=[50, 40, 30, 20, 10])
    assert found.tolist() == [[5, 5, 5], [4, 4, 4], [3, 3, 3], [2, 2, 2], [1, 1, 1]]
    with pytest.raises(InputError, match="1 or more"):
        scores([1], of=0)
