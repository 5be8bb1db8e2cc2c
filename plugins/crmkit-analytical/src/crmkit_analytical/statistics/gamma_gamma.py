"""How much customers will spend on a purchase: the Gamma-Gamma model of monetary value.

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013). The value of a purchase is Gamma(p, ν) around a mean
p / ν that a customer keeps, and ν is Gamma(q, v) over customers. Of each one counts `x`, how many purchases are known,
and `mean`, their mean value. It is assumed that how much one spends has nothing to do with how often one buys:
`correlation` says how far that holds.

The figures that were published for the CDNOW sample (p 6.25, q 3.74, v 15.44) are of customers who bought again within
the 39 weeks, x their repeat purchases (days after the first on which they bought) and `mean` the mean of what those
repeat days came to: the first day is left out of both.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import ArrayLike

from crmkit_analytical.statistics.arrays import Floats, counts_of, dot, floats
from crmkit_analytical.statistics.fitting import Fit, Likelihood, distinct, maximise
from crmkit_analytical.statistics.refusing import NoFit, refuse_unless

__all__ = ["GammaGamma", "GammaGammaFit", "correlation", "fit"]

NAMES = ("p", "q", "v")
STARTS = ((1.0, 2.0, 1.0), (5.0, 4.0, 0.6), (2.0, 10.0, 5.0))
"""In values of which the mean is 1."""


@attrs.frozen
class GammaGamma:
    """The model with its three parameters, all above 0; v in the unit of values.

    Methods take `x` and `mean` as numbers or arrays of one length, and return arrays of it; with x = 0 nothing is
    known of a customer, and `mean` is not looked at. They raise InputError for negative numbers.
    """

    p: float
    q: float
    v: float

    def __attrs_post_init__(self) -> None:
        refuse_unless(min(attrs.astuple(self)) > 0, f"{self}; all parameters are above 0")

    def log_likelihood(
        self, x: ArrayLike, mean: ArrayLike, counts: ArrayLike | None = None
    ) -> float:
        """The sum of the logs of the density of `mean` given x (the paper's equation 1), rows counting `counts` times.

        InputError unless all x and means are above 0.
        """
        return _likelihood(*_grouped(x, mean, counts))(np.array(attrs.astuple(self)))[0]

    def expected(self, x: ArrayLike, mean: ArrayLike) -> Floats:
        """The expected mean value of a customer's purchases, given those that are known (the paper's equation 5).

        p (v + x mean) / (p x + q - 1): between the mean that is known and that of all customers, p v / (q - 1). NoFit
        if q <= 1: that mean is infinite.
        """
        x, spent = _spent(x, mean)
        if self.q <= 1:
            raise NoFit("Gamma-Gamma", _infinite(self.q))
        return np.asarray(self.p * (self.v + spent) / (self.p * x + self.q - 1))

    def interval(self, x: ArrayLike, mean: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
        """Where a customer's own mean lies with probability `level`, given the purchases that are known: (low, high).

        Exact: ν is Gamma(p x + q, v + x mean), and the mean is p / ν. It does not cover that the parameters are
        estimates. InputError unless 0 < level < 1.
        """
        from scipy.special import gammaincinv

        refuse_unless(0 < level < 1, f"a level of {level}; it lies between 0 and 1")
        x, spent = _spent(x, mean)
        low, high = (
            self.p * (self.v + spent) / gammaincinv(self.p * x + self.q, share)
            for share in ((1 + level) / 2, (1 - level) / 2)
        )
        return low, high


@attrs.frozen
class GammaGammaFit(Fit[GammaGamma]):
    """The model that was fitted, and `correlation`: that of x and mean, None if one of them is the same of all."""

    correlation: float | None


def fit(x: ArrayLike, mean: ArrayLike, counts: ArrayLike | None = None) -> GammaGammaFit:
    """The model under which the mean values are most likely, rows counting `counts` times (once if not given).

    Values may be in any unit: multiplied by c they give a v that is, and a log-likelihood lower by ln c for each
    customer. NoFit if there are fewer than two customers, if none differ, if no parameters stand out, or if q <= 1,
    where the mean over customers would be infinite. InputError unless all x and means are above 0: a customer who did
    not buy again, or for nothing, says nothing of the model.
    """
    x, mean, many = _grouped(x, mean, counts)
    if many.sum() < 2:
        raise NoFit("Gamma-Gamma", "there are fewer than two customers")
    if mean.min() == mean.max():
        raise NoFit("Gamma-Gamma", "all customers spend the same")
    scale = dot(many, mean) / float(many.sum())
    top = maximise(_likelihood(x, mean / scale, many), STARTS, NAMES, "Gamma-Gamma")
    p, q, v = top.at
    if q <= 1:
        raise NoFit("Gamma-Gamma", _infinite(q))
    model = GammaGamma(p, q, v * scale)
    return GammaGammaFit(
        model=model,
        log_likelihood=top.log_likelihood - float(many.sum()) * math.log(scale),
        customers=round(float(many.sum())),
        covariance=top.covariance,
        standard_errors=top.standard_errors(model),
        correlation=correlation(x, mean, many),
    )


def correlation(x: ArrayLike, mean: ArrayLike, counts: ArrayLike | None = None) -> float | None:
    """Pearson's correlation of how often and how much, over customers; None if one of them is the same of all."""
    x, mean = floats(x, mean)
    many = counts_of(counts, len(x))
    if not many.sum():
        return None
    often, much = (each - dot(many, each) / many.sum() for each in (x, mean))
    spread = math.sqrt(dot(many, often**2) * dot(many, much**2))
    return dot(many, often * much) / spread if spread else None


