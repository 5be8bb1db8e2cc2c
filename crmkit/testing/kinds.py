"""Kinds to test with: between them they have a field of every type, and every option."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from crmkit.declarations import custom_field, read_kind
from crmkit.kinds import CORE_KINDS, Customer, CustomField
from crmkit.records import FieldOptions, Record, field, kind
from crmkit.schema import Field, Schema
from crmkit.types import MoneyType, Text
from crmkit.values import Money

__all__ = ["Colour", "Slip", "Specimen", "zoo", "zoo_fields"]


class Colour(Enum):
    """Declared in another order than its values sort in."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"


@kind(
    "specimen",
    timeline="seen_at",
    title="name",
    indexes=(("shelf", "number"),),
    unique=(("serial",), ("batch", "place")),
)
class Specimen(Record):
    """A field of every type, all of which may be missing but the name and two tuples."""

    name: str = field(default="", search=True, personal=True, index=True)
    notes: str | None = field(default=None, search=True, personal=True)
    labels: tuple[str, ...] = field(default=(), search=True)
    items: tuple[Any, ...] = field(default=())
    flag: bool | None = None
    number: int | None = field(default=None, index=True)
    weight: float | None = None
    price: Decimal | None = field(default=None, scale=2)
    seen_at: datetime | None = None
    day: date | None = None
    colour: Colour | None = None
    grade: Literal[1, 2, 3] | None = None
    worth: Money | None = field(default=None, index=True, personal=True)
    details: Mapping[str, Any] | None = None
    shelf: str | None = None
    serial: str | None = None
    batch: str | None = None
    place: int | None = None
    customer_id: str | None = field(default=None, refers_to=Customer, on_delete="clear")
    parent_id: str | None = field(default=None, refers_to="specimen")


@kind("slip", title="text", schema=1)
class Slip(Record):
    """What is pinned to a specimen: a required reference, and required fields of every type."""

    specimen_id: str = field(refers_to=Specimen, on_delete="cascade")
    text: str = field(default="", search=True, personal=True)
    done: bool = False
    count: int = 0
    share: Decimal = field(default=Decimal("0.0000"), scale=4)
    rate: float = 0.0
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    on: date = date(2026, 1, 1)
    colour: Colour = Colour.RED
    fee: Money = Money(0, "EUR")
    details: Mapping[str, Any] = field(factory=dict)


def zoo_fields() -> list[Field]:
    """The fields that a plugin (`clinic.`) and people (`custom.`) added to specimens."""
    defined = [
        CustomField(on="specimen", name="tier"),
        CustomField(on="specimen", name="score", type="whole"),
        CustomField(on="specimen", name="ratio", type="number"),
        CustomField(on="specimen", name="due", type="datetime"),
        CustomField(on="specimen", name="value", type="money"),
        CustomField(on="specimen", name="vip", type="flag"),
        CustomField(on="specimen", name="hints", type="items"),
        CustomField(on="specimen", name="remark", search=True),
    ]
    return [
        Field("clinic.chart", Text(), options=FieldOptions(index=True), owner="clinic"),
        Field("clinic.story", Text(), options=FieldOptions(search=True), owner="clinic"),
        Field("clinic.fee", MoneyType(), owner="clinic"),
        *map(custom_field, defined),
    ]


def zoo(*, added: bool = True) -> Schema:
    """The schema of these kinds and the core's; without the added fields if `added` is false."""
    specimen = read_kind(Specimen, "zoo", zoo_fields() if added else ())
    return Schema.of([*map(read_kind, CORE_KINDS), specimen, read_kind(Slip, "zoo")])
