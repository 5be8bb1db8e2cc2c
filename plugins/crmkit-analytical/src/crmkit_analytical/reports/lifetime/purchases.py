"""The purchases that are counted: orders, what they came to, and on which day of the company they were placed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from crmkit import Money
from crmkit_analytical.report.answer import Excluded
from crmkit_analytical.statistics.arrays import Floats, Integers
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["Purchases", "local_days", "purchases"]

QUARTER = 15 * 60 * 1_000_000
"""A quarter of an hour in microseconds: zones change their offsets at one."""

NOT_PURCHASES = ("cancelled", "returned")


@attrs.frozen(eq=False)
class Purchases:
    """One row for each order that counts, in arrays of one length: whose it is (a place in `ids`), on which day (its
    ordinal), and for how much, in major units of `currency`. `excluded` is what does not count.
    """

    ids: tuple[str, ...]
    customers: Integers
    days: Integers
    values: Floats
    currency: str
    excluded: tuple[Excluded, ...]

    def until(self, day: int) -> Purchases:
        """Those until a day, that day with it."""
        kept = self.days <= day
        return attrs.evolve(
            self,
            customers=self.customers[kept],
            days=self.days[kept],
            values=self.values[kept],
        )


def purchases(ask: Ask, currency: str) -> Purchases:
    """The purchases in one currency, by customers who may be seen."""
    counted = _orders(ask, currency)
    kept = counted.filter(counted.why.isnull())
    found = ask.arrow(kept.select("customer_id", "placed_at", "minor"))
    whose = found["customer_id"].combine_chunks().dictionary_encode()
    ids = tuple(whose.dictionary.to_pylist())
    minor = found["minor"].to_numpy().astype(np.float64)
    times = found["placed_at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    return Purchases(
        ids,
        np.asarray(whose.indices.to_numpy(zero_copy_only=False), dtype=np.int64),
        local_days(times, ask.zone),
        minor / _minor_units(currency),
        currency,
        _excluded(ask, counted),
    )


def _orders(ask: Ask, currency: str) -> Any:
    """Each order with what it came to, and `why` it does not count, None if it does.

    Those of customers who may not be seen are not there at all.
    """
    import ibis

    every, line, customer = ask.table("order"), ask.table("order_line"), ask.table("customer")
    whose = customer.select(whose=customer.id)
    known = every.left_join(whose, every.customer_id == whose.whose)
    order = known.filter(known.customer_id.isnull() | known.whose.notnull()).drop("whose")
    totals = line.group_by("order_id").agg(
        minor=line.amount.sum().cast("int64"),
        currency=line.amount__currency.max(),
    )
    joined = order.left_join(totals, order.id == totals.order_id)
    return joined.select(
        order.id,
        order.customer_id,
        order.placed_at,
        minor=totals.minor.fill_null(0),
        why=ibis.cases(
            (order.status.isin(NOT_PURCHASES), "not bought"),
            (order.customer_id.isnull(), "nobody's"),
            (totals.currency != currency, "currency"),
            (totals.minor < 0, "negative"),
            else_=ibis.null("string"),
        ),
    )


def _excluded(ask: Ask, counted: Any) -> tuple[Excluded, ...]:
    reasons = {
        "not bought": _("orders that were cancelled or returned"),
        "nobody's": _("orders of nobody who is known"),
        "currency": _("orders in another currency"),
        "negative": _("orders that came to less than nothing"),
    }
    left = counted.filter(counted.why.notnull())
    groups = ask.rows(left.group_by("why").agg(count=left.count(), ids=left.id.collect()))
    by_why = {each["why"]: each for each in groups}
    return tuple(
        Excluded(text, by_why[why]["count"], tuple(sorted(by_why[why]["ids"])))
        for why, text in reasons.items()
        if why in by_why
    )


def _minor_units(currency: str) -> int:
    """How many minor units one major unit has."""
    return Money.of(1, currency).minor


def local_days(times: Integers, zone: tzinfo) -> Integers:
    """The days (ordinals) of times in microseconds since 1970 in UTC, as a calendar in a zone has them."""
    quarters, places = np.unique(times // QUARTER, return_inverse=True)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    offsets = [
        (begin + timedelta(microseconds=int(each) * QUARTER)).astimezone(zone).utcoffset()
        for each in quarters
    ]
    shifts = np.array([(each or timedelta()) // timedelta(microseconds=1) for each in offsets])
    local = times + (shifts[places] if len(times) else 0)
    epoch = date(1970, 1, 1).toordinal()
    return np.asarray(epoch + local // (24 * 3600 * 1_000_000), dtype=np.int64)
