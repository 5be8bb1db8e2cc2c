"""The arrays that the statistics take."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmkit_analytical.statistics.refusing import refuse_unless

__all__ = ["Booleans", "Floats", "Integers", "counts_of", "dot", "floats"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Booleans: TypeAlias = NDArray[np.bool_]


def floats(*columns: ArrayLike) -> list[Floats]:
    """The columns as arrays of floats, of one dimension and one length; a single number stands for every row.

    InputError if lengths differ or a value is not finite.
    """
    raw = [np.asarray(each, dtype=np.float64) for each in columns]
    rows = next((each.shape for each in raw if each.ndim), (1,))
    found = [each if each.ndim else np.full(rows, each) for each in raw]
    refuse_unless(
        len(rows) == 1 and all(each.shape == rows for each in found),
        f"columns of shapes {', '.join(str(each.shape) for each in raw)}; give one value for each row",
    )
    refuse_unless(
        all(np.isfinite(each).all() for each in found), "a value is not finite; leave it out"
    )
    return found


def counts_of(counts: ArrayLike | None, rows: int) -> Floats:
    """How many each row stands for: `counts`, or one each. InputError unless there is a count, 0 or more, for each."""
    if counts is None:
        return np.ones(rows)
    (found,) = floats(counts)
    refuse_unless(len(found) == rows, f"{len(found)} counts for {rows} rows; give one for each")
    refuse_unless((found >= 0).all(), "a count is negative; count what there is")
    return found


def dot(weights: Floats, values: Floats) -> float:
    """The sum of weights x values.

    Added up in pairs by numpy itself: what `@` calls adds in an order that hangs on the number of cores, and waits for
    cores that others use.
    """
    return float((weights * values).sum())
