"""From purchases to what the models count of each customer: x, t_x, T and the mean value."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import ArrayLike

from crmkit_analytical.statistics.arrays import Booleans, Floats, Integers, floats
from crmkit_analytical.statistics.refusing import refuse_unless

__all__ = ["Histories", "histories"]


@attrs.frozen(eq=False)
class Histories:
    """What is known of each customer, in arrays of one length, in the order of `customers` (numbers, rising).

    `x`, repeat purchases; `t_x`, from the first to the last of them; `T`, from the first to the end; both in the unit
    that was asked for. `mean` is the mean value of the repeat purchases, without the first, 0 with x = 0: what the
    published Gamma-Gamma figures are of. `total` is the value of all purchases until the end, the first with them.
    """

    customers: Integers
    x: Floats
    t_x: Floats
    T: Floats
    mean: Floats
    total: Floats


def histories(
    customers: ArrayLike, days: ArrayLike, values: ArrayLike, until: float, unit: float = 7.0
) -> Histories:
    """The histories until the day `until`, that day with it, of purchases in any order, one row for each.

    `customers` and `days` are whole numbers (of a customer; of a day, such as `date.toordinal()`), `values` in any
    unit. All purchases of a customer on one day are one purchase, worth what they came to. Times are in units of
    `unit` days: weeks, if not given. Later purchases, and customers with none before, are left out. InputError if
    lengths differ or a customer or day is not whole.
    """
    who, day, value = floats(customers, days, values)
    refuse_unless(unit > 0, f"a unit of {unit} days; give one above 0")
    refuse_unless(
        (who == np.floor(who)).all() and (day == np.floor(day)).all(),
        "a customer or day is not whole; number them",
    )
    known = day <= until
    who, day, value = who[known], day[known], value[known]
    order = np.lexsort((day, who))
    who, day, value = who[order], day[order], value[order]
    if not len(who):
        none = np.empty(0)
        return Histories(none.astype(np.int64), none, none, none, none, none)
    starts = np.flatnonzero(_changes(who) | _changes(day))
    who, day, value = who[starts], day[starts], np.add.reduceat(value, starts)
    first = np.flatnonzero(_changes(who))
    last = np.append(first[1:], len(who)) - 1
    x = (last - first).astype(np.float64)
    total = np.add.reduceat(value, first)
    # The first is taken out before adding up: a difference of sums would not be exact.
    value[first] = 0.0
    return Histories(
        customers=who[first].astype(np.int64),
        x=x,
        t_x=(day[last] - day[first]) / unit,
        T=(until - day[first]) / unit,
        mean=np.add.reduceat(value, first) / np.maximum(x, 1.0),
        total=total,
    )


def _changes(values: Floats) -> Booleans:
    """Where a value is not the one before; the first never is."""
    return np.concatenate(([True], values[1:] != values[:-1]))
