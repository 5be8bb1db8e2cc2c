"""How often customers will buy again, where nobody says goodbye: the BG/NBD model.

Fader, Hardie and Lee, "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model", Marketing Science
24 (2005). A customer buys at a rate λ, Gamma(r, alpha) over customers, and is lost after any purchase with the
probability p, Beta(a, b). Of each one counts: `x`, the repeat purchases (the first is none); `t_x`, the time from the
first to the last; `T`, the time from the first until the end of what is observed. Times are in any one unit; rates,
alpha and horizons are in the same.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import ArrayLike

from crmkit_analytical.statistics.arrays import Floats, Integers, counts_of, dot, floats
from crmkit_analytical.statistics.fitting import Fit, Likelihood, distinct, maximise
from crmkit_analytical.statistics.refusing import NoFit, refuse_unless

__all__ = ["BgNbd", "fit"]

NAMES = ("r", "alpha", "a", "b")
STARTS = ((0.5, 0.5, 1.0, 2.0), (2.0, 2.0, 0.3, 3.0), (1.0, 0.1, 3.0, 1.0))
"""In times of which a customer is observed for 1 on average: loyal and fickle customers, much and little alike."""
HOLE = 1e-6
"""So near to where the expectation is 0 / 0, rounding would show."""


@attrs.frozen
class BgNbd:
    """The model with its four parameters, all above 0; alpha in the unit of time.

    Methods take `x`, `t_x`, `T` and a horizon `t` as numbers or arrays of one length, and return arrays of it. They
    raise InputError for numbers that no customer has: x that is not whole or below 0, t_x above T or, with x = 0, not
    0, t below 0.
    """

    r: float
    alpha: float
    a: float
    b: float

    def __attrs_post_init__(self) -> None:
        refuse_unless(min(attrs.astuple(self)) > 0, f"{self}; all parameters are above 0")

    def log_likelihood(
        self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, counts: ArrayLike | None = None
    ) -> float:
        """The sum of ln L over customers (the paper's equation 6), rows counting `counts` times (once if not given)."""
        likelihood = _likelihood(*_grouped(x, t_x, T, counts))
        return likelihood(np.array(attrs.astuple(self)))[0]

    def alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """The probability not to be lost yet. With x = 0 it is 1: in this model nobody is lost before buying again.

        1 / (1 + [x > 0] a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x)): what the two terms of equation 6 have
        to do with each other.
        """
        from scipy.special import expit

        x, t_x, T = _histories(x, t_x, T)
        again = np.maximum(x, 1.0)
        odds = np.log(self.a / (self.b + again - 1)) + (self.r + x) * np.log1p(
            (T - t_x) / (self.alpha + t_x)
        )
        return np.asarray(np.where(x > 0, expit(-odds), 1.0), dtype=np.float64)

    def expected(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: ArrayLike) -> Floats:
        """The expected number of purchases in the time `t` after T (the paper's equation 10).

        With z = t / (alpha + T + t) it is (a + b + x - 1) / (a - 1) (1 - (1 - z)^(a - 1) F) times the probability to
        be alive, F = 2F1(a + b - 1 - r, a - 1; a + b + x - 1; z). That is the paper's 2F1(r + x, b + x; ...; z) by
        Euler's transformation: the paper's overflows if x is large.
        """
        x, t_x, T, t = _histories(x, t_x, T, t)
        beside = self._beside_holes()
        ahead = sum(self._while_alive(self.a + each, x, T, t) for each in beside) / len(beside)
        return np.asarray(self.alive(x, t_x, T) * ahead, dtype=np.float64)

    def expected_of_new(self, t: ArrayLike) -> Floats:
        """The expected number of repeat purchases of a customer within `t` of the first (the paper's equation 9)."""
        return self.expected(0, 0, 0, t)

    def at_least(
        self, k: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: ArrayLike
    ) -> Floats:
        """The probability of `k` or more purchases in the time `t` after T; 1 for k = 0.

        Of who is alive, λ is Gamma(r + x, alpha + T) and p is Beta(a, b + x), independent. k purchases need that k
        fall into the time (negative binomial), and that none of the k - 1 before the last lost the customer:
        P(alive) I_z(k, r + x) B(a, b + x + k - 1) / B(a, b + x), z = t / (alpha + T + t). Summed over k = 1, 2, ... it
        is `expected`.
        """
        from scipy.special import betainc, betaln

        x, t_x, T, t, k = _histories(x, t_x, T, t, k)
        first = np.maximum(k, 1.0)
        falls = betainc(first, self.r + x, t / (self.alpha + T + t))
        stays = np.exp(betaln(self.a, self.b + x + first - 1) - betaln(self.a, self.b + x))
        chance = np.where(k > 0, self.alive(x, t_x, T) * falls * stays, 1.0)
        return np.asarray(chance, dtype=np.float64)

    def interval(
        self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: ArrayLike, level: float = 0.95
    ) -> tuple[Integers, Integers]:
        """The exact predictive interval of the number of purchases in `t` after T: (low, high), whole numbers.

        The quantiles (1 - level) / 2 and (1 + level) / 2 of the distribution that `at_least` gives. It covers what
        chance does to one customer; that the parameters are estimates it does not. InputError unless 0 < level < 1.
        """
        refuse_unless(0 < level < 1, f"a level of {level}; it lies between 0 and 1")
        known = tuple(_histories(x, t_x, T, t))
        return self._quantile((1 - level) / 2, known), self._quantile((1 + level) / 2, known)

    def _beside_holes(self) -> tuple[float, ...]:
        """How far from a to evaluate the expectation: at a itself, or on both sides if it is in a hole, for the mean.

        At a = 1, and with x = 0 at a = 1 - b, the formula is 0 / 0. Of three distances at least one is clear of both.
        """
        return next(
            (-width, width) if width else (0.0,)
            for width in (0.0, 3 * HOLE, 6 * HOLE)
            if all(
                abs(self.a + side - hole) >= HOLE
                for side in (-width, width)
                for hole in (1.0, 1.0 - self.b)
            )
        )

    def _while_alive(self, a: float, x: Floats, T: Floats, t: Floats) -> Floats:
        """The expectation of who is alive at T."""
        from scipy.special import hyp2f1

        total = a + self.b + x - 1
        z = t / (self.alpha + T + t)
        series = hyp2f1(a + self.b - 1 - self.r, a - 1, total, z)
        kept = np.exp((a - 1) * np.log1p(-z)) * series
        # Of a vanishing time the difference may come out below 0 by rounding.
        return np.asarray(np.maximum(total / (a - 1) * (1 - kept), 0.0), dtype=np.float64)

    def _quantile(self, share: float, known: tuple[Floats, ...]) -> Integers:
        """The least k with P(more than k) <= 1 - share, of each: by doubling, then by halving."""
        x, t_x, T, t = known
        low = np.full(len(x), -1, dtype=np.int64)
        high = low + 1
        while (more := self.at_least(high + 1, x, t_x, T, t) > 1 - share).any():
            low, high = np.where(more, high, low), np.where(more, 2 * high + 1, high)
        while (high - low > 1).any():
            middle = (low + high) // 2
            more = self.at_least(middle + 1, x, t_x, T, t) > 1 - share
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        return high


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, counts: ArrayLike | None = None) -> Fit[BgNbd]:
    """The model under which the histories are most likely, rows counting `counts` times (once if not given).

    Equal rows are grouped first, and times scaled: any unit gives the same. If times are multiplied by c, alpha is,
    and the log-likelihood falls by ln c for each repeat purchase. NoFit if fewer than two customers bought again, if
    there was no time to buy in, or if no parameters stand out; InputError for numbers that no customer has.
    """
    x, t_x, T, many = _grouped(x, t_x, T, counts)
    if many[x > 0].sum() < 2:
        raise NoFit("BG/NBD", "fewer than two customers bought again")
    if not T.max() > 0:
        raise NoFit("BG/NBD", "the customers were observed for no time")
    scale = dot(many, T) / float(many.sum())
    top = maximise(_likelihood(x, t_x / scale, T / scale, many), STARTS, NAMES, "BG/NBD")
    r, alpha, a, b = top.at
    model = BgNbd(r, alpha * scale, a, b)
    return Fit(
        model=model,
        log_likelihood=top.log_likelihood - dot(many, x) * math.log(scale),
        customers=round(float(many.sum())),
        covariance=top.covariance,
        standard_errors=top.standard_errors(model),
    )


