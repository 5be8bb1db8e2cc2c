"""How long things take when some are not done yet: the product-limit estimator over grouped counts."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import ArrayLike

from crmkit_analytical.statistics.arrays import Floats, dot, floats
from crmkit_analytical.statistics.intervals import Z95
from crmkit_analytical.statistics.refusing import refuse_unless

__all__ = ["Curve", "greenwood", "survival"]

ROUNDING = 1e-12
"""By how much a chance may miss a share and still be it."""


@attrs.frozen(eq=False)
class Curve:
    """The estimated chance to take longer than each time at which something was reached.

    `times` rise; `chance`, `at_risk` (how many had taken at least that long) and `reached` go with them, arrays of one
    length. Before the first time the chance is 1. `last` is the longest that is known, reached or not, and `count` of
    how many the curve is: behind `last` nothing is known, unless all were reached.
    """

    times: Floats
    chance: Floats
    at_risk: Floats
    reached: Floats
    last: float
    count: float

    def at(self, time: float) -> float | None:
        """The chance to take longer than `time`; None if the curve is not known that far, or is of nothing."""
        if not self.count or (time > self.last and not self._is_complete):
            return None
        before = int(np.searchsorted(self.times, time, side="right"))
        return float(self.chance[before - 1]) if before else 1.0

    def quantile(self, share: float) -> float | None:
        """The time within which that share is reached: the first t with S(t) <= 1 - share; None if it never is.

        A median is `quantile(0.5)`; with nothing open it is the lower of the two in the middle. InputError unless
        0 < share <= 1.
        """
        return self._first(self.chance, share)

    def quantile_interval(self, share: float, z: float = Z95) -> tuple[float | None, float | None]:
        """Where the bounds of `greenwood` get to that share: (low, high); None for a bound that never does.

        Brookmeyer and Crowley 1982. A high bound of None says that data do not limit the quantile from above.
        """
        low, high = greenwood(self, z)
        # Where all are reached the variance is not defined, but the lower bound cannot lie above the curve.
        return self._first(np.where(np.isnan(low), 0.0, low), share), self._first(high, share)

    def restricted_mean(self, until: float | None = None) -> float | None:
        """The mean of the lesser of how long it takes and `until`: the area under the curve from 0 to there.

        In the unit of the times; `until` is `last` if not given. None if the curve is not known that far (or is of
        nothing): one compares groups up to a time that is known of all.
        """
        end = self.last if until is None else until
        refuse_unless(end >= 0, f"a mean until {end}; give a time from 0 on")
        if self.at(end) is None:
            return None
        edges = np.concatenate(([0.0], np.minimum(self.times, end), [end]))
        return dot(np.diff(edges), np.concatenate(([1.0], self.chance)))

    @property
    def _is_complete(self) -> bool:
        return bool(len(self.chance) and self.chance[-1] == 0)

    def _first(self, bound: Floats, share: float) -> float | None:
        refuse_unless(0 < share <= 1, f"a share of {share}; give one above 0, and 1 at the most")
        (found,) = np.nonzero(bound <= 1 - share + ROUNDING)
        return float(self.times[found[0]]) if len(found) else None


def survival(times: ArrayLike, reached: ArrayLike, left: ArrayLike) -> Curve:
    """The product-limit curve: S(t) = product over the times u <= t of (1 - d / n) (Kaplan and Meier 1958).

    `times` in any unit, 0 or more, in any order, each at least once; for each, how many were `reached` at it and how
    many were `left` open. What is left at u counts among the n that had taken at least u. Arrays of one length;
    InputError if lengths differ or a number is negative.
    """
    at, done, gone = floats(times, reached, left)
    for each in (at, done, gone):
        refuse_unless((each >= 0).all(), "a time or count is negative; both start at 0")
    at, where = np.unique(at, return_inverse=True)
    done = np.bincount(where, weights=done, minlength=len(at)).astype(np.float64)
    gone = np.bincount(where, weights=gone, minlength=len(at)).astype(np.float64)
    some = done + gone > 0
    at, done, gone = at[some], done[some], gone[some]
    total = float(done.sum() + gone.sum())
    # Reversed sums: of what is still to come at each time, exact as long as counts are below 2**53.
    at_risk = np.cumsum((done + gone)[::-1])[::-1]
    steps = done > 0
    last = float(at[-1]) if len(at) else 0.0
    chance = _products(at_risk, at_risk - done, gone)
    return Curve(at[steps], chance[steps], at_risk[steps], done[steps], last, total)


def _products(at_risk: Floats, after: Floats, gone: Floats) -> Floats:
    """The running product of after / at_risk, with one division between two times at which something was left.

    In between, the product is one fraction: no error of rounding adds up, and with nothing left the curve is exact.
    """
    if not len(at_risk):
        return at_risk
    starts = np.concatenate(([True], gone[:-1] > 0))
    block = np.cumsum(starts) - 1
    since = at_risk[starts]
    ends = np.append(np.flatnonzero(starts)[1:] - 1, len(at_risk) - 1)
    before = np.concatenate(([1.0], np.cumprod(after[ends] / since)[:-1]))
    return np.asarray(before[block] * after / since[block])


def greenwood(curve: Curve, z: float = Z95) -> tuple[Floats, Floats]:
    """The interval of a survival curve at each of its times: (low, high), arrays as long as `curve.times`.

    Greenwood's variance (1926), S² Σ d / (n (n - d)), on the scale of ln(-ln S), where no bound leaves 0 to 1
    (Kalbfleisch and Prentice 1980): S to the power of exp(∓ z √(Σ d / (n (n - d))) / ln S). NaN where S is 0: there
    the variance is not defined.
    """
    low = np.full(len(curve.times), np.nan)
    high = low.copy()
    known = curve.chance > 0
    at_risk, reached = curve.at_risk[known], curve.reached[known]
    logs = np.log(curve.chance[known])
    stretch = z * np.sqrt(np.cumsum(reached / (at_risk * (at_risk - reached)))) / -logs
    low[known] = np.exp(logs * np.exp(stretch))
    high[known] = np.exp(logs * np.exp(-stretch))
    return low, high
