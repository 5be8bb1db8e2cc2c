"""The report `lifetime-value`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from crmkit.cli.language import Word
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded
from crmkit_analytical.report.definition import Parameter, Report
from crmkit_analytical.reports.lifetime.grouping import Group, grouped, money, row_of
from crmkit_analytical.reports.lifetime.purchases import Purchases, purchases
from crmkit_analytical.reports.lifetime.rating import WEEK, Rated, rate
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["REPORT", "answer"]

BY = ("customer", "rfm", "cohort", "country", "type")

REPORT = Report(
    name="lifetime-value",
    question=Word("What are our customers worth, and who will buy again?"),
    answer=f"{__name__}:answer",
    kinds={
        "order": ("customer_id", "placed_at", "status"),
        "order_line": ("order_id", "amount"),
        "customer": ("country", "type"),
    },
    window=Word("orders, by when they were placed; the last day ends the calibration"),
    measures=(
        Word("Purchases: all orders of a customer on one day of the company are one purchase."),
        Word("Spent: what the lines of these orders came to."),
        Word("RFM: recency, frequency and value, each 1 to 5, 5 the best fifth; equal ones have equal scores."),
        Word("Alive: the probability to buy again ever, by BG/NBD (Fader, Hardie and Lee 2005), fitted to all customers."),
        Word("Expected: purchases within the horizon by the same model, with the interval in which they lie in 95 of 100 cases."),
        Word("Value: that of one purchase to come, by Gamma-Gamma (Fader and Hardie 2013), fitted to who bought again."),
        Word("Worth: expected purchases, discounted to the last day, times their value, times the margin."),
    ),
    parameters=(
        Parameter("by", Word("A row for each of what."), "text", "customer", BY),
        Parameter("top", Word("How many rows, the most valuable first; 0 is all."), "whole", 20),
        Parameter("weeks", Word("The horizon, in weeks."), "days", 52.0),
        Parameter("discount", Word("The discount of a year."), "share", 0.1),
        Parameter("margin", Word("The share of what is paid that is earned."), "share", 1.0),
        Parameter("currency", Word("The currency of the orders that count; the company's without it.")),
    ),
    least=100,
)  # fmt: skip

COLUMNS = (
    Column("name", Word("Customers")),
    Column("customers", Word("Number"), "count"),
    Column("purchases", Word("Purchases"), "count"),
    Column("spent", Word("Spent"), "money"),
    Column("last", Word("Last purchase"), "date"),
    Column("rfm", Word("RFM")),
    Column("alive", Word("Alive"), "share"),
    Column("expected", Word("Expected purchases"), "number"),
    Column("low", Word("From"), "number"),
    Column("high", Word("To"), "number"),
    Column("value", Word("Value"), "money"),
    Column("worth", Word("Worth"), "money"),
)


def answer(ask: Ask) -> Answer:
    """A row for each customer, or each group of them, the most valuable first."""
    currency = ask.parameters["currency"] or ask.currency
    last_day = ask.last_day
    every = purchases(ask, currency)
    bought = _begun(ask, every)
    rated = rate(
        bought.until(last_day.toordinal()),
        last_day.toordinal(),
        ask.parameters["weeks"],
        ask.parameters["discount"],
        ask.parameters["margin"],
    )
    total = len(rated.known.x)
    groups = grouped(ask, bought, rated, last_day)
    return Answer(
        COLUMNS,
        tuple(row_of(each, rated, last_day, currency) for each in groups),
        _sentence(ask, rated, last_day, currency),
        ask.explained(
            denominator=_("customers who bought by the last day"),
            total=total,
            excluded=(*every.excluded, *_earlier(every, bought)),
            ids=_ids(groups),
            parameters={
                "currency": currency,
                "last_day": last_day,
                **rated.models,
                **_what_happened(bought, rated, last_day, ask.parameters["weeks"]),
            },
        ),
        Chart("bar", x="name", y="worth" if "gamma_gamma" in rated.models else "spent"),
        is_enough=total >= ask.least and not rated.why,
    )


def _ids(groups: Sequence[Group]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for each in groups:  # two customers may have one name
        found[each.name] = (*found.get(each.name, ()), *each.ids)
    return found


# Who counts -----------------------------------------------------------------------------------------------------


def _begun(ask: Ask, every: Purchases) -> Purchases:
    """The purchases of customers who bought first within the window: an earlier one would not be seen as such."""
    if ask.since is None or not len(every.days):
        return every
    begin = ask.since.astimezone(ask.zone).date().toordinal()
    first = np.full(len(every.ids), np.iinfo(np.int64).max)
    np.minimum.at(first, every.customers, every.days)
    kept = first[every.customers] >= begin
    return attrs.evolve(
        every,
        customers=every.customers[kept],
        days=every.days[kept],
        values=every.values[kept],
    )


def _earlier(every: Purchases, bought: Purchases) -> tuple[Excluded, ...]:
    gone = sorted({*every.customers.tolist()} - {*bought.customers.tolist()})
    ids = tuple(every.ids[each] for each in gone)
    return (Excluded(_("customers who bought before the window"), len(ids), ids),)


def _what_happened(bought: Purchases, rated: Rated, last_day: date, weeks: float) -> dict[str, Any]:
    """What the same customers bought behind the last day, as far as is known, beside what was expected of it."""
    if not rated.models or not len(bought.days):
        return {}
    known_until = min(int(bought.days.max()), last_day.toordinal() + round(weeks * WEEK))
    ahead = (known_until - last_day.toordinal()) / WEEK
    if ahead <= 0:
        return {}
    later = (bought.days > last_day.toordinal()) & (bought.days <= known_until)
    kept = later & np.isin(bought.customers, rated.known.customers)
    days = {*zip(bought.customers[kept].tolist(), bought.days[kept].tolist(), strict=True)}
    return {
        "behind_the_last_day": {
            "until": date.fromordinal(known_until),
            "weeks": ahead,
            "purchases": len(days),
            "expected": rated.expected_within(ahead),
        }
    }


# In words -------------------------------------------------------------------------------------------------------


def _sentence(ask: Ask, rated: Rated, last_day: date, currency: str) -> str:
    total = len(rated.known.x)
    if total < ask.least:
        text = _(
            "Only {total} customers bought by {day}; from {least} on this says what they are worth."
        )
        return text.format(total=total, day=last_day, least=ask.least)
    again = int((rated.known.x > 0).sum())
    if "bgnbd" not in rated.models:
        text = _(
            "Of {total} customers who bought by {day}, {again} bought again; nothing can be expected of that: {why}."
        )
        return text.format(total=f"{total:,}", day=last_day, again=again, why="; ".join(rated.why))
    text = _(
        "Of {total} customers who bought by {day}, {again} bought again; some {alive} are still there, and within "
        "{weeks:g} weeks they are expected to buy {expected} times, worth {worth}."
    )
    worth = money(rated.worth.sum(), currency)
    unknown = _("nobody knows how much ({why})").format(why="; ".join(rated.why))
    return text.format(
        total=f"{total:,}",
        day=last_day,
        again=f"{again:,}",
        alive=f"{rated.alive.sum():,.0f}",
        weeks=ask.parameters["weeks"],
        expected=f"{rated.expected.sum():,.0f}",
        worth=unknown if worth is None else worth,
    )
