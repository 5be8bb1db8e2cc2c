"""Sales velocity: how much a pipeline brings in a day."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["velocity"]


def velocity(
    opportunities: int, average_value: Decimal, win_rate: Decimal, cycle_days: Decimal
) -> Decimal | None:
    """Opportunities x average value x win rate / days from opened to won; None if the cycle has no length.

    `velocity(40, 5000, 0.25, 60)` is 833.33 a day.
    """
    return opportunities * average_value * win_rate / cycle_days if cycle_days > 0 else None
