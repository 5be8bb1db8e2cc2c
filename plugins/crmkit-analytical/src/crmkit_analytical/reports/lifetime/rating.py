"""What is expected of each customer: still there or not, how many purchases, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from crmkit_analytical.reports.lifetime.purchases import Purchases
from crmkit_analytical.statistics import bgnbd, gamma_gamma
from crmkit_analytical.statistics.arrays import Floats, Integers
from crmkit_analytical.statistics.histories import Histories, histories
from crmkit_analytical.statistics.refusing import NoFit
from crmkit_analytical.statistics.rfm import rfm

__all__ = ["Rated", "rate"]

WEEK = 7
STEP = 4
"""Of how many weeks is what one expects added up, each discounted by itself."""

WEEKS_OF_A_YEAR = 365.25 / WEEK


@attrs.frozen(eq=False)
class Rated:
    """What is known and expected of customers, in arrays of one length, in the order of `known.customers`.

    `scores` are those of RFM, three columns. What is expected is NaN where no model could be fitted, and `why` says
    why not. `alive` is the probability to buy again ever, `expected` the number of purchases within the horizon, `low`
    and `high` its predictive interval, `value` that of one purchase, `worth` all of it, discounted.
    """

    known: Histories
    scores: Integers
    alive: Floats
    expected: Floats
    low: Floats
    high: Floats
    value: Floats
    worth: Floats
    models: Mapping[str, Any] = attrs.field(factory=dict)
    why: tuple[str, ...] = ()
    buying: bgnbd.BgNbd | None = None

    def expected_within(self, weeks: float) -> float:
        """How many purchases are expected of all within a time; NaN without a model."""
        known = self.known
        if self.buying is None:
            return float("nan")
        return float(self.buying.expected(known.x, known.t_x, known.T, weeks).sum())


def rate(bought: Purchases, last_day: int, weeks: float, discount: float, margin: float) -> Rated:
    """Rate each customer by purchases until a day, for the `weeks` behind it.

    `discount` is that of a year, 0.1 for a tenth; `margin` is the share of what is paid that is earned.
    """
    known = histories(bought.customers, bought.days, bought.values, last_day)
    since = known.T - known.t_x
    scores = rfm(since, known.x + 1, known.total)
    nothing = np.full(len(known.x), np.nan)
    rated = Rated(
        known=known,
        scores=scores,
        alive=nothing,
        expected=nothing,
        low=nothing,
        high=nothing,
        value=nothing,
        worth=nothing,
    )
    try:
        buying = bgnbd.fit(known.x, known.t_x, known.T)
    except NoFit as refusal:
        return attrs.evolve(rated, why=(str(refusal),))
    model = buying.model
    low, high = model.interval(known.x, known.t_x, known.T, weeks)
    rated = attrs.evolve(
        rated,
        alive=model.alive(known.x, known.t_x, known.T),
        expected=model.expected(known.x, known.t_x, known.T, weeks),
        low=low.astype(np.float64),
        high=high.astype(np.float64),
        models={"bgnbd": _described(buying)},
        buying=model,
    )
    return _valued(rated, model, weeks, discount, margin)


def _valued(
    rated: Rated, model: bgnbd.BgNbd, weeks: float, discount: float, margin: float
) -> Rated:
    known = rated.known
    again = (known.x > 0) & (known.mean > 0)
    try:
        spending = gamma_gamma.fit(known.x[again], known.mean[again])
    except NoFit as refusal:
        return attrs.evolve(rated, why=(str(refusal),))
    value = spending.model.expected(np.where(again, known.x, 0.0), known.mean)
    described = {**_described(spending), "correlation": spending.correlation}
    return attrs.evolve(
        rated,
        value=value,
        worth=margin * value * _discounted(known, model, weeks, discount),
        models={**rated.models, "gamma_gamma": described},
    )


def _discounted(known: Histories, model: bgnbd.BgNbd, weeks: float, discount: float) -> Floats:
    """The expected purchases, those of each step discounted from its end to the day of the rating."""
    found, before = np.zeros(len(known.x)), np.zeros(len(known.x))
    for end in [*np.arange(STEP, weeks, STEP), weeks]:
        until = model.expected(known.x, known.t_x, known.T, end)
        found += (until - before) / (1 + discount) ** (end / WEEKS_OF_A_YEAR)
        before = until
    return found


def _described(fit: Any) -> dict[str, Any]:
    return {
        **attrs.asdict(fit.model),
        "log_likelihood": fit.log_likelihood,
        "customers": fit.customers,
        "standard_errors": dict(fit.standard_errors),
    }