def _likelihood(x: Floats, t_x: Floats, T: Floats, many: Floats) -> Likelihood:
    """The paper's equation 6 and its gradient: ln L = A1 + A2 + ln(exp A3 + [x > 0] exp A4), summed."""
    from scipy.special import digamma, gammaln

    # Few x are distinct: functions of the gamma family are of those only.
    each, where = np.unique(x, return_inverse=True)
    of_each = np.bincount(where, weights=many).astype(np.float64)
    again = each > 0
    beyond = np.maximum(each - 1, 0.0)

    def value(at: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = at
        later, last = np.log(alpha + T), np.log(alpha + t_x)
        lost_odds = np.where(again, np.log(a) - np.log(b + beyond), -np.inf)[where]
        lost = lost_odds + (r + x) * (later - last)
        both = np.logaddexp(0.0, lost)
        w = np.exp(lost - both)
        gammas = gammaln(r + each) - gammaln(r) + r * np.log(alpha)
        betas = gammaln(a + b) + gammaln(b + each) - gammaln(b) - gammaln(a + b + each)
        height = dot(of_each, gammas + betas) + dot(many, both - (r + x) * later)
        w_many = many * w
        lost_of_each = np.bincount(where, weights=w_many).astype(np.float64)
        mixed = (many - w_many) * later + w_many * last
        sums = digamma(a + b) - digamma(a + b + each)
        slope = (
            dot(of_each, digamma(r + each) - digamma(r) + np.log(alpha)) - mixed.sum(),
            r * many.sum() / alpha
            - dot(r + x, (many - w_many) / (alpha + T) + w_many / (alpha + t_x)),
            dot(of_each, sums) + w_many.sum() / a,
            dot(of_each, sums + digamma(b + each) - digamma(b))
            - dot(lost_of_each[again], 1 / (b + beyond[again])),
        )
        return height, np.array(slope)

    return value


def _histories(x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *more: ArrayLike) -> list[Floats]:
    """The columns as arrays, refused if no customer has such numbers; `more` are 0 or above."""
    known = floats(x, t_x, T, *more)
    x, t_x, T = known[:3]
    refuse_unless(
        ((x >= 0) & (x == np.floor(x))).all(), "x counts repeat purchases; it is whole, 0 or more"
    )
    refuse_unless(((t_x >= 0) & (t_x <= T)).all(), "t_x lies between 0 and T; both in one unit")
    refuse_unless((t_x[x == 0] == 0).all(), "t_x is 0 for who did not buy again; x is 0 there")
    refuse_unless(
        all((each >= 0).all() for each in known[3:]),
        "a horizon or number is negative; both start at 0",
    )
    return known


def _grouped(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike, counts: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Floats]:
    """The distinct histories, and how many customers have each."""
    known = _histories(x, t_x, T)
    x, t_x, T, many = distinct(known, counts_of(counts, len(known[0])))
    return x, t_x, T, many
