"""Orders and pages."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crmkit.errors import QueryError
from crmkit.kinds import Customer
from crmkit.query import ordered, sort_key, where
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Colour, Specimen
from crmkit.testing.lab import Lab
from crmkit.values import Money

__all__ = ["Paging"]

PATHS = [
    "name",
    "notes",
    "flag",
    "number",
    "weight",
    "price",
    "seen_at",
    "day",
    "colour",
    "grade",
    "worth",
    "shelf",
    "clinic.chart",
    "clinic.fee",
    "custom.tier",
    "custom.score",
    "custom.ratio",
    "custom.due",
    "custom.value",
    "custom.vip",
    "id",
    "created_at",
]


def _varied(count: int, seed: int) -> list[Specimen]:
    """Specimens with few different values in each field, a third of them missing."""
    draw = random.Random(seed)
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n) for n in range(3)]
    money = [Money(5, "EUR"), Money(7, "EUR"), Money(-1, "KRW"), Money(9, "USD")]
    choices: dict[str, list[Any]] = {
        "notes": ["", "Z", "a", "é", "가", "😀", "\uffff"],
        "flag": [True, False],
        "number": [-1, 0, 9, 10],
        "weight": [-0.5, 0.0, 9.5, 10.25],
        "price": [Decimal("-1.00"), Decimal("9.90"), Decimal("10.05")],
        "seen_at": moments,
        "day": [date(2026, 1, 2), date(2026, 1, 10)],
        "colour": list(Colour),
        "grade": [1, 2, 3],
        "worth": money,
        "shelf": ["A", "B"],
        "clinic.chart": ["1", "10", "9"],
        "clinic.fee": money,
        "custom.tier": ["b", "a"],
        "custom.score": [-10, 9, 10],
        "custom.ratio": [-1.0, 0.5, 10.0],
        "custom.due": moments,
        "custom.value": money,
        "custom.vip": [True, False],
    }
    made = []
    for number in range(count):
        record = Specimen(name=f"n{number % 7}")
        for path, values in choices.items():
            record = record.set(path, draw.choice([*values, *values, None]))
        made.append(record)
    return made


def _sorted(records: list[Any], *order: str) -> list[str]:
    by_id = "-id" if order[-1][0] == "-" else "id"
    for each in reversed(ordered((*order, by_id))):
        keys = {record.id: sort_key(record[each.path]) for record in records}
        records = sorted(records, key=lambda r, k=keys: k[r.id], reverse=each.descending)  # type: ignore[misc]
    return [each.id for each in records]


class Paging(Contract):
    """Results come in order, and in pages that a cursor holds together."""

    def test_missing_comes_first_ascending(self, lab: Lab) -> None:
        """Missing values come first ascending and last descending, of added fields and behind references too."""
        customer = lab.add(Customer(name="c", owner="kim"))
        lab.insert(
            Specimen(name="b", number=1, customer_id=customer.id, added={"custom.score": 1}),
            Specimen(name="a"),
        )
        for path in ("number", "custom.score", "customer_id.owner"):
            assert lab.names(order=path) == ["a", "b"], path
            assert lab.names(order="-" + path) == ["b", "a"], path

    def test_ties_go_by_id_the_way_of_the_last_order(self, lab: Lab) -> None:
        """Records with equal values come by id, ascending or descending as the last order says; so without order."""
        a, b, c = (each.id for each in lab.named("x", "x", "x"))
        assert lab.pages() == [[a, b], [c]]
        assert lab.pages(order="name") == [[a, b], [c]]
        assert lab.pages(order="-name") == [[c, b], [a]]
        assert lab.pages(order=("-name", "number")) == [[a, b], [c]]
        assert lab.pages(order=("name", "-number")) == [[c, b], [a]]

    def test_every_type_sorts_both_ways_page_by_page(self, lab: Lab) -> None:
        """For each field: pages of any size, put together, are all records in order, each once."""
        records = lab.insert(*_varied(23, seed=1))
        for path, sign in itertools.product(PATHS, ("", "-")):
            pages = lab.pages(order=sign + path, limit=4)
            assert [id for page in pages for id in page] == _sorted(records, sign + path), path
            assert [len(page) for page in pages] == [4, 4, 4, 4, 4, 3]

    def test_several_orders_mix_directions(self, lab: Lab) -> None:
        """Each order has a direction of its own; a later one decides among equals of the earlier."""
        records = lab.insert(*_varied(29, seed=2))
        draw = random.Random(3)
        for _ in range(25):
            order = tuple(draw.choice(["", "-"]) + each for each in draw.sample(PATHS[:20], 3))
            pages = lab.pages(order=order, limit=draw.choice([1, 3, 28, 29, 30]))
            assert [id for page in pages for id in page] == _sorted(records, *order), order

    def test_money_sorts_by_currency_then_amount(self, lab: Lab) -> None:
        """Money is ordered by currency first, so that an order never compares two of them."""
        for name, minor, currency in (("u", 1, "USD"), ("e9", 9, "EUR"), ("k", 5, "KRW")):
            lab.add(Specimen(name=name, worth=Money(minor, currency)))
        lab.insert(Specimen(name="e-1", worth=Money(-1, "EUR")), Specimen(name="none"))
        assert lab.names(order="worth") == ["none", "e-1", "e9", "k", "u"]
        assert lab.names(order="-worth") == ["u", "k", "e9", "e-1", "none"]

    def test_an_order_may_follow_a_reference(self, lab: Lab) -> None:
        """`reference.field` sorts too, page by page."""
        lee, kim = lab.insert(Customer(name="lee"), Customer(name="kim"))
        lab.insert(
            Specimen(name="1", customer_id=lee.id),
            Specimen(name="2", customer_id=kim.id),
            Specimen(name="3"),
            Specimen(name="4", customer_id=kim.id),
        )
        names = {each.id: each.name for each in lab.find()}
        for order, expected in (("customer_id.name", "3241"), ("-customer_id.name", "1423")):
            pages = lab.pages(order=order, limit=1)
            assert "".join(names[id] for page in pages for id in page) == expected

    def test_a_cursor_only_where_something_follows(self, lab: Lab) -> None:
        """The last page has no cursor, also if it is full; nor has an empty one, or one of no records."""
        lab.named(*"abcd")
        assert lab.page(limit=4).after is None
        assert lab.page(limit=5).after is None
        assert lab.page(limit=3).after is not None
        assert lab.page(where.name == "z", limit=3).after is None
        assert lab.page(limit=0).records == ()
        assert lab.page(limit=0).after is None

    def test_pages_hold_while_others_write(self, lab: Lab) -> None:
        """What is inserted before the cursor or deleted behind it makes no record come twice or be left out."""
        lab.insert(*(Specimen(name=name) for name in ("b", "d", "f", "h", "j")))
        first = lab.page(order="name", limit=2)
        lab.insert(Specimen(name="a"), Specimen(name="c"), Specimen(name="g"))
        lab.delete(*lab.find(where.name.in_(["b", "h"])))
        rest = lab.page(order="name", limit=9, after=first.after)
        assert [each["name"] for each in rest] == ["f", "g", "j"]

    def test_a_cursor_outlives_its_record(self, lab: Lab) -> None:
        """A page goes on from the place of a record that was changed or deleted meanwhile."""
        made = lab.named(*"abcdef")
        first = lab.page(order="name", limit=2)
        lab.delete(made[1])
        second = lab.page(order="name", limit=2, after=first.after)
        assert [each["name"] for each in second] == ["c", "d"]
        lab.update(made[3], name="a")
        third = lab.page(order="name", limit=2, after=second.after)
        assert [each["name"] for each in third] == ["e", "f"]

    def test_a_cursor_fits_its_query_only(self, lab: Lab) -> None:
        """The cursor of another order or kind, or a damaged one, is a `QueryError`."""
        lab.named(*"abc")
        after = lab.page(order="name", limit=1).after
        assert after is not None
        for order in ("-name", "notes", ("name", "notes"), None):
            with pytest.raises(QueryError):
                lab.page(order=order, limit=1, after=after)
        for bad in (after[:-6], "x", "", "é", after + "AAAA"):
            with pytest.raises(QueryError):
                lab.page(order="name", limit=1, after=bad)

    def test_conditions_and_cursor_together(self, lab: Lab) -> None:
        """A cursor and conditions on the same field both hold."""
        lab.insert(*(Specimen(name=str(n), number=n % 5 or None) for n in range(20)))
        pages = lab.pages(where.number != 3, where.number < 4, order="-number", limit=3)
        assert sum(map(len, pages)) == 8
        assert len({id for page in pages for id in page}) == 8

    def test_find_reads_to_the_end_in_batches(self, lab: Lab) -> None:
        """`find` gives every record once whatever the batch, and stops at the limit."""
        lab.named(*"abcdefg")
        for batch in (1, 3, 7, 100):
            query = lab.query("specimen", order="-name")
            found = [each["name"] for each in lab.storage.find(query, batch=batch)]
            assert found == list("gfedcba")
            limited = lab.query("specimen", order="name", limit=4)
            assert len(list(lab.storage.find(limited, batch=batch))) == 4

    def test_writing_inside_of_a_find_loop(self, lab: Lab) -> None:
        """A loop over `find` may write, even what it sorts by; nothing is locked between its batches."""
        lab.insert(*(Specimen(name=f"{n:02}", number=n) for n in range(12)))
        seen = []
        for record in lab.storage.find(lab.query("specimen", order="name"), batch=4):
            seen.append(record["name"])
            if record["number"] % 2:
                lab.delete(record)
            else:
                lab.update(record, number=-1)
        assert seen == [f"{n:02}" for n in range(12)]
        assert lab.count(where.number == -1) == lab.count() == 6

    def test_get_keeps_the_order_of_the_ids(self, lab: Lab) -> None:
        """`get` answers in the order asked, None for each id that is not there, repeated ids repeatedly."""
        a, b = lab.named("a", "b")
        found = lab.storage.get("specimen", [b.id, "no", a.id, b.id, ""])
        assert [each and each["name"] for each in found] == ["b", None, "a", "b", None]
        assert lab.storage.get("specimen", []) == []
        assert lab.storage.get("customer", [a.id]) == [None]
