"""The maximum of a likelihood whose parameters are all positive: found from several starts, checked, with its errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

import attrs
import numpy as np

from crmkit_analytical.statistics.arrays import Floats
from crmkit_analytical.statistics.refusing import NoFit

__all__ = ["Fit", "Likelihood", "Maximum", "distinct", "maximise"]

Model = TypeVar("Model")

Likelihood: TypeAlias = Callable[[Floats], tuple[float, Floats]]
"""Parameters -> the log-likelihood and its gradient."""

FARTHEST = 14.0
"""Logs of parameters stay within this: in units of the data, none of a million is a finding."""
SHORT_BY = 1e-7
"""How much log-likelihood may be missing to the top, by the curvature that is found there."""
STEP = 1e-4
"""By how much logs of parameters are moved to measure the curvature."""


@attrs.frozen
class Fit(Generic[Model]):
    """A model that was fitted: `log_likelihood` is the sum over `customers`.

    `covariance` is that of the logs of the parameters, in the order in which the model has them: the inverse of the
    observed information. `standard_errors` are those of the parameters, from it by the delta method (parameter times
    the error of its log).
    """

    model: Model
    log_likelihood: float
    customers: int
    covariance: tuple[tuple[float, ...], ...]
    standard_errors: Mapping[str, float]


@attrs.frozen(eq=False)
class Maximum:
    """Where a likelihood is highest: the parameters `at`, how high, and the covariance of the parameters' logs."""

    at: tuple[float, ...]
    log_likelihood: float
    covariance: tuple[tuple[float, ...], ...]

    def standard_errors(self, model: attrs.AttrsInstance) -> dict[str, float]:
        """Those of the model's parameters, by name; the model may be in another unit than `at`."""
        return {
            name: value * self.covariance[row][row] ** 0.5
            for row, (name, value) in enumerate(attrs.asdict(model).items())
        }


def distinct(columns: Sequence[Floats], many: Floats) -> tuple[Floats, ...]:
    """The distinct rows of the columns, sorted, and last how many each stands for; rows of none are left out."""
    known = [each[many > 0] for each in columns]
    many = many[many > 0]
    if not len(many):
        return (*known, many)
    order = np.lexsort(known[::-1])
    known = [each[order] for each in known]
    differs = np.any([each[1:] != each[:-1] for each in known], axis=0)
    starts = np.flatnonzero(np.concatenate(([True], differs)))
    return (*(each[starts] for each in known), np.add.reduceat(many[order], starts))


def maximise(
    likelihood: Likelihood, starts: Sequence[Sequence[float]], names: Sequence[str], model: str
) -> Maximum:
    """The highest of the maxima that are found from the starts, in parameters that data of scale 1 would have.

    The logs of the parameters are searched by BFGS, then by Newton's method. NoFit unless the likelihood is curved
    downwards there in every direction and no more than SHORT_BY may be missing, and if a parameter ran to the edge.
    """
    from scipy import optimize

    def falling(logs: Floats) -> tuple[float, Floats]:
        # Beyond the edge nothing changes: the search cannot overflow, and stops.
        height, slope = _in_logs(likelihood, np.clip(logs, -FARTHEST, FARTHEST))
        return -height, np.where(np.abs(logs) < FARTHEST, -slope, 0.0)

    # Not by L-BFGS-B: its tiny systems go through a library that waits for every core, a hundred times the time of
    # the search if others use them.
    found = [
        optimize.minimize(falling, np.log(start), jac=True, method="BFGS", options={"gtol": 1e-4})
        for start in starts
    ]
    logs = np.asarray(min(found, key=lambda each: float(each.fun)).x)
    for name, log in zip(names, logs, strict=True):
        if abs(log) > FARTHEST - 1:
            direction = "infinity" if log > 0 else "zero"
            raise NoFit(
                model, f"the best {name} is {direction}: customers are too few, or too much alike"
            )
    return _polished(likelihood, logs, model)


def _polished(likelihood: Likelihood, logs: Floats, model: str) -> Maximum:
    """Newton's method from where the search ended, for as long as it climbs; NoFit if that is not the top."""
    for _ in range(20):
        height, slope = _in_logs(likelihood, logs)
        information = _information(likelihood, logs)
        if not np.isfinite(information).all() or np.linalg.eigvalsh(information)[0] <= 0:
            raise NoFit(
                model, "the likelihood is flat: many parameters explain the data equally well"
            )
        step = np.linalg.solve(information, slope)
        if slope @ step / 2 < SHORT_BY:
            covariance = np.linalg.inv(information).tolist()
            return Maximum(tuple(np.exp(logs).tolist()), height, tuple(map(tuple, covariance)))
        logs = logs + step / max(1.0, float(np.abs(step).max()))
    raise NoFit(model, "the search found no top of the likelihood")


def _in_logs(likelihood: Likelihood, logs: Floats) -> tuple[float, Floats]:
    at = np.exp(logs)
    height, slope = likelihood(at)
    return height, slope * at


def _information(likelihood: Likelihood, logs: Floats) -> Floats:
    """Minus the second derivatives by the logs of the parameters: central differences of the gradient."""
    moves = STEP * np.eye(len(logs))
    rows = [
        (_in_logs(likelihood, logs - move)[1] - _in_logs(likelihood, logs + move)[1]) / (2 * STEP)
        for move in moves
    ]
    found = np.array(rows)
    return np.asarray((found + found.T) / 2)
