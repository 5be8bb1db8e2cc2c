"""BG/NBD: the figures that were published, the paper's formulas in plain loops, laws, and known truth recovered."""

from __future__ import annotations

import math
import time

import attrs
import numpy as np
import pytest
from crmkit_analytical.statistics.bgnbd import BgNbd, fit
from crmkit_analytical.statistics.refusing import InputError, NoFit
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize

assert optimize  # imported before any test is timed

LAW = settings(max_examples=40, deadline=None)
CDNOW = BgNbd(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)

MODELS = st.builds(
    BgNbd,
    r=st.floats(0.05, 5),
    alpha=st.floats(0.1, 20),
    a=st.floats(0.05, 8),
    b=st.floats(0.1, 8),
)


@st.composite
def customers(draw):
    """x, t_x and T of one customer."""
    T = draw(st.floats(0.1, 100))
    x = draw(st.integers(0, 60))
    return x, (draw(st.floats(0.01, 1)) * T if x else 0.0), T


def plain_log_likelihood(model, x, t_x, T):
    """Equation 6 of the paper for one customer, as it stands there."""
    r, alpha, a, b = attrs.astuple(model)

    def beta(p, q):
        return math.exp(math.lgamma(p) + math.lgamma(q) - math.lgamma(p + q))

    rate = math.exp(math.lgamma(r + x) - math.lgamma(r)) * alpha**r
    alive = beta(a, b + x) / beta(a, b) * rate / (alpha + T) ** (r + x)
    if x == 0:
        return math.log(alive)
    lost = beta(a + 1, b + x - 1) / beta(a, b) * rate / (alpha + t_x) ** (r + x)
    return math.log(alive + lost)


def plain_alive(model, x, t_x, T):
    r, alpha, a, b = attrs.astuple(model)
    if x == 0:
        return 1.0
    return 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))


def plain_expected(model, x, t_x, T, t):
    """Equation 10 of the paper, the hypergeometric function summed term by term."""
    r, alpha, a, b = attrs.astuple(model)
    z, term, series = t / (alpha + T + t), 1.0, 1.0
    for n in range(100_000):
        term *= (r + x + n) * (b + x + n) / (a + b + x - 1 + n) * z / (n + 1)
        series += term
        if abs(term) < 1e-16 * abs(series):
            break
    of_alive = (a + b + x - 1) / (a - 1) * (1 - (1 - z) ** (r + x) * series)
    return of_alive * plain_alive(model, x, t_x, T)


def simulated(model, T, seed):
    """Customers who live as the model says, purchase by purchase: (x, t_x), and each one's rate, p and whether lost."""
    draw, n = np.random.default_rng(seed), len(T)
    rate, p = draw.gamma(model.r, 1 / model.alpha, n), draw.beta(model.a, model.b, n)
    x, t_x, now, is_buying = np.zeros(n), np.zeros(n), np.zeros(n), np.ones(n, bool)
    is_lost = np.zeros(n, bool)
    while is_buying.any():
        now = now + draw.exponential(1, n) / rate
        buys = is_buying & (now <= T)
        x, t_x = x + buys, np.where(buys, now, t_x)
        leaves = buys & (draw.random(n) < p)
        is_lost |= leaves
        is_buying = buys & ~leaves
    return x, t_x, rate, p, is_lost


def test_the_authors_example_customer_comes_out():
    """Their note on Excel: x = 2, t_x = 30.43, T = 38.86 is expected to buy 1.226 times in the next 39 weeks."""
    assert CDNOW.expected(2, 30.43, 38.86, 39)[0] == pytest.approx(1.226, abs=1e-3)


@LAW
@given(MODELS, st.lists(st.tuples(customers(), st.integers(0, 3)), min_size=1, max_size=6))
def test_the_likelihood_is_the_papers_in_plain_loops(model, rows):
    plain = sum(many * plain_log_likelihood(model, *each) for each, many in rows)
    x, t_x, T = zip(*(each for each, _ in rows), strict=True)
    found = model.log_likelihood(x, t_x, T, [many for _, many in rows])
    assert found == pytest.approx(plain, rel=1e-9, abs=1e-9)


@LAW
@given(MODELS, customers())
def test_the_chance_to_be_alive_is_the_papers(model, customer):
    (found,) = model.alive(*customer)
    assert 0 <= found <= 1
    assert found == pytest.approx(plain_alive(model, *customer), rel=1e-9)


@LAW
@given(
    MODELS.filter(lambda m: min(abs(m.a - 1), abs(m.a + m.b - 1)) > 0.01),
    customers(),
    st.floats(0, 100),
)
def test_the_expectation_is_the_papers_in_plain_loops(model, customer, t):
    (found,) = model.expected(*customer, t)
    assert found == pytest.approx(plain_expected(model, *customer, t), rel=1e-7, abs=1e-9)


