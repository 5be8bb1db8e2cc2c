"""What deals of a pipeline are worth: those that are open in each stage, and those won and lost in the window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit import Money

__all__ = ["Standing", "standings"]


@attrs.define
class Standing:
    """The deals in one stage: ids; and by currency how many have an amount, these added up, and weighted, in minor units."""

    ids: list[str] = attrs.field(factory=list)
    without_amount: list[str] = attrs.field(factory=list)
    undated: list[str] = attrs.field(factory=list)
    counts: dict[str, int] = attrs.field(factory=dict)
    minor: dict[str, int] = attrs.field(factory=dict)
    weighted: dict[str, int] = attrs.field(factory=dict)

    def add(self, group: Mapping[str, Any], probability: int) -> None:
        """Add deals of one currency whose amounts have the same rest."""
        from crmkit_operational.sales.money import weighted

        currency, count = group["currency"], group["count"]
        self.ids += group["ids"]
        if currency is None:
            self.without_amount += group["ids"]
            return
        minor, rest = int(group["minor"]), int(group["rest"])
        # Of each amount all but its rest is a multiple of 100, of which nothing is to be rounded.
        whole = (minor - count * rest) * probability // 100
        each = weighted(Money(rest, currency), probability).minor
        for figures, more in (
            (self.counts, count),
            (self.minor, minor),
            (self.weighted, whole + count * each),
        ):
            figures[currency] = figures.get(currency, 0) + more

    @classmethod
    def of(cls, several: Iterable[Standing]) -> Standing:
        """Several as one."""
        found = cls()
        for each in several:
            found.ids += each.ids
            found.without_amount += each.without_amount
            found.undated += each.undated
            for mine, more in (
                (found.counts, each.counts),
                (found.minor, each.minor),
                (found.weighted, each.weighted),
            ):
                for currency, number in more.items():
                    mine[currency] = mine.get(currency, 0) + number
        return found

    @property
    def value(self) -> tuple[Money, ...]:
        """The amounts, by currency."""
        return money(self.minor)

    @property
    def weighted_value(self) -> tuple[Money, ...]:
        """What they are worth at the chance of the stage, by currency."""
        return money(self.weighted)


def money(minor: Mapping[str, int]) -> tuple[Money, ...]:
    """Amounts in the order of their currencies."""
    return tuple(Money(minor[currency], currency) for currency in sorted(minor))


def standings(
    groups: Sequence[Mapping[str, Any]], chances: Mapping[str, int], open_stages: Iterable[str]
) -> dict[str, Standing]:
    """The deals of each stage, by its id: open ones, or those closed in the window; nobody knows when is apart."""
    found, are_open = {id: Standing() for id in chances}, {*open_stages}
    for each in groups:
        stage = each["stage_id"]
        if each["is_dated"] or stage in are_open:
            found[stage].add(each, chances[stage])
        else:
            found[stage].undated += each["ids"]
    return found
