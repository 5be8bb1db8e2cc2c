"""What a pipeline brings: win rate, cycle and velocity."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from crmkit import Money
from crmkit_analytical.reports.pipeline.amounts import Standing
from crmkit_analytical.statistics.intervals import wilson

__all__ = ["DAY", "results"]

DAY = 86_400_000_000
"""In microseconds."""


def results(opened: Standing, won: Standing, lost: Standing, cycle: float | None) -> dict[str, Any]:
    """The figures of a pipeline's open deals, and of those won and lost in the window; `cycle` in microseconds."""
    closed = len(won.ids) + len(lost.ids)
    low, high = wilson(len(won.ids), closed) if closed else (None, None)
    return {
        "won": len(won.ids),
        "lost": len(lost.ids),
        "win_rate": len(won.ids) / closed if closed else None,
        "win_low": low,
        "win_high": high,
        "won_value": won.value,
        "average": tuple(
            _rounded(Decimal(won.minor[each]) / won.counts[each], each)
            for each in sorted(won.minor)
        ),
        "cycle": None if cycle is None else cycle / DAY,
        "velocity": _velocity(opened, won, closed, cycle),
    }


def _velocity(
    opened: Standing, won: Standing, closed: int, cycle: float | None
) -> tuple[Money, ...]:
    """By currency, where something is open and something was won."""
    from crmkit_operational.sales.velocity import velocity

    found = []
    for currency in sorted({*opened.counts} & {*won.counts}):
        # A median of whole microseconds is whole or a half: exact as a Decimal.
        a_day = velocity(
            opened.counts[currency],
            Decimal(won.minor[currency]) / won.counts[currency],
            Decimal(len(won.ids)) / closed,
            Decimal(cycle or 0) / DAY,
        )
        if a_day is not None:
            found.append(_rounded(a_day, currency))
    return tuple(found)


def _rounded(minor: Decimal, currency: str) -> Money:
    return Money(int(minor.to_integral_value(ROUND_HALF_UP)), currency)
