"""Gamma-Gamma: the paper's formulas in plain loops, laws, and known truth recovered."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
from crmkit_analytical.statistics.gamma_gamma import GammaGamma, correlation, fit
from crmkit_analytical.statistics.refusing import InputError, NoFit
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize

assert optimize  # imported before any test is timed

LAW = settings(max_examples=40, deadline=None)
CDNOW = GammaGamma(p=6.25, q=3.74, v=15.44)

MODELS = st.builds(GammaGamma, p=st.floats(0.1, 20), q=st.floats(1.01, 20), v=st.floats(0.1, 100))
ROWS = st.tuples(st.integers(1, 40), st.floats(0.1, 1000))


def plain_log_likelihood(model, x, mean):
    """Equation 1 of the paper for one customer, as it stands there."""
    p, q, v = attrs.astuple(model)
    beta = math.lgamma(p * x) + math.lgamma(q) - math.lgamma(p * x + q)
    return (
        -math.log(mean)
        - beta
        + q * math.log(v / (v + x * mean))
        + p * x * math.log(x * mean / (v + x * mean))
    )


def simulated(model, n, seed):
    """Customers and, purchase by purchase, what they spend: (x, the mean, the customer's true mean)."""
    draw = np.random.default_rng(seed)
    x = draw.integers(1, 8, n)
    rate = draw.gamma(model.q, 1 / model.v, n)
    spent = sum(draw.gamma(model.p, 1 / rate) * (x > each) for each in range(7))
    return x.astype(float), spent / x, model.p / rate


@LAW
@given(MODELS, st.lists(st.tuples(ROWS, st.integers(0, 3)), min_size=1, max_size=6))
def test_the_likelihood_is_the_papers_in_plain_loops(model, rows):
    plain = sum(many * plain_log_likelihood(model, *each) for each, many in rows)
    x, mean = zip(*(each for each, _ in rows), strict=True)
    found = model.log_likelihood(x, mean, [many for _, many in rows])
    assert found == pytest.approx(plain, rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("x", [1, 4])
def test_the_density_of_the_mean_is_one_in_all(x):
    area, _ = integrate.quad(lambda mean: math.exp(CDNOW.log_likelihood(x, mean)), 0, np.inf)
    assert area == pytest.approx(1, abs=1e-6)


@LAW
@given(MODELS, ROWS)
def test_the_expectation_lies_between_the_customer_and_all(model, row):
    (found,) = model.expected(*row)
    (of_all,) = model.expected(0, 0)
    x, mean = row
    weight = model.p * x / (model.p * x + model.q - 1)
    assert of_all == pytest.approx(model.p * model.v / (model.q - 1))
    assert found == pytest.approx(weight * mean + (1 - weight) * of_all)


def test_what_simulated_customers_truly_spend_is_met():
    x, mean, true = simulated(CDNOW, 20_000, seed=2)
    low, high = CDNOW.interval(x, mean, 0.8)
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(0.8, abs=0.012)
    expected = CDNOW.expected(x, mean)
    for some in (x == 1, x == 7, mean > 50, mean < 20):
        error = true[some].std() / math.sqrt(some.sum())
        assert expected[some].mean() == pytest.approx(true[some].mean(), abs=4 * error)


@pytest.mark.parametrize("truth", [CDNOW, GammaGamma(p=1.2, q=6.0, v=200_000.0)])
def test_known_parameters_are_recovered_within_four_standard_errors(truth):
    x, mean, _ = simulated(truth, 20_000, seed=4)
    found = fit(x, mean)
    for name, true in attrs.asdict(truth).items():
        error = found.standard_errors[name]
        assert abs(getattr(found.model, name) - true) < 4 * error
        assert error < 0.1 * true
    assert abs(found.correlation) < 0.03


def test_another_currency_scales_v_and_shifts_the_likelihood():
    x, mean, _ = simulated(CDNOW, 2000, seed=5)
    dollars = fit(x, mean)
    for rate in (1300.0, 1e-6):
        other = fit(x, mean * rate)
        assert other.model.v == pytest.approx(dollars.model.v * rate, rel=1e-6)
        assert other.model.p == pytest.approx(dollars.model.p, rel=1e-6)
        assert other.model.q == pytest.approx(dollars.model.q, rel=1e-6)
        shift = len(x) * math.log(rate)
        assert other.log_likelihood == pytest.approx(dollars.log_likelihood - shift, abs=1e-4)


def test_grouped_rows_give_what_customers_one_by_one_give():
    x, mean, _ = simulated(CDNOW, 2000, seed=6)
    mean = np.maximum(mean.round(), 1)
    rows, counts = np.unique(np.stack([x, mean]), axis=1, return_counts=True)
    one_by_one, grouped = fit(x, mean), fit(*rows, counts)
    assert attrs.astuple(grouped.model) == pytest.approx(attrs.astuple(one_by_one.model), rel=1e-9)
    assert grouped.correlation == pytest.approx(one_by_one.correlation)
    assert grouped.customers == one_by_one.customers == 2000


def test_a_correlation_is_pearsons_and_none_of_what_never_differs():
    x, mean = [1, 2, 3, 3], [10.0, 5.0, 8.0, 8.0]
    assert correlation(x, mean) == pytest.approx(np.corrcoef(x, mean)[0, 1])
    assert correlation([1, 2, 3], [10, 5, 8], [1, 1, 2]) == pytest.approx(correlation(x, mean))
    assert correlation([1, 1], [3, 4]) is None
    assert correlation([], []) is None


def test_a_mean_that_is_infinite_is_refused_plainly():
    heavy = GammaGamma(p=2.0, q=0.7, v=10.0)
    with pytest.raises(NoFit, match=r"q is 0\.7, and at 1 or below the mean .* is infinite"):
        heavy.expected(1, 10)
    x, mean, _ = simulated(heavy, 3000, seed=7)
    with pytest.raises(NoFit, match="infinite"):
        fit(x, mean)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (([], []), "fewer than two"),
        (([3], [9.0]), "fewer than two"),
        (([1, 2, 3], [9.0, 9.0, 9.0]), "spend the same"),
        (([1, 2], [9.0, 8.0]), "infinity|zero|flat|no top"),
    ],
)
def test_data_that_say_nothing_are_refused_in_plain_words(rows, reason):
    with pytest.raises(NoFit, match=reason):
        fit(*rows)


def test_numbers_that_no_customer_has_are_refused():
    for row in ((0, 5.0), (1, 0.0), (1, -3.0)):
        with pytest.raises(InputError, match="above 0"):
            fit(*row)
    with pytest.raises(InputError, match="negative"):
        CDNOW.expected(-1, 5)
    with pytest.raises(InputError, match="above 0"):
        GammaGamma(p=1, q=0, v=1)
    with pytest.raises(InputError, match="level"):
        CDNOW.interval(1, 5, level=0)
