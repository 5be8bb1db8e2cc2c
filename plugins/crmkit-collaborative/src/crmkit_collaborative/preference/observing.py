"""How much a customer uses a channel, from what was observed: a rate that old contacts count less in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from crmkit_collaborative.preference.contacts import Used

__all__ = ["HALF_LIFE", "PRIOR", "Observed", "rate", "weight"]

HALF_LIFE = 90.0
"""After so many days a contact counts half."""

PRIOR = 5.0
"""As many contacts as what all customers do (see `sampling`) counts for, beside a customer's own."""


@attrs.frozen
class Observed:
    """The rate of one channel, and what it was made of.

    `rate` = (`hits` + `prior` x `base`) / (`total` + `prior`), where `hits` is the sum of the weights of what was used,
    `total` that of all contacts, and `base` the same over the customers met last, as `sampling` has it.
    """

    channel: str
    rate: float
    hits: float
    total: float
    base: float
    prior: float
    evidence: tuple[Used, ...]


def weight(at: datetime, now: datetime) -> float:
    """0.5 ** (age in days / `HALF_LIFE`); what has yet to come counts as now."""
    days = max(0.0, (now - at).total_seconds() / 86_400)
    return float(0.5 ** (days / HALF_LIFE))


def rate(
    channel: str, evidence: Iterable[Used], now: datetime, base: float, prior: float = PRIOR
) -> Observed:
    """The observed rate of a channel."""
    kept = tuple(evidence)
    weights = [weight(each.contact.at, now) for each in kept]
    hits = sum(each.value * w for each, w in zip(kept, weights, strict=True))
    total = sum(weights)
    return Observed(
        channel, (hits + prior * base) / (total + prior), hits, total, base, prior, kept
    )
