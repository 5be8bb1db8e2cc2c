"""What conditions mean: the executable form of `crmkit.query.holds`."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from crmkit.errors import QueryError
from crmkit.kinds import Customer
from crmkit.query import AnyOf, any_of, linked, where
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Colour, Slip, Specimen
from crmkit.testing.lab import Lab
from crmkit.values import Money

__all__ = ["Conditions"]

NONE = None


class Conditions(Contract):
    """Conditions find what they should, and nothing else."""

    def test_missing_equals_none(self, lab: Lab) -> None:
        """`== None`, `in_` with None and `missing()` find records without the value; `present()` the others."""
        lab.insert(Specimen(name="a", number=0), Specimen(name="b"))
        for path in ("number", "custom.score", "clinic.chart"):
            expected = ["b"] if path == "number" else ["a", "b"]
            assert lab.names(where[path] == NONE) == expected
            assert lab.names(where[path].in_([NONE])) == expected
            assert lab.names(where[path].missing()) == expected
        assert lab.names(where.number.present()) == ["a"]
        assert lab.names(where.number.in_([0, NONE])) == ["a", "b"]
        assert lab.names(where.number != NONE) == ["a"]

    def test_ne_matches_missing(self, lab: Lab) -> None:
        """A missing value is not equal to any: `!=` finds its record, of added fields and behind references too."""
        customer = lab.add(Customer(name="c", owner="kim"))
        lab.insert(
            Specimen(name="a", number=1, customer_id=customer.id, added={"custom.score": 1}),
            Specimen(name="b", number=2, added={"custom.score": 2}),
            Specimen(name="c"),
        )
        assert lab.names(where.number != 1) == ["b", "c"]
        assert lab.names(where["custom.score"] != 1) == ["b", "c"]
        assert lab.names(where.customer_id.owner != "kim") == ["b", "c"]
        assert lab.names(where.worth != Money(1, "EUR")) == ["a", "b", "c"]

    def test_orderings_leave_missing_out(self, lab: Lab) -> None:
        """A missing value is neither smaller nor larger than any, and begins with and contains nothing."""
        lab.insert(Specimen(name="a", number=0, notes="x"), Specimen(name="b"))
        assert lab.names(any_of(where.number < 5, where.number >= 5)) == ["a"]
        assert lab.names(any_of(where.notes.prefix(""), where.notes.contains(""))) == ["a"]

    def test_the_four_orderings(self, lab: Lab) -> None:
        """`<`, `<=`, `>`, `>=` hold as in arithmetic, for numbers, times, days, flags, choices and text."""
        low = Specimen(
            name="low",
            number=9,
            weight=-1.5,
            price=Decimal("9.5"),
            day=date(2026, 9, 30),
            seen_at=datetime(2026, 9, 30, tzinfo=UTC),
            flag=False,
            colour=Colour.BLUE,
            grade=1,
            notes="Z",
            added={"custom.score": 9, "custom.due": datetime(2026, 9, 30, tzinfo=UTC)},
        )
        high = Specimen(
            name="high",
            number=10,
            weight=0.5,
            price=Decimal("10.25"),
            day=date(2026, 10, 1),
            seen_at=datetime(2026, 10, 1, tzinfo=UTC),
            flag=True,
            colour=Colour.GREEN,
            grade=2,
            notes="a",
            added={"custom.score": 10, "custom.due": datetime(2026, 10, 1, tzinfo=UTC)},
        )
        lab.insert(low, high)
        paths = "number weight price day seen_at flag colour grade notes custom.score custom.due"
        for path in paths.split():
            assert lab.names(where[path] < high[path]) == ["low"], path
            assert lab.names(where[path] <= low[path]) == ["low"], path
            assert lab.names(where[path] > low[path]) == ["high"], path
            assert lab.names(where[path] >= high[path]) == ["high"], path
            assert lab.names(where[path] <= high[path]) == ["low", "high"], path
            assert lab.names(where[path] < low[path]) == [], path

    def test_text_compares_by_code_point(self, lab: Lab) -> None:
        """Texts are ordered by code point, not by the rules of a language nor by UTF-16: 'Z' < 'a' < 'é' < '가'."""
        texts = ["", " ", "10", "9", "Z", "a", "a ", "aa", "z", "é", "가", "\ue000", "\uffff", "😀"]
        lab.insert(*(Specimen(name=each) for each in reversed(texts)))
        assert lab.names(order="name") == texts
        assert lab.names(where.name < "a", order="name") == texts[:5]
        assert lab.names(where.name > "\ue000", order="name") == ["\uffff", "😀"]

    def test_equality_is_exact(self, lab: Lab) -> None:
        """Text equals only itself: case, white space, accents and composition make a difference."""
        composed = unicodedata.normalize("NFC", "é한")
        apart = unicodedata.normalize("NFD", composed)
        lab.named("abc", "ABC", "abc ", composed, apart)
        for name in ("abc", "ABC", "abc ", composed, apart):
            assert lab.names(where.name == name) == [name]
            assert lab.names(where.name.in_([name])) == [name]
            assert lab.count(where.name != name) == 4

    def test_prefix_and_contains_are_literal(self, lab: Lab) -> None:
        """Beginnings and parts are compared as written: case counts, and no character is a wildcard."""
        names = ["abc", "Abc", "a%c", "a_c", "a*c", "a[b]c", "a\\c", "a?c", "é가", "x"]
        lab.named(*names)
        assert lab.names(where.name.prefix("a")) == [each for each in names if each[0] == "a"]
        assert lab.names(where.name.prefix("A")) == ["Abc"]
        for part in ("%", "_", "*", "[b]", "\\", "?"):
            whole = [each for each in names if part in each]
            assert lab.names(where.name.contains(part)) == whole
            assert lab.names(where.name.prefix("a" + part)) == whole
        assert lab.names(where.name.contains("B")) == []
        assert lab.names(where.name.contains("가")) == ["é가"]
        assert lab.count(where.name.prefix("")) == lab.count(where.name.contains("")) == 10

    def test_prefix_at_the_end_of_unicode(self, lab: Lab) -> None:
        """Beginnings that end in the last characters there are find theirs only."""
        lab.named("\U0010ffff", "\U0010ffffa", "\ud7ff", "\ud7ffz", "\ue000", "z")
        assert lab.names(where.name.prefix("\U0010ffff")) == ["\U0010ffff", "\U0010ffffa"]
        assert lab.names(where.name.prefix("\ud7ff")) == ["\ud7ff", "\ud7ffz"]

    def test_has_looks_for_a_member(self, lab: Lab) -> None:
        """`has` finds tuples with this very member, whole, not a part of one."""
        lab.insert(
            Specimen(name="a", labels=("vip", "it's"), added={"custom.hints": ("x", "y")}),
            Specimen(name="b", labels=("VIP", "vip2", 'a"b', "a,b")),
            Specimen(name="c", labels=("",)),
            Specimen(name="d"),
        )
        assert lab.names(where.labels.has("vip")) == ["a"]
        assert lab.names(where.labels.has("it's")) == ["a"]
        assert lab.names(where.labels.has('a"b')) == ["b"]
        assert lab.names(where.labels.has("a")) == []
        assert lab.names(where.labels.has("")) == ["c"]
        assert lab.names(where["custom.hints"].has("y")) == ["a"]
        assert lab.names(where.labels.has("vip"), where.labels.has("it's")) == ["a"]

    def test_true_is_not_one(self, lab: Lab) -> None:
        """Members are equal only within one type: True, 1, 1.0 and "1" are four things; so are False and 0."""
        members = (True, 1, 1.0, "1", False, 0, "True", "true")
        lab.insert(*(Specimen(name=repr(each), items=(each,)) for each in members))
        for each in members:
            assert lab.names(where["items"].has(each)) == [repr(each)]

    def test_members_inside_members_do_not_count(self, lab: Lab) -> None:
        """`has` does not look into lists and mappings inside of the tuple."""
        lab.insert(Specimen(items=(["x"], {"x": "x"}, None)))
        assert lab.names(where["items"].has("x")) == []

    def test_in_takes_none_and_many(self, lab: Lab) -> None:
        """`in_` of nothing finds nothing; of thousands, what is there."""
        made = lab.named(*"abc")
        assert lab.names(where.name.in_([])) == []
        many = [f"no {number}" for number in range(40_000)]
        assert lab.names(where.name.in_([*many, "b"])) == ["b"]
        assert lab.names(where.number.in_([*range(5_000), NONE])) == ["a", "b", "c"]
        assert [each and each.id for each in lab.storage.get("specimen", [*many, made[2].id])][
            -1
        ] == made[2].id

    def test_conditions_of_every_type_find_equals(self, lab: Lab) -> None:
        """`==`, `!=` and `in_` work on every type but tuples and mappings, added fields included."""
        values = {
            "flag": (True, False),
            "number": (1, 10),
            "weight": (0.5, 1.5),
            "price": (Decimal("1.10"), Decimal("1.11")),
            "seen_at": (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
            "day": (date(2026, 1, 1), date(2026, 1, 2)),
            "colour": (Colour.RED, Colour.BLUE),
            "grade": (1, 2),
            "worth": (Money(1, "EUR"), Money(1, "KRW")),
            "clinic.chart": ("1", "2"),
            "clinic.fee": (Money(1, "EUR"), Money(2, "EUR")),
            "custom.tier": ("a", "b"),
            "custom.score": (1, 2),
            "custom.ratio": (1.0, 1.5),
            "custom.due": (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
            "custom.value": (Money(1, "EUR"), Money(1, "KRW")),
            "custom.vip": (True, False),
        }
        for name, place in (("one", 0), ("two", 1)):
            record = Specimen(name=name)
            for path, pair in values.items():
                record = record.set(path, pair[place])
            lab.add(record)
        lab.named("none")
        for path, (one, _) in values.items():
            assert lab.names(where[path] == one) == ["one"], path
            assert lab.names(where[path] != one) == ["two", "none"], path
            assert lab.names(where[path].in_([one])) == ["one"], path
            assert lab.names(where[path].in_([one, NONE])) == ["one", "none"], path
            assert lab.names(where[path].present()) == ["one", "two"], path

    def test_money_compares_within_a_currency(self, lab: Lab) -> None:
        """An ordering of money leaves other currencies out; of added fields too."""
        pairs = [("e1", "EUR", 100), ("e2", "EUR", 900), ("k", "KRW", 500), ("u", "USD", 0)]
        for name, currency, minor in pairs:
            money = Money(minor, currency)
            lab.add(
                Specimen(name=name, worth=money, added={"clinic.fee": money, "custom.value": money})
            )
        for path in ("worth", "clinic.fee", "custom.value"):
            assert lab.names(where[path] >= Money(100, "EUR")) == ["e1", "e2"]
            assert lab.names(where[path] < Money(900, "EUR")) == ["e1"]
            assert lab.names(where[path] <= Money(500, "KRW")) == ["k"]
            assert lab.names(where[path] == Money(100, "USD")) == []

    def test_all_conditions_must_hold(self, lab: Lab) -> None:
        """A query finds what fulfils every condition; without any, everything; `any_of` nothing, nothing."""
        lab.insert(Specimen(name="a", number=1), Specimen(name="b", number=1), Specimen(name="c"))
        assert lab.names(where.number == 1, where.name != "a") == ["b"]
        assert lab.names() == ["a", "b", "c"]
        assert lab.names(AnyOf(())) == []

    def test_any_of_needs_one(self, lab: Lab) -> None:
        """`any_of` finds what fulfils at least one of its conditions, once; others still apply."""
        lab.insert(Specimen(name="a", number=1, flag=True), Specimen(name="b", number=2))
        lab.insert(Specimen(name="c", number=3, flag=True))
        either = any_of(where.number == 1, where.flag == True, where.name == "b")  # noqa: E712
        assert lab.names(either) == ["a", "b", "c"]
        assert lab.names(either, where.number > 1) == ["b", "c"]

    def test_conditions_on_what_every_record_has(self, lab: Lab) -> None:
        """`id`, `version`, `created_at` and `updated_at` are fields like others."""
        one, two = lab.named("one", "two")
        three = lab.add(Specimen(name="three"))
        lab.update(two, number=1)
        assert lab.names(where.id == one.id) == ["one"]
        assert lab.names(where.version > 1) == ["two"]
        assert lab.names(where.created_at == three.created_at) == ["three"]
        assert lab.names(where.updated_at > three.created_at) == ["two"]

    def test_a_path_follows_a_reference(self, lab: Lab) -> None:
        """`reference.field` is the field of the record referred to, added ones too; missing where it leads nowhere."""
        kim, lee = lab.insert(Customer(name="kim", owner="a"), Customer(name="lee"))
        top = lab.add(Specimen(name="top", customer_id=kim.id, added={"clinic.chart": "7"}))
        lab.insert(
            Specimen(name="x", customer_id=kim.id, parent_id=top.id),
            Specimen(name="y", customer_id=lee.id),
        )
        assert lab.names(where.customer_id.name == "kim") == ["top", "x"]
        assert lab.names(where.customer_id.owner == NONE) == ["y"]
        assert lab.names(where.parent_id.name.missing()) == ["top", "y"]
        assert lab.names(where["parent_id.clinic.chart"] == "7") == ["x"]
        assert lab.names(where.parent_id.customer_id == kim.id) == ["x"]
        assert lab.names(where.customer_id.id == lee.id) == ["y"]
        assert lab.names(
            any_of(where.customer_id.name == "lee", where.parent_id.name == "top")
        ) == [
            "x",
            "y",
        ]

    def test_linked_needs_a_record_that_refers_here(self, lab: Lab) -> None:
        """`linked` finds records that one single record refers to which fulfils all of its conditions."""
        a, b, _ = lab.named("a", "b", "c")
        lab.insert(
            Slip(specimen_id=a.id, text="x", count=1),
            Slip(specimen_id=a.id, text="y", count=2),
            Slip(specimen_id=b.id, text="x", count=2),
        )
        assert lab.names(linked(Slip, "specimen_id")) == ["a", "b"]
        assert lab.names(linked(Slip, "specimen_id", where.text == "x", where.count == 2)) == ["b"]
        assert lab.names(
            linked(Slip, "specimen_id", where.count == 1),
            linked(Slip, "specimen_id", where.count == 2),
        ) == ["a"]
        assert lab.names(
            any_of(linked(Slip, "specimen_id", where.count == 1), where.name == "c")
        ) == [
            "a",
            "c",
        ]
        either = any_of(where.text == "y", where.count == 9)
        assert lab.names(linked(Slip, "specimen_id", either)) == ["a"]

    def test_linked_conditions_may_follow_references(self, lab: Lab) -> None:
        """Inside of `linked`, paths start at the linked record, and may lead on; `linked` may hold another."""
        kim, lee = lab.insert(Customer(name="kim"), Customer(name="lee"))
        a = lab.add(Specimen(name="a", customer_id=kim.id))
        b = lab.add(Specimen(name="b", customer_id=lee.id, parent_id=a.id))
        lab.add(Slip(specimen_id=b.id, text="s"))
        assert lab.names(linked(Specimen, "parent_id", where.customer_id.name == "lee")) == ["a"]
        assert lab.names(linked(Specimen, "parent_id", linked(Slip, "specimen_id"))) == ["a"]
        found = lab.find(
            linked(Specimen, "customer_id", where.parent_id.name == "a"), kind="customer"
        )
        assert [each.name for each in found] == ["lee"]

    def test_count_is_of_all_that_fulfil(self, lab: Lab) -> None:
        """`count` does not care for order, limit or cursor."""
        lab.named(*"abcde")
        page = lab.page(limit=2)
        query = lab.query("specimen", where.name > "a", order="-name", limit=1)
        assert lab.storage.count(query) == 4
        assert lab.storage.count(lab.query("specimen", limit=1, after=page.after)) == 5

    def test_columns_are_the_values_of_find(self, lab: Lab) -> None:
        """`columns` gives the same values as `find`, column by column, in batches, in order."""
        lab.insert(*(Specimen(name=f"{n:02}", number=n or None) for n in range(25)))
        query = lab.query("specimen", where.name < "22", order="-name")
        batches = list(lab.storage.columns(query, ["name", "number", "custom.tier"], batch=10))
        assert all(len(batch) == 3 and len(batch[0]) <= 10 for batch in batches)
        assert [n for batch in batches for n in batch[1]] == [*range(21, 0, -1), NONE]
        assert {t for batch in batches for t in batch[2]} == {NONE}

    def test_a_kind_that_is_not_there_is_refused(self, lab: Lab) -> None:
        """Reading an unknown kind is a `QueryError`, not an empty answer."""
        with pytest.raises(QueryError):
            lab.storage.get("specimem", ["1"])
