"""Totals: counts, sums, the smallest and the largest, in groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from crmkit.errors import QueryError, ValueRefused
from crmkit.kinds import Customer
from crmkit.query import Condition, where
from crmkit.storage import Measure
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Colour, Specimen
from crmkit.testing.lab import Lab
from crmkit.values import INT64, Money

__all__ = ["Totals"]


def _totals(
    lab: Lab, by: Sequence[str], *measures: tuple[Any, str], conditions: Sequence[Condition] = ()
) -> list[tuple[Any, ...]]:
    made = [Measure(of, path) for of, path in measures]
    totals = lab.storage.totals(lab.query("specimen", *conditions), by, made)
    return [(*each.group, each.count, *each.measures) for each in totals]


class Totals(Contract):
    """Totals are exact."""

    def test_groups_are_counted_and_sorted(self, lab: Lab) -> None:
        """Each group of equal values is one total with its count; groups are sorted, missing first."""
        lab.insert(*(Specimen(shelf=shelf) for shelf in ("b", "a", None, "B", "b")))
        assert _totals(lab, ["shelf"]) == [(None, 1), ("B", 1), ("a", 1), ("b", 2)]

    def test_groups_by_several_fields(self, lab: Lab) -> None:
        """Groups by several fields, of any type but tuples and mappings, added ones too."""
        for flag, tier, colour in ((True, "x", Colour.RED), (None, None, Colour.BLUE)) * 2:
            lab.add(Specimen(flag=flag, colour=colour, added={"custom.tier": tier} if tier else {}))
        assert _totals(lab, ["flag", "custom.tier", "colour"]) == [
            (None, None, Colour.BLUE, 2),
            (True, "x", Colour.RED, 2),
        ]

    def test_groups_come_with_values_of_their_types(self, lab: Lab) -> None:
        """The values of a group and measures of the smallest and largest are of the field's type."""
        moment, day = datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC), date(2026, 1, 1)
        values = {
            "flag": False,
            "number": 0,
            "weight": 2.0,
            "price": Decimal("1.50"),
            "seen_at": moment,
            "day": day,
            "colour": Colour.GREEN,
            "grade": 2,
            "worth": Money(5, "EUR"),
            "clinic.chart": "c",
            "custom.score": 3,
            "custom.ratio": 3.0,
            "custom.due": moment,
            "custom.value": Money(7, "KRW"),
            "custom.vip": True,
        }
        record = Specimen()
        for path, value in values.items():
            record = record.set(path, value)
        lab.add(record)
        for path, value in values.items():
            found = _totals(lab, [path], ("min", path), ("max", path))
            assert found == [(value, 1, value, value)], path
            assert [type(each) for each in found[0]] == [
                type(value),
                int,
                type(value),
                type(value),
            ], path

    def test_smallest_and_largest_leave_missing_out(self, lab: Lab) -> None:
        """Measures leave missing values out; of nothing else they are None."""
        for shelf, number in (("A", 9), ("A", 10), ("A", None), ("B", None)):
            lab.add(Specimen(shelf=shelf, number=number))
        measures = [(of, "number") for of in ("sum", "min", "max")]
        assert _totals(lab, ["shelf"], *measures) == [
            ("A", 3, 19, 9, 10),
            ("B", 1, None, None, None),
        ]

    def test_no_records_make_no_group(self, lab: Lab) -> None:
        """Where no record fulfils the conditions there is no total, not one of zero."""
        lab.named("a")
        nothing = [where.name == "z"]
        assert _totals(lab, [], ("sum", "number"), conditions=nothing) == []
        assert _totals(lab, ["shelf"], conditions=nothing) == []
        assert _totals(lab, []) == [(1,)]

    def test_sums_of_whole_numbers_pass_64_bits(self, lab: Lab) -> None:
        """A sum of whole numbers is exact, however large."""
        lab.insert(*(Specimen(number=INT64) for _ in range(5)), Specimen(number=-1))
        assert _totals(lab, [], ("sum", "number")) == [(6, 5 * INT64 - 1)]

    def test_sums_of_decimals_are_exact(self, lab: Lab) -> None:
        """A sum of decimals is the exact Decimal, beyond 64 bits too."""
        largest = Decimal("92233720368547758.07")
        lab.insert(*(Specimen(price=each) for each in (largest, largest, Decimal("-0.01"))))
        assert _totals(lab, [], ("sum", "price")) == [(3, Decimal("184467440737095516.13"))]
        assert _totals(lab, [], ("sum", "price"), conditions=[where.price < 0]) == [
            (1, Decimal("-0.01"))
        ]

    def test_sums_of_floats_do_not_depend_on_the_order(self, lab: Lab) -> None:
        """A sum of floats is rounded once, at the end (as by `math.fsum`), in whatever order they are read."""
        weights = (1e16, 0.1, 0.2, 0.3, -1e16, 1e-9)
        lab.insert(*(Specimen(weight=each) for each in weights))
        assert _totals(lab, [], ("sum", "weight")) == [(6, math.fsum(weights))]

    def test_money_is_summed_by_currency(self, lab: Lab) -> None:
        """Measures of money split each group by currency, sorted, missing first; other measures follow."""
        rows = (("A", 5, "KRW", 1), ("A", 7, "EUR", 2), ("A", 1, "EUR", 3), ("B", 2, "EUR", 4))
        for shelf, minor, currency, number in rows:
            lab.add(Specimen(shelf=shelf, worth=Money(minor, currency), number=number))
        lab.add(Specimen(shelf="A", number=5))
        assert _totals(lab, ["shelf"], ("sum", "worth"), ("max", "worth"), ("sum", "number")) == [
            ("A", 1, None, None, 5),
            ("A", 2, Money(8, "EUR"), Money(7, "EUR"), 5),
            ("A", 1, Money(5, "KRW"), Money(5, "KRW"), 1),
            ("B", 1, Money(2, "EUR"), Money(2, "EUR"), 4),
        ]

    def test_added_money_is_summed_by_currency(self, lab: Lab) -> None:
        """Money in added fields is split and summed the same way."""
        for minor, currency in ((1, "EUR"), (2, "EUR"), (4, "USD")):
            money = Money(minor, currency)
            lab.add(Specimen(added={"clinic.fee": money, "custom.value": money}))
        for path in ("clinic.fee", "custom.value"):
            assert _totals(lab, [], ("sum", path)) == [(2, Money(3, "EUR")), (1, Money(4, "USD"))]

    def test_money_that_no_money_holds_is_refused(self, lab: Lab) -> None:
        """A sum of money beyond 64 bits is a `ValueRefused`, not a wrong number."""
        lab.insert(*(Specimen(worth=Money(INT64, "EUR")) for _ in range(2)))
        with pytest.raises(ValueRefused):
            _totals(lab, [], ("sum", "worth"))

    def test_floats_that_no_float_holds_are_refused(self, lab: Lab) -> None:
        """A sum of floats that leaves their range is a `ValueRefused`, not infinity."""
        lab.insert(*(Specimen(weight=1.7e308) for _ in range(2)))
        with pytest.raises(ValueRefused):
            _totals(lab, [], ("sum", "weight"))

    def test_totals_follow_references(self, lab: Lab) -> None:
        """Groups and measures may lie behind a reference."""
        kim, lee = lab.insert(Customer(name="k", owner="kim"), Customer(name="l", owner="lee"))
        lab.insert(*(Specimen(number=n, customer_id=c) for n, c in ((1, kim.id), (2, kim.id))))
        lab.insert(Specimen(number=4, customer_id=lee.id), Specimen(number=8))
        assert _totals(
            lab, ["customer_id.owner"], ("sum", "number"), ("min", "customer_id.name")
        ) == [
            (None, 1, 8, None),
            ("kim", 2, 3, "k"),
            ("lee", 1, 4, "l"),
        ]

    def test_conditions_follow_references(self, lab: Lab) -> None:
        """What is totalled may depend on what lies behind a reference, whatever the groups are."""
        kim, lee = lab.insert(Customer(name="k", owner="kim"), Customer(name="l", owner="lee"))
        lab.insert(*(Specimen(number=n, customer_id=c) for n, c in ((1, kim.id), (2, kim.id))))
        lab.insert(Specimen(number=4, customer_id=lee.id), Specimen(number=8))
        kims = [where.customer_id.owner == "kim"]
        assert _totals(lab, [], ("sum", "number"), conditions=kims) == [(2, 3)]
        assert _totals(lab, ["customer_id.name"], conditions=kims) == [("k", 2)]
        assert _totals(lab, ["number"], conditions=kims) == [(1, 1), (2, 1)]

    def test_what_cannot_be_totalled_is_refused(self, lab: Lab) -> None:
        """Unknown paths, groups of collections and sums of text are a `QueryError`."""
        query = lab.query("specimen")
        for by, measures in (
            (["shelfs"], []),
            (["labels"], []),
            (["details"], []),
            ([], [Measure("sum", "name")]),
            ([], [Measure("sum", "flag")]),
            ([], [Measure("max", "labels")]),
            ([], [Measure("min", "customer_id.nam")]),
        ):
            with pytest.raises(QueryError):
                lab.storage.totals(query, by, measures)
