"""What is written comes back: every type, exact."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from crmkit.changes import Write
from crmkit.kinds import Customer
from crmkit.query import where
from crmkit.testing.contracts.base import Contract
from crmkit.testing.kinds import Colour, Slip, Specimen
from crmkit.testing.lab import Lab
from crmkit.values import INT64, Money

__all__ = ["Values"]


class Values(Contract):
    """Each type of field keeps its values."""

    def test_a_record_comes_back_as_it_was_written(self, lab: Lab) -> None:
        """A record with a value in every field, added ones too, comes back equal, each value of its type."""
        customer = lab.add(Customer(name="한빛전자", tags=("가", "b")))
        parent = lab.add(Specimen(name="parent"))
        written = lab.add(
            Specimen(
                name="all",
                notes="notes",
                labels=("one", "둘"),
                items=("text", 1, 2.5, True, None, {"a": [1]}, ["b"]),
                flag=False,
                number=-7,
                weight=0.1,
                price=Decimal("12.50"),
                seen_at=datetime(2026, 3, 1, 12, 30, 15, 999999, tzinfo=UTC),
                day=date(2024, 2, 29),
                colour=Colour.GREEN,
                grade=3,
                worth=Money(-1250, "EUR"),
                details={"a": {"b": [1, "2", None, False]}, "": 0.5},
                shelf="A",
                serial="S1",
                batch="B",
                place=0,
                customer_id=customer.id,
                parent_id=parent.id,
                added={
                    "clinic.chart": "17-b",
                    "clinic.fee": Money(1, "KRW"),
                    "custom.tier": "gold",
                    "custom.score": 5,
                    "custom.ratio": 0.5,
                    "custom.due": datetime(2026, 5, 1, 0, 0, 0, 1, tzinfo=UTC),
                    "custom.value": Money(100, "USD"),
                    "custom.vip": True,
                    "custom.hints": ("x", "y"),
                },
            )
        )
        back = lab.get(written)
        assert back == written
        for field in lab.schema["specimen"].fields:
            assert type(back[field]) is type(written[field]), field

    def test_a_record_of_nothing_comes_back_as_it_was_written(self, lab: Lab) -> None:
        """A record whose fields are all missing comes back with None in them, and empty tuples where it had them."""
        written = lab.add(Specimen())
        back = lab.get(written)
        assert back == written
        assert back.notes is None
        assert back.labels == ()
        assert back.details is None
        assert back.added == {}
        assert back.extra == {}

    def test_required_fields_of_every_type_come_back(self, lab: Lab) -> None:
        """Required fields keep their values too, and their empty ones: False, 0, "", an empty mapping."""
        specimen = lab.add(Specimen())
        empty = lab.add(Slip(specimen_id=specimen.id))
        full = lab.add(
            Slip(
                specimen_id=specimen.id,
                text="t",
                done=True,
                count=9,
                share=Decimal("0.3333"),
                rate=1e-9,
                at=datetime(1999, 12, 31, tzinfo=UTC),
                on=date(1, 1, 1),
                colour=Colour.BLUE,
                fee=Money(5, "JPY"),
                details={"k": []},
            )
        )
        assert lab.storage.get("slip", [full.id, empty.id]) == [full, empty]

    def test_text_is_kept_as_given(self, lab: Lab) -> None:
        """Text of any script, composed or not, with any white space, comes back code point for code point."""
        texts = [
            "",
            " ",
            "  both ends \t",
            "line\r\nline\nline\r",
            unicodedata.normalize("NFC", "한글 é"),
            unicodedata.normalize("NFD", "한글 é"),
            "👩‍👩‍👧 🇰🇷 👍🏽 \U0010ffff \ue000",
            "שלום عربى \u202eevil\u202c",
            "'\"`;--/*%_\\",
            "\x01\x1f\x7f\x85\ufeff\u2028",
            "ﬁ ẞ İ ſ",
        ]
        for text in texts:
            made = lab.add(Specimen(name=text, notes=text, labels=(text,), details={text: text}))
            back = lab.get(made)
            assert back == made
            assert [each.id for each in lab.find(where.notes == text)] == [made.id]

    def test_empty_text_is_not_missing(self, lab: Lab) -> None:
        """An empty text is a value: neither None nor the same as none."""
        lab.insert(Specimen(name="empty", notes=""), Specimen(name="missing"))
        assert lab.names(where.notes == "") == ["empty"]
        assert lab.names(where.notes == None) == ["missing"]  # noqa: E711

    def test_times_keep_microseconds(self, lab: Lab) -> None:
        """Times differ by a microsecond, come back so, and sort so."""
        start = datetime(2026, 3, 1, 9, 0, 0, 999998, tzinfo=UTC)
        for name, step in (("b", 1), ("a", 0), ("c", 2)):
            lab.add(Specimen(name=name, seen_at=start + timedelta(microseconds=step)))
        assert lab.names(order="seen_at") == ["a", "b", "c"]
        assert lab.names(where.seen_at == start + timedelta(microseconds=1)) == ["b"]
        assert [each.seen_at.microsecond for each in lab.find(order="seen_at")] == [
            999998,
            999999,
            0,
        ]

    def test_times_are_instants_in_utc(self, lab: Lab) -> None:
        """A time is the same in every zone, the repeated hour of a clock change too; it comes back in UTC."""
        seoul = datetime(2026, 11, 1, 14, 30, tzinfo=timezone(timedelta(hours=9)))
        before = datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=-4)))
        after = datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=-5)))
        lab.insert(Specimen(name="after", seen_at=after), Specimen(name="before", seen_at=seoul))
        assert lab.names(order="seen_at") == ["before", "after"]
        assert lab.names(where.seen_at == before) == ["before"]
        assert lab.names(where.seen_at > before) == ["after"]
        assert [each.seen_at.tzinfo for each in lab.find()] == [UTC, UTC]

    def test_times_and_dates_reach_from_year_1_to_9999(self, lab: Lab) -> None:
        """The first and the last time and day there are come back and sort."""
        first, last = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        lab.insert(
            Specimen(name="last", seen_at=last, day=date.max),
            Specimen(name="first", seen_at=first, day=date.min),
        )
        for order in ("seen_at", "day"):
            assert lab.names(order=order) == ["first", "last"]
        assert [(each.seen_at, each.day) for each in lab.find(order="day")] == [
            (first, date.min),
            (last, date.max),
        ]

    def test_whole_numbers_reach_64_bits(self, lab: Lab) -> None:
        """The largest whole numbers are exact, also where a float would have rounded them."""
        numbers = [-INT64, -(2**53) - 1, -1, 0, 2**53, 2**53 + 1, INT64]
        lab.insert(*(Specimen(name=str(each), number=each) for each in reversed(numbers)))
        assert [each.number for each in lab.find(order="number")] == numbers
        assert lab.names(where.number == 2**53 + 1) == [str(2**53 + 1)]
        assert lab.names(where.number > 2**53) == [str(INT64), str(2**53 + 1)]

    def test_floats_are_kept_to_the_bit(self, lab: Lab) -> None:
        """Floats come back as the very same number."""
        numbers = [-1.7976931348623157e308, -0.1, 0.0, 5e-324, 0.1, 0.1 + 0.2, 1e22]
        lab.insert(*(Specimen(weight=each) for each in reversed(numbers)))
        assert [each.weight for each in lab.find(order="weight")] == numbers
        assert lab.count(where.weight == 0.1 + 0.2) == 1

    def test_a_whole_float_stays_a_float(self, lab: Lab) -> None:
        """A float without a fraction comes back as a float, and equals the condition 1 as well as 1.0."""
        lab.add(Specimen(name="one", weight=1))
        assert [type(each.weight) for each in lab.find()] == [float]
        assert lab.names(where.weight == 1) == ["one"]

    def test_decimals_are_exact(self, lab: Lab) -> None:
        """Decimals are equal by value, sort as numbers and keep every digit, 19 of them."""
        prices = [Decimal(each) for each in ("-92233720368547758.07", "-0.01", "0", "9.99", "10")]
        prices += [Decimal("92233720368547758.06"), Decimal("92233720368547758.07")]
        lab.insert(*(Specimen(name=str(each), price=each) for each in reversed(prices)))
        assert [each.price for each in lab.find(order="price")] == prices
        assert lab.names(where.price == Decimal("10.00")) == ["10"]
        assert lab.names(where.price > Decimal("92233720368547758.06")) == ["92233720368547758.07"]
        assert lab.names(where.price < 0, order="-price") == ["-0.01", "-92233720368547758.07"]

    def test_collections_keep_what_is_in_them(self, lab: Lab) -> None:
        """Tuples and mappings keep nesting, types (1, 1.0, True, "1", None) and order; keys hold dots and quotes."""
        items: tuple[Any, ...] = (1, 1.0, True, "1", None, [], {}, [[{"a.b": "c'd"}]], INT64, 0.1)
        details = {"a.b": 1, "it's": {'say "x"': 1.0}, "$": True, "키": None, " ": ["1", 1]}
        made = lab.add(Specimen(items=items, details=details))
        back = lab.get(made)
        assert back is not None
        assert repr(back.items) == repr(items)
        assert repr(dict(back.details or {})) == repr(details)

    def test_an_empty_collection_is_not_missing(self, lab: Lab) -> None:
        """An empty mapping is a value, None is none."""
        lab.insert(Specimen(name="empty", details={}), Specimen(name="missing"))
        assert [each.details for each in lab.find()] == [{}, None]
        assert lab.names(where.details.present()) == ["empty"]

    def test_unknown_fields_come_back_word_for_word(self, lab: Lab) -> None:
        """What the kind does not declare (`extra`) is kept through insert and update, whatever the names."""
        extra = {
            "gone.field": {"a": [1, None]},
            "it's": "x",
            'say "y"': 1.5,
            "키": True,
            "plain": 0,
        }
        made = lab.add(Specimen(name="a", extra=extra))
        assert lab.get(made) == made
        changed = lab.update(made, name="b")
        back = lab.get(changed)
        assert back is not None
        assert back.extra == extra
        assert repr(back.extra["plain"]) == "0"

    def test_added_fields_can_be_taken_away(self, lab: Lab) -> None:
        """An added field that gets None is missing from then on."""
        made = lab.add(Specimen(added={"clinic.chart": "1", "custom.tier": "gold"}))
        lab.update(made, added={"custom.score": 1})
        back = lab.get(made)
        assert back is not None
        assert back.added == {"custom.score": 1}
        assert lab.count(where["custom.tier"].missing(), where["clinic.chart"].missing()) == 1

    def test_nobody_shares_what_is_stored(self, lab: Lab) -> None:
        """Changing a mapping inside of a record, written or read, changes nothing that is stored."""
        details, extra = {"a": [1]}, {"b": [1]}
        record = Specimen(details=details, extra=extra)
        stamp = lab.stamp()
        record = record.evolve(version=1, created_at=stamp.at, updated_at=stamp.at)
        with lab.storage.transaction() as tx:
            tx.insert("specimen", [Write("insert", record)], stamp)
        details["a"].append(2)
        extra["b"].append(2)
        read = lab.get(record)
        assert read is not None
        read.details["a"].append(3)  # type: ignore[index]
        read.extra["b"].append(3)
        back = lab.get(record)
        assert back is not None
        assert (back.details, back.extra) == ({"a": [1]}, {"b": [1]})

    def test_a_long_text_is_kept(self, lab: Lab) -> None:
        """A text of a million characters comes back, and is compared as a whole."""
        text = "가" * 999_999
        lab.insert(Specimen(name="a", notes=text + "a"), Specimen(name="b", notes=text + "b"))
        assert lab.names(where.notes == text + "b") == ["b"]
        assert [len(each.notes) for each in lab.find()] == [1_000_000, 1_000_000]
