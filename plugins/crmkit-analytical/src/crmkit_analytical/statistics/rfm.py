"""How customers compare in recency, frequency and monetary value: scores by fifths."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crmkit_analytical.statistics.arrays import Integers, floats
from crmkit_analytical.statistics.refusing import refuse_unless

__all__ = ["rfm", "scores"]


def scores(values: ArrayLike, best_is_low: bool = False, of: int = 5) -> Integers:
    """The score of each value, 1 to `of`: 1 + floor(of x k / n), where k of the n values are strictly worse.

    Equal values get equal scores, that of the lowest place among them: so many fifths of the customers are worse for
    certain. If most are equal, some scores are given to nobody; if all are, all have 1. Exact in whole numbers. An
    array as long as `values`. InputError if `of` is below 1.
    """
    refuse_unless(of >= 1, f"scores of 1 to {of}; give 1 or more")
    (known,) = floats(values)
    if best_is_low:
        known = -known
    worse = np.searchsorted(np.sort(known), known, side="left")
    return np.asarray(1 + of * worse // max(len(known), 1), dtype=np.int64)


def rfm(since: ArrayLike, purchases: ArrayLike, value: ArrayLike) -> Integers:
    """The three scores of each customer, 5 the best: an array of n rows and the columns recency, frequency, value.

    `since` is how long ago the last purchase was, less being better; `purchases` how many, `value` how much, in any
    unit. Hughes, "Strategic Database Marketing" (1994), but each by itself, not fifths within fifths, and ties kept
    together (see `scores`). InputError if lengths differ.
    """
    columns = floats(since, purchases, value)
    return np.stack([scores(each, best_is_low=not at) for at, each in enumerate(columns)], axis=1)
