"""Medians in which what is not done yet counts, against a plain product and the figures of a book."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from statistics import median_low

from crmkit_operational.service.survival import median_with_open, survival
from hypothesis import given
from hypothesis import strategies as st

ENDS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=20)


def lengths(ends):
    return [(timedelta(hours=length), is_reached) for length, is_reached in ends]


def test_the_remissions_of_freireich_come_out_as_in_the_books():
    """Weeks of remission under 6-MP (Freireich et al. 1963), the standard example: S(23) = 0.448, the median is 23."""
    reached = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    left = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    ends = lengths([(each, True) for each in reached] + [(each, False) for each in left])
    chances = {each / timedelta(hours=1): round(chance, 3) for each, chance in survival(ends)}
    assert chances == {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert median_with_open(ends) == timedelta(hours=23)


@given(ENDS)
def test_each_chance_is_the_product_over_those_at_risk(ends):
    plain, chance = {}, Fraction(1)
    for time in sorted({length for length, is_reached in ends if is_reached}):
        at_risk = sum(length >= time for length, _ in ends)
        chance *= 1 - Fraction(ends.count((time, True)), at_risk)
        plain[timedelta(hours=time)] = chance
    found = dict(survival(lengths(ends)))
    assert list(found) == list(plain)
    assert all(abs(found[each] - float(plain[each])) < 1e-12 for each in plain)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=50))
def test_with_none_open_it_is_the_lower_median(found):
    ends = lengths([(each, True) for each in found])
    assert median_with_open(ends) == timedelta(hours=1) * median_low(found)


def test_there_is_none_if_more_than_half_never_come():
    assert median_with_open([]) is None
    assert median_with_open(lengths([(1, True), (2, False), (3, False)])) is None
