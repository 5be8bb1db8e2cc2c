"""Money times a number that is not whole: rounded half up to the minor unit, once, where it is said."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from crmkit import Money

__all__ = ["line_amount", "weighted"]


def line_amount(quantity: Decimal, unit_price: Money) -> Money:
    """Quantity x unit price."""
    return _rounded(quantity * unit_price.minor, unit_price)


def weighted(amount: Money, probability: int) -> Money:
    """What an amount is worth at a chance in percent: amount x probability / 100 (Odoo's `prorated_revenue`)."""
    return _rounded(Decimal(amount.minor) * probability / 100, amount)


def _rounded(minor: Decimal, like: Money) -> Money:
    return Money(int(minor.to_integral_value(ROUND_HALF_UP)), like.currency)