@LAW
@given(MODELS, customers(), st.floats(0, 50), st.floats(0, 50))
def test_more_time_brings_more_purchases(model, customer, t, more):
    sooner, later = model.expected(*[[each] * 2 for each in customer], [t, t + more])
    assert 0 <= sooner <= later + 1e-9


@LAW
@given(MODELS, customers(), st.floats(0.1, 4))
@example(BgNbd(r=1, alpha=1, a=1, b=1), (0, 0.0, 1.0), 1.0)
@example(BgNbd(r=1, alpha=1, a=0.99999, b=1), (3, 0.5, 1.0), 1.0)
@example(BgNbd(r=1, alpha=1, a=1 + 1e-9, b=1), (0, 0.0, 1.0), 1.0)
@example(BgNbd(r=1, alpha=1, a=0.5, b=0.5), (0, 0.0, 1.0), 1.0)
@example(BgNbd(r=1, alpha=1, a=0.25, b=0.75 + 1e-8), (0, 0.0, 1.0), 1.0)
@example(BgNbd(r=1, alpha=1, a=1, b=3e-6), (0, 0.0, 1.0), 1.0)
@example(BgNbd(r=1, alpha=1, a=1e-7, b=1), (0, 0.0, 1.0), 1.0)
def test_the_expectation_is_the_sum_of_the_chances_of_one_two_and_more(model, customer, t):
    k = np.arange(1, 5_001)
    chances = model.at_least(k, *customer, t)
    assert (np.diff(chances) <= 1e-15).all()
    assert chances.sum() == pytest.approx(model.expected(*customer, t)[0], rel=1e-6, abs=1e-9)
    assert model.at_least(0, *customer, t)[0] == 1


@LAW
@given(MODELS, customers(), st.floats(0, 20), st.sampled_from([0.5, 0.8, 0.95]))
def test_an_interval_is_the_least_numbers_with_such_chances(model, customer, t, level):
    (low,), (high,) = model.interval(*customer, t, level=level)
    for bound, share in ((low, (1 - level) / 2), (high, (1 + level) / 2)):
        assert model.at_least(bound + 1, *customer, t)[0] <= 1 - share
        assert bound == 0 or model.at_least(bound, *customer, t)[0] > 1 - share


def test_many_purchases_in_a_long_time_do_not_overflow():
    x, T, t = [1_000, 10_000, 100_000], [5_000.0] * 3, [5_000.0] * 3
    found = CDNOW.expected(x, T, T, t)
    # Whoever bought so often is not going to leave soon: about the same again, less who leaves on the way.
    assert (np.array(x) * 0.4 < found).all()
    assert (found < np.array(x)).all()
    assert CDNOW.alive(x, [10.0] * 3, T) == pytest.approx([0, 0, 0], abs=1e-12)
    assert np.isfinite(CDNOW.log_likelihood(x, T, T))
    low, high = CDNOW.interval(x, T, T, t)
    assert (low < found).all()
    assert (found < high).all()


def test_new_customers_buy_as_often_as_simulated_ones():
    T = np.full(100_000, 39.0)
    x, *_ = simulated(CDNOW, T, seed=3)
    error = x.std() / math.sqrt(len(x))
    assert CDNOW.expected_of_new(39)[0] == pytest.approx(x.mean(), abs=4 * error)


def test_the_future_of_simulated_customers_is_foretold():
    """Of those with one history, as far as a simulation has them: the mean, the chances, and who is alive."""
    T = np.full(200_000, 20.0)
    x, t_x, rate, p, is_lost = simulated(CDNOW, T, seed=5)
    alike = (x == 2) & (t_x > 12) & (t_x < 13)
    n = int(alike.sum())
    draw = np.random.default_rng(8)
    falls = draw.poisson(rate[alike] * 30)
    stays = draw.geometric(p[alike])  # the purchase with which the customer leaves
    bought = np.where(is_lost[alike], 0, np.minimum(falls, stays))
    history = (x[alike], t_x[alike], T[alike])
    assert n > 500
    assert 1 - is_lost[alike].mean() == pytest.approx(CDNOW.alive(*history).mean(), abs=0.05)
    assert bought.mean() == pytest.approx(
        CDNOW.expected(*history, 30).mean(), abs=4 * bought.std() / math.sqrt(n)
    )
    for k in (1, 2, 5):
        chance = CDNOW.at_least(k, *history, 30).mean()
        assert np.mean(bought >= k) == pytest.approx(
            chance, abs=4 * math.sqrt(chance * (1 - chance) / n)
        )