def _infinite(q: float) -> str:
    return f"q is {q:.3g}, and at 1 or below the mean over customers is infinite"


def _spent(x: ArrayLike, mean: ArrayLike) -> tuple[Floats, Floats]:
    """How many purchases, and what they came to."""
    x, mean = floats(x, mean)
    refuse_unless((x >= 0).all() and (mean >= 0).all(), "x or a mean is negative; both start at 0")
    return x, x * mean


def _grouped(
    x: ArrayLike, mean: ArrayLike, counts: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """The distinct rows, and how many customers have each."""
    known = floats(x, mean)
    refuse_unless(
        all((each > 0).all() for each in known),
        "x and means are above 0; leave out who did not buy again, or for nothing",
    )
    x, mean, many = distinct(known, counts_of(counts, len(known[0])))
    return x, mean, many


def _likelihood(x: Floats, mean: Floats, many: Floats) -> Likelihood:
    """The paper's equation 1, of the mean of x values, and its gradient."""
    from scipy.special import digamma, gammaln

    # Few x are distinct: functions of the gamma family are of those only.
    each, where = np.unique(x, return_inverse=True)
    of_each = np.bincount(where, weights=many).astype(np.float64)
    spent, customers = x * mean, many.sum()
    log_spent, log_mean = dot(many, x * np.log(spent)), dot(many, np.log(mean))

    def value(at: Floats) -> tuple[float, Floats]:
        p, q, v = at
        gammas = gammaln(p * each + q) - gammaln(p * each) - gammaln(q)
        total = np.log(spent + v)
        height = (
            dot(of_each, gammas)
            + customers * q * np.log(v)
            + p * log_spent
            - log_mean
            - dot(many, (p * x + q) * total)
        )
        shared = digamma(p * each + q)
        slope = (
            dot(of_each, each * (shared - digamma(p * each))) + log_spent - dot(many, x * total),
            dot(of_each, shared - digamma(q)) + customers * np.log(v) - dot(many, total),
            customers * q / v - dot(many, (p * x + q) / (spent + v)),
        )
        return float(height), np.array(slope)

    return value
