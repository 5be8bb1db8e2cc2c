"""Columns for analytics: the same values as the records', read without making records."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crmkit.query import where
from crmkit.storage import Reads
from crmkit.testing.kinds import Colour, Specimen
from crmkit.values import Money

PATHS = [
    "id", "name", "flag", "price", "worth", "seen_at", "colour", "labels", "details", "created_at", "name",
    "custom.tier", "custom.value", "clinic.fee",
]  # fmt: skip


@pytest.fixture
def filled(lab):
    lab.insert(
        *(
            Specimen(
                name=f"a{number % 3}",
                flag=number % 2 == 0 if number % 5 else None,
                price=Decimal(number) / 4,
                worth=Money(number, "EUR") if number % 3 else None,
                seen_at=datetime(2026, 1, 1, microsecond=number, tzinfo=UTC)
                if number % 4
                else None,
                colour=Colour.GREEN,
                labels=("x",) * (number % 3),
                details={"n": number},
                added={"custom.tier": "gold", "custom.value": Money(1, "KRW")}
                if number % 2
                else {},
            )
            for number in range(23)
        )
    )
    return lab


@pytest.mark.parametrize(
    "order", [None, "name", "-worth", ("flag", "-seen_at"), "-customer_id.name"]
)
@pytest.mark.parametrize("limit", [None, 0, 1, 7, 23, 100])
def test_columns_are_those_of_the_records(filled, order, limit):
    query = filled.query("specimen", where.name != "a1", order=order, limit=limit)
    expected = list(Reads.columns(filled.storage, query, PATHS, batch=10_000))
    whole = list(filled.storage.columns(query, PATHS))
    assert whole == expected
    parts = list(filled.storage.columns(query, PATHS, batch=4))
    assert all(len(part[0]) <= 4 for part in parts)
    joined = [[value for part in parts for value in part[place]] for place in range(len(PATHS))]
    assert joined == (expected[0] if expected else [[] for _ in PATHS])


def test_columns_of_nothing_are_nothing(filled):
    query = filled.query("specimen", where.name == "none")
    assert list(filled.storage.columns(query, PATHS)) == []
    assert list(filled.storage.columns(filled.query("specimen"), [])) == []


def test_columns_obey_a_scope(filled):
    scope = filled.scope(specimen=where.name == "a2")
    (names,) = next(filled.storage.columns(filled.query("specimen"), ["name"], scope))
    assert set(names) == {"a2"}
