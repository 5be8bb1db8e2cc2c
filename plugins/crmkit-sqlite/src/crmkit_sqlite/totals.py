"""Totals: exact, whatever the database's own arithmetic does beyond 64 bits or with floats."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from typing import Any

import attrs

from crmkit.errors import ValueRefused
from crmkit.query import Query, sort_key
from crmkit.resolve import check_totals
from crmkit.schema import Field
from crmkit.storage import Measure, Scope, Total
from crmkit.types import Scaled
from crmkit.values import Money
from crmkit_sqlite.compile import Builder, Compiled
from crmkit_sqlite.layout import Book, loaded
from crmkit_sqlite.shapes import ScopeShape, Shape, scope_shape, shape

__all__ = ["FloatSum", "totals"]


class FloatSum:
    """The aggregate `crm_fsum`: a sum of floats with one rounding, as text."""

    def __init__(self) -> None:
        self._values: list[float] = []

    def step(self, value: Any, /) -> None:
        """One more value."""
        if value is not None:
            self._values.append(value)

    def finalize(self) -> Any:
        """The sum; text if it is too large for a number."""
        if not self._values:
            return None
        try:
            return math.fsum(self._values)
        except OverflowError:
            return "overflow"


@attrs.frozen
class _Part:
    """Some columns of a row, and whose value they are."""

    field: Field
    columns: slice
    measure: Measure | None = None


@attrs.frozen
class _Totalled:
    """A compiled total: the statement, the groups, the measures, and the currencies that split the groups."""

    compiled: Compiled
    groups: tuple[_Part, ...]
    measures: tuple[_Part, ...]
    currencies: slice


def totals(
    book: Book,
    connection: sqlite3.Connection,
    query: Query,
    by: tuple[str, ...],
    measures: tuple[Measure, ...],
    scope: Scope,
) -> list[Total]:
    """Counts and measures in groups sorted by `by`, then by the currencies of the measures."""
    values: list[Any] = []
    shapes = tuple([shape(each, values) for each in query.conditions])
    scoped = scope_shape(scope, values)
    key = ("totals", query.kind, shapes, by, measures, scoped)

    def make() -> _Totalled:
        check_totals(book.schema, query, by, measures)
        return _compile(book, query.kind, shapes, by, measures, scoped)

    totalled: _Totalled = book.compiled(key, make)
    rows = connection.execute(totalled.compiled.sql, totalled.compiled.bind(values)).fetchall()
    if not by:
        rows = [row for row in rows if row[0]]
    found = [(_total(totalled, row), row[totalled.currencies]) for row in rows]
    found.sort(key=lambda each: [*map(sort_key, each[0].group), *map(sort_key, each[1])])
    return [total for total, _ in found]


def _compile(
    book: Book,
    kind: str,
    shapes: tuple[Shape, ...],
    by: tuple[str, ...],
    measures: tuple[Measure, ...],
    scope: ScopeShape,
) -> _Totalled:
    builder = Builder(book, kind, shapes, scope)
    columns, keys = ["count(*)"], list[str]()
    groups, measured = [], []
    for path in by:
        field, values = builder.value(builder.frame, path)
        groups.append(_Part(field, slice(len(columns), len(columns) + len(values))))
        columns += values
        keys += values
    split: list[str] = []
    for measure in measures:
        field, values = builder.value(builder.frame, measure.path)
        parts = [*values[:-1], *_measured(measure, field, values[-1])]
        split += values[:-1]
        measured.append(_Part(field, slice(len(columns), len(columns) + len(parts)), measure))
        columns += parts
    keys += split
    currencies = slice(len(columns), len(columns) + len(split))
    where = " AND ".join(builder.where()) or "1"
    grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
    sql = f"SELECT {', '.join([*columns, *split])} FROM {builder.frame.source()} WHERE {where}{grouped}"
    return _Totalled(builder.finish(sql), tuple(groups), tuple(measured), currencies)


def _measured(measure: Measure, field: Field, value: str) -> list[str]:
    if measure.of != "sum":
        return [f"{measure.of}({value})"]
    if field.type.name == "number":
        return [f"crm_fsum({value})"]
    # Two halves that cannot overflow, put together in Python.
    return [f"sum({value} >> 32)", f"sum({value} & 4294967295)"]


def _total(totalled: _Totalled, row: Sequence[Any]) -> Total:
    group = tuple([loaded(each.field, row[each.columns]) for each in totalled.groups])
    measured = tuple([_result(each, row[each.columns]) for each in totalled.measures])
    return Total(group, row[0], measured)


def _result(part: _Part, values: Sequence[Any]) -> Any:
    assert part.measure is not None
    if values[-1] is None:
        return None
    if part.measure.of != "sum":
        return loaded(part.field, values)
    if part.field.type.name == "number":
        if isinstance(values[0], str):
            raise ValueRefused(f"the sum of {part.measure.path} is too large for a number")
        return values[0]
    whole = (values[-2] << 32) + values[-1]
    if isinstance(part.field.type, Scaled):
        return part.field.type.unscaled(whole)
    return Money(whole, values[0]) if part.field.type.name == "money" else whole
