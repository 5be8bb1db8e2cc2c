"""The quantile that is one of the values: by nearest rank, of values or of values with counts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from crmkit_analytical.statistics.arrays import counts_of, floats
from crmkit_analytical.statistics.refusing import refuse_unless

__all__ = ["nearest_rank"]


def nearest_rank(values: ArrayLike, share: float, counts: ArrayLike | None = None) -> float | None:
    """The value at rank ceil(share x n); the median of an even number is the mean of both in the middle. None of none.

    `values` in any order and unit, each `counts` times (once if not given), n of them in all. The same as the medians
    and percentiles of service (crmkit-operational). InputError unless 0 <= share <= 1, for negative counts, or if
    there is not one for each.
    """
    refuse_unless(0 <= share <= 1, f"a share of {share}; it lies between 0 and 1")
    (known,) = floats(values)
    many = counts_of(counts, len(known))
    order = np.argsort(known, kind="stable")
    known, reach = known[order], np.cumsum(many[order])
    n = round(float(reach[-1])) if len(reach) else 0
    if not n:
        return None

    def at(rank: int) -> float:
        return float(known[np.searchsorted(reach, rank)])

    if share == 0.5:
        # At an odd number both are the one in the middle.
        return (at((n + 1) // 2) + at(n // 2 + 1)) / 2
    return at(max(math.ceil(share * n), 1))
