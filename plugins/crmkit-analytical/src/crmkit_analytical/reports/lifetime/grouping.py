"""Groups of customers, and the row of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from crmkit import Customer, Money
from crmkit_analytical.report.answer import Row
from crmkit_analytical.reports.lifetime.purchases import Purchases
from crmkit_analytical.reports.lifetime.rating import Rated
from crmkit_analytical.statistics.arrays import Integers
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["Group", "grouped", "money", "row_of"]


@attrs.frozen(eq=False)
class Group:
    """Some customers: what they are called, where they stand in the arrays of `Rated`, and their ids."""

    name: str
    places: Integers
    ids: tuple[str, ...]


def grouped(ask: Ask, bought: Purchases, rated: Rated, last_day: date) -> list[Group]:
    """The groups that are asked for, the most valuable first, of one value by name; the first `top` of them."""
    top = ask.parameters["top"] or None
    if ask.parameters["by"] == "customer":
        return _customers(ask, bought, rated, top)
    keys = _KEYS[ask.parameters["by"]](ask, bought, rated, last_day)
    names, places = np.unique(np.array(keys, dtype=object).astype(str), return_inverse=True)
    groups = [
        Group(str(name), of, _ids(bought, rated, of))
        for at, name in enumerate(names)
        if len(of := np.flatnonzero(places == at))
    ]
    return sorted(groups, key=lambda each: (-_worth(rated, each.places), each.name))[:top]


def _customers(ask: Ask, bought: Purchases, rated: Rated, top: int | None) -> list[Group]:
    """The most valuable customers by themselves; only these are looked up."""
    worth = np.where(np.isnan(rated.worth), rated.known.total, rated.worth)
    order = np.lexsort((rated.known.customers, -worth))[:top]
    ids = [bought.ids[rated.known.customers[each]] for each in order]
    people = ask.reader.get_many(Customer, ids)
    return [
        Group(str(person["name"]) if person else id, np.array([place]), (id,))
        for id, person, place in zip(ids, people, order, strict=True)
    ]


def _worth(rated: Rated, places: Integers) -> float:
    worth = rated.worth[places]
    return float(np.sum(rated.known.total[places] if np.isnan(worth).any() else worth))


def _ids(bought: Purchases, rated: Rated, places: Integers) -> tuple[str, ...]:
    return tuple(sorted(bought.ids[each] for each in rated.known.customers[places]))


# What they have in common ---------------------------------------------------------------------------------------


def _by_rfm(ask: Ask, bought: Purchases, rated: Rated, last_day: date) -> Sequence[str]:
    return ["".join(map(str, each)) for each in rated.scores]


def _by_cohort(ask: Ask, bought: Purchases, rated: Rated, last_day: date) -> Sequence[str]:
    """The month of the first purchase."""
    first = last_day.toordinal() - np.rint(rated.known.T * 7).astype(int)
    return [date.fromordinal(int(each)).isoformat()[:7] for each in first]


def _by_field(field: str) -> Callable[[Ask, Purchases, Rated, date], Sequence[str]]:
    def keys(ask: Ask, bought: Purchases, rated: Rated, last_day: date) -> Sequence[str]:
        customer = ask.table("customer")
        found = ask.arrow(customer.select("id", field))
        values = dict(zip(found["id"].to_pylist(), found[field].to_pylist(), strict=True))
        ids = (bought.ids[each] for each in rated.known.customers)
        return [values.get(each) or _("not known") for each in ids]

    return keys


_KEYS: Mapping[str, Callable[[Ask, Purchases, Rated, date], Sequence[str]]] = {
    "rfm": _by_rfm,
    "cohort": _by_cohort,
    "country": _by_field("country"),
    "type": _by_field("type"),
}


# The row of a group ---------------------------------------------------------------------------------------------


def row_of(group: Group, rated: Rated, last_day: date, currency: str) -> Row:
    """What is known and expected of the customers of a group, added up; scores and probabilities are means."""
    known, at = rated.known, group.places
    last = last_day.toordinal() - int(np.rint((known.T[at] - known.t_x[at]).min() * 7))
    is_one = len(at) == 1
    scores = rated.scores[at].mean(axis=0)
    expected = _sum(rated.expected[at])
    return {
        "name": group.name,
        "customers": len(at),
        "purchases": int(known.x[at].sum()) + len(at),
        "spent": money(known.total[at].sum(), currency),
        "last": date.fromordinal(last),
        "rfm": "".join(f"{each:.0f}" for each in scores)
        if is_one
        else " ".join(f"{each:.1f}" for each in scores),
        "alive": _mean(rated.alive[at]),
        "expected": expected,
        **_interval(rated, at),
        "value": money(rated.value[at].mean(), currency),
        "worth": money(rated.worth[at].sum(), currency),
    }


def _interval(rated: Rated, at: Integers) -> dict[str, Any]:
    """The predictive interval of one customer; the sum of many is nearly normal, and no interval of it is given."""
    if len(at) > 1:
        return {"low": None, "high": None}
    return {"low": _sum(rated.low[at]), "high": _sum(rated.high[at])}


def _sum(values: Any) -> float | None:
    found = float(values.sum())
    return None if np.isnan(found) else found


def _mean(values: Any) -> float | None:
    found = float(values.mean())
    return None if np.isnan(found) else found


def money(amount: float, currency: str) -> Money | None:
    """An amount in major units, rounded to the minor one."""
    if np.isnan(amount):
        return None
    return Money(round(float(amount) * Money.of(1, currency).minor), currency)
