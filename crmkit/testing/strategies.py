"""Hypothesis strategies: records, conditions, orders and queries over the kinds of a schema.

Values are few, so that records meet, and awkward, so that backends differ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import strategies as st

from crmkit.query import AnyOf, Condition, Linked, Order, Query, Where
from crmkit.records import Record
from crmkit.schema import BASE, Kind, Schema
from crmkit.storage import Measure, Scope
from crmkit.types import Choice, FieldType, Scaled
from crmkit.values import INT64, Money

__all__ = [
    "IDS",
    "SEARCHES",
    "TEXTS",
    "conditions",
    "field_values",
    "measures",
    "orders",
    "queries",
    "record_values",
    "records",
    "scopes",
    "values_of",
]

IDS = ("a", "b", "c", "d", "e")
"""The ids of all records: few, so that they are inserted again and referred to."""

_E = "é word"
TEXTS = (
    *(
        "",
        "a",
        "A",
        "Z",
        "b ",
        "가",
        "나",
        "한빛",
        "한빛전자",
        "빛전",
        "word one",
        "two words",
        "WORD",
    ),
    *(
        unicodedata.normalize("NFC", _E),
        unicodedata.normalize("NFD", _E),
        "a%b",
        "a_b",
        "it's",
        "😀",
    ),
    *("\uffff", "\U0010ffff", "환불은 불"),
)
"""Texts that sort, compare and are searched differently where a backend does it its own way."""

SEARCHES = (
    *(
        "word",
        "wor",
        "WORD on",
        "words two",
        "한빛",
        "빛",
        "빛전",
        "전자",
        "한빛 빛",
        "é",
        "e",
        "a",
        "b",
    ),
    *("불", "환불", "불은", "😀", "it's", "", "...", "가 나", "word 한빛"),
)
"""What is searched for."""

_MOMENTS = tuple(
    datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(microseconds=each)
    for each in (-1, 0, 1, 999_999, 1_000_000)
)
_MONEY = tuple(
    Money(minor, currency) for minor in (-1, 0, 7, INT64) for currency in ("EUR", "KRW", "USD")
)
_MEMBERS: st.SearchStrategy[Any] = st.sampled_from(
    ["a", "A", "", "한빛", "word one", True, False, 0, 1, 1.0, 0.5, "1", "true"]
)
_SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(TEXTS),
    "reference": st.sampled_from(IDS),
    "flag": st.booleans(),
    "whole": st.sampled_from([-INT64, -10, -1, 0, 1, 2, 9, 10, 2**53 + 1, INT64]),
    "number": st.sampled_from([-10.5, -0.1, 0.0, 0.1, 0.1 + 0.2, 1.0, 9.0, 10.0, 1e16, 5e-324]),
    "datetime": st.sampled_from(_MOMENTS),
    "date": st.sampled_from([date(2026, 2, 28), date(2026, 3, 1), date(2026, 12, 31), date.min]),
    "money": st.sampled_from(_MONEY),
    "items": st.lists(_MEMBERS, max_size=3).map(tuple),
    "object": st.dictionaries(st.sampled_from(["a", "a.b", "it's", '"']), _MEMBERS, max_size=2),
}


@cache
def values_of(type_: FieldType) -> st.SearchStrategy[Any]:
    """Values that a field of this type holds."""
    if isinstance(type_, Choice):
        return st.sampled_from(type_.values).map(type_.accept)
    if isinstance(type_, Scaled):
        steps = [-(10**type_.scale), -1, 0, 1, 990, 1000, INT64]
        return st.sampled_from([Decimal(each).scaleb(-type_.scale) for each in steps])
    return _SIMPLE[type_.name]


@cache
def _maybe(choice: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), choice, choice)


@cache
def _several(choice: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(choice, max_size=most).map(tuple)


@cache
def _one(names: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from(names)


@cache
def _some(names: tuple[Any, ...], most: int, unique: bool = False) -> st.SearchStrategy[list[Any]]:
    return st.lists(_one(names), unique=unique, max_size=most)


@cache
def _words(kind: Kind, name: str) -> st.SearchStrategy[Any]:
    field = kind.field(name)
    if field.type.name == "items" and field.options.search:
        return st.lists(st.sampled_from(TEXTS), max_size=3).map(tuple)
    return values_of(field.type)


@st.composite
def record_values(draw: st.DrawFn, kind: Kind, most: int = 6) -> dict[str, Any]:
    """Values for some of the fields of a kind, None among them where a field may be missing."""
    names = draw(_some(tuple(sorted(kind.fields)), most, unique=True))
    made = {}
    for name in names:
        field = kind.fields[name]
        choice = _words(kind, name)
        made[name] = draw(choice if field.required else _maybe(choice))
    return made


@st.composite
def records(draw: st.DrawFn, kind: Kind, extra: bool = True) -> Record:
    """New records of a kind, each with a few values set."""
    values = draw(record_values(kind)) | {"id": draw(st.sampled_from(IDS))}
    for name, field in kind.fields.items():
        if field.required and field.type.name == "reference":
            values.setdefault(name, draw(values_of(field.type)))
    own = {name: each for name, each in values.items() if "." not in name}
    added = {name: each for name, each in values.items() if "." in name and each is not None}
    rest: dict[str, Any] = draw(st.sampled_from([{}, {}, {"x": [1, "a"]}, {"it's.x": 1, "y": 1.5}]))
    kept = rest if extra else {}
    required = {
        name: draw(values_of(field.type))
        for name, field in kind.fields.items()
        if field.required and name not in own and field.default.__class__.__name__ == "_Nothing"
    }
    return kind.cls(added=added, extra=kept, **required, **own)


@cache
def _paths(schema: Schema, kind: Kind, op: str | None = None) -> tuple[str, ...]:
    """Paths of a kind, its base fields and those behind references too, to fields that know an operator."""
    paths = [*kind.fields, *BASE]
    for field in kind.references:
        target = schema[str(field.refers_to)]
        paths += [f"{field.name}.{each}" for each in (*target.fields, "id")]
    known = ((path, schema.locate(kind, path).field.type.ops) for path in paths)
    return tuple(sorted(path for path, ops in known if op is None or op in ops))


@st.composite
def field_values(draw: st.DrawFn, schema: Schema, kind: Kind) -> Where:
    """Conditions on one path, of any operator."""
    path = draw(_one(_paths(schema, kind)))
    type_ = schema.locate(kind, path).field.type
    op = draw(_one(tuple(sorted(type_.ops))))
    single = values_of(type_)
    value: Any = draw(
        st.booleans()
        if op == "present"
        else _MEMBERS
        if op == "has"
        else _one(TEXTS)
        if op in {"prefix", "contains"}
        else _several(_maybe(single))
        if op == "in"
        else _maybe(single)
        if op in {"eq", "ne"}
        else single
    )
    return Where(path, op, value)


@st.composite
def conditions(draw: st.DrawFn, schema: Schema, kind: Kind, depth: int = 2) -> Condition:
    """Conditions of any sort."""
    referring = [(k.name, f.name) for k, f in schema.referring(kind.name)]
    shape = draw(_one(("where",) * 5 + ("any", "linked") * (depth > 0)))
    if shape == "any":
        return AnyOf(draw(_several(_conditions(schema, kind, 0))))
    if shape == "linked" and referring:
        name, field = draw(_one(tuple(referring)))
        return Linked(name, field, draw(_several(_conditions(schema, schema[name], depth - 1), 2)))
    return draw(field_values(schema, kind))


_conditions = cache(conditions)


@st.composite
def orders(draw: st.DrawFn, schema: Schema, kind: Kind) -> tuple[Order, ...]:
    """Up to three orders."""
    paths = draw(_some(_paths(schema, kind, "lt"), 3))
    return tuple(Order(path, draw(st.booleans())) for path in paths)


@st.composite
def queries(draw: st.DrawFn, schema: Schema, kinds: Sequence[str]) -> Query:
    """Queries of one of these kinds, not resolved."""
    kind = schema[draw(_one(tuple(kinds)))]
    found = draw(_several(_conditions(schema, kind)))
    limit = draw(_one((None, None, 0, 1, 2, 4)))
    return Query(kind.name, found, draw(orders(schema, kind)), limit)


@st.composite
def scopes(draw: st.DrawFn, schema: Schema, kinds: Sequence[str]) -> Scope:
    """What a reader may see: nothing said, or a condition or two for some kinds."""
    if draw(st.booleans()):
        return {}
    named = draw(_some(tuple(kinds), 2, unique=True))
    return {name: draw(_several(_conditions(schema, schema[name]), 2)) for name in named}


@st.composite
def measures(draw: st.DrawFn, schema: Schema, kind: Kind) -> tuple[list[str], list[Measure]]:
    """What to group by and what to total."""
    paths = _paths(schema, kind, "lt")
    by = draw(_some(paths, 2))
    made = []
    for path in draw(_some(paths, 2)):
        numeric = schema.locate(kind, path).field.type.name in {
            "whole",
            "number",
            "decimal",
            "money",
        }
        made.append(Measure(draw(_one(("min", "max", *("sum",) * numeric))), path))
    return by, made
