"""How long things take when some are not done yet: the product-limit estimator. Pure, in any unit of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

__all__ = ["median_with_open", "survival"]

End = tuple[timedelta, bool]
"""How long something took, or has taken so far, and whether it was reached."""

ROUNDING = 1e-12
"""By how much a chance may miss a half and still be one."""


def survival(ends: Iterable[End]) -> Iterator[tuple[timedelta, float]]:
    """The estimated chance to take longer than each time at which something was reached: (time, chance), in order.

    S(t) = product over the times u <= t of (1 - d / n), where d were reached at u and n had taken at least u (Kaplan
    and Meier 1958). What ended at u without being reached counts among those n.
    """
    known = list(ends)
    reached = Counter(length for length, is_reached in known if is_reached)
    left = Counter(length for length, is_reached in known if not is_reached)
    at_risk, factor, since = len(known), 1.0, len(known)
    for length in sorted({*reached, *left}):
        if reached[length]:
            at_risk -= reached[length]
            yield length, factor * at_risk / since
        if left[length]:
            # Between two that were left, the product is one fraction: no error of rounding adds up.
            factor *= at_risk / since
            since = at_risk = at_risk - left[length]


def median_with_open(ends: Iterable[End]) -> timedelta | None:
    """The time within which half are reached: the first t with S(t) at most a half; None if fewer ever are.

    If all are reached it is their median, of an even number the lower of the two in the middle.
    """
    found = survival(ends)
    return next((length for length, chance in found if chance <= 0.5 + ROUNDING), None)