@pytest.mark.parametrize("truth", [CDNOW, BgNbd(r=1.5, alpha=6.0, a=1.6, b=5.0)])
def test_known_parameters_are_recovered_within_four_standard_errors(truth):
    T = np.random.default_rng(1).integers(27, 39, 20_000).astype(float)
    x, t_x, *_ = simulated(truth, T, seed=2)
    found = fit(x, t_x, T)
    for name, true in attrs.asdict(truth).items():
        error = found.standard_errors[name]
        assert abs(getattr(found.model, name) - true) < 4 * error
        assert error < 0.35 * true


def test_another_unit_of_time_scales_alpha_and_shifts_the_likelihood(simulated_rows):
    x, t_x, T = simulated_rows
    weeks = fit(x, t_x, T)
    for unit in (7.0, 604_800.0, 1e-3):
        other = fit(x, t_x * unit, T * unit)
        assert other.model.alpha == pytest.approx(weeks.model.alpha * unit, rel=1e-6)
        for name in ("r", "a", "b"):
            assert getattr(other.model, name) == pytest.approx(getattr(weeks.model, name), rel=1e-6)
        shift = x.sum() * math.log(unit)
        assert other.log_likelihood == pytest.approx(weeks.log_likelihood - shift, abs=1e-4)


def test_grouped_rows_give_what_customers_one_by_one_give(simulated_rows):
    x, t_x, T = (np.round(each) for each in simulated_rows)
    rows, counts = np.unique(np.stack([x, t_x, T]), axis=1, return_counts=True)
    assert len(counts) < len(x) / 2
    one_by_one, grouped = fit(x, t_x, T), fit(*rows, counts)
    assert attrs.astuple(grouped.model) == pytest.approx(attrs.astuple(one_by_one.model), rel=1e-9)
    assert grouped.customers == one_by_one.customers == len(x)


def test_standard_errors_are_those_of_the_curvature(simulated_rows):
    """Minus the second difference of the log-likelihood, by the log of one parameter, is the information of it."""
    found = fit(*simulated_rows)
    information = np.linalg.inv(found.covariance)
    for at, name in enumerate(("r", "alpha", "a", "b")):
        value = getattr(found.model, name)
        below, above = (
            attrs.evolve(found.model, **{name: value * math.exp(step)}) for step in (-0.01, 0.01)
        )
        around = [each.log_likelihood(*simulated_rows) for each in (below, found.model, above)]
        curvature = -(around[0] - 2 * around[1] + around[2]) / 0.01**2
        assert curvature == pytest.approx(information[at, at], rel=0.01)
        deviation = math.sqrt(found.covariance[at][at])
        assert found.standard_errors[name] == pytest.approx(value * deviation)


@pytest.mark.long
def test_a_hundred_thousand_customers_are_fitted_within_two_seconds():
    T = np.random.default_rng(9).integers(189, 273, 100_000).astype(float)
    x, t_x, *_ = simulated(attrs.evolve(CDNOW, alpha=CDNOW.alpha * 7), T, seed=10)
    start = time.process_time()
    fit(x, np.ceil(t_x), T)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (([], [], []), "fewer than two"),
        (([3], [5], [9]), "fewer than two"),
        (([0] * 50, [0] * 50, [9] * 50), "fewer than two"),
        (([1, 2], [0, 0], [0, 0]), "no time"),
        (([3] * 9, [9] * 9, [9] * 9), "infinity|zero|flat|no top"),
        (([1, 2], [3, 4], [9, 9]), "infinity|zero|flat|no top"),
    ],
)
def test_data_that_say_nothing_are_refused_in_plain_words(rows, reason):
    with pytest.raises(NoFit, match=reason) as refused:
        fit(*rows)
    assert refused.value.model == "BG/NBD"
    assert "observed" in str(refused.value)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((0.5, 1, 2), "whole"),
        ((-1, 0, 2), "whole"),
        ((1, 3, 2), "between 0 and T"),
        ((0, 1, 2), "did not buy again"),
        ((1, math.nan, 2), "finite"),
        (([1, 2], [1], [2, 2]), "one value for each row"),
    ],
)
def test_numbers_that_no_customer_has_are_refused(row, reason):
    with pytest.raises(InputError, match=reason):
        CDNOW.alive(*row)
    with pytest.raises(InputError, match=reason):
        fit(*row)


def test_parameters_and_horizons_below_nothing_are_refused():
    with pytest.raises(InputError, match="above 0"):
        BgNbd(r=0, alpha=1, a=1, b=1)
    with pytest.raises(InputError, match="negative"):
        CDNOW.expected(1, 1, 2, -1)
    with pytest.raises(InputError, match="level"):
        CDNOW.interval(1, 1, 2, 1, level=1)


@pytest.fixture(scope="module")
def simulated_rows():
    T = np.random.default_rng(4).integers(27, 39, 3000).astype(float)
    x, t_x, *_ = simulated(CDNOW, T, seed=6)
    return x, t_x, T
