"""Totals: exact, summed by the database but for floats, which are summed here with one rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.errors import ValueRefused
from crmkit.query import Query, sort_key
from crmkit.resolve import check_totals
from crmkit.schema import Field
from crmkit.storage import Measure, Scope, Total
from crmkit.values import Money
from crmkit_sql.compile import Builder, Compiled, Element
from crmkit_sql.connections import Link
from crmkit_sql.layout import Book
from crmkit_sql.paging import loaded
from crmkit_sql.shapes import ScopeShape, Shape, scope_shape, shape

__all__ = ["totals"]


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
    link: Link,
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
    rows = link.rows(totalled.compiled.sql, totalled.compiled.bind(values))
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
    columns: list[Element] = [sa.func.count()]
    keys: list[Element] = []
    groups, measured = [], []
    for path in by:
        field, values = builder.value(builder.frame, path)
        groups.append(_Part(field, slice(len(columns), len(columns) + len(values))))
        columns += values
        keys += values
    split: list[Element] = []
    for measure in measures:
        field, values = builder.value(builder.frame, measure.path)
        parts = [*values[:-1], _measured(measure, field, values[-1])]
        measured.append(_Part(field, slice(len(columns), len(columns) + len(parts)), measure))
        columns += parts
        split += values[:-1]
    keys += split
    currencies = slice(len(columns), len(columns) + len(split))
    labelled = [each.label(f"o{n}") for n, each in enumerate([*columns, *split])]
    statement = builder.select(labelled)
    if keys:
        statement = statement.group_by(*keys)
    return _Totalled(builder.finish(statement), tuple(groups), tuple(measured), currencies)


def _measured(measure: Measure, field: Field, value: Element) -> Element:
    if measure.of == "sum":
        floats = field.type.name == "number"
        return (
            sa.func.array_agg(value).filter(value.is_not(sa.null()))
            if floats
            else sa.func.sum(value)
        )
    if field.type.name == "flag":
        return sa.func.bool_and(value) if measure.of == "min" else sa.func.bool_or(value)
    found: Element = sa.func.min(value) if measure.of == "min" else sa.func.max(value)
    return found


def _total(totalled: _Totalled, row: Sequence[Any]) -> Total:
    group = tuple(loaded(each.field, row[each.columns]) for each in totalled.groups)
    return Total(
        group, row[0], tuple(_result(each, row[each.columns]) for each in totalled.measures)
    )


def _result(part: _Part, values: Sequence[Any]) -> Any:
    assert part.measure is not None
    if values[-1] is None:
        return None
    if part.measure.of != "sum":
        return loaded(part.field, values)
    if part.field.type.name == "number":
        try:
            return math.fsum(values[-1])
        except OverflowError:
            raise ValueRefused(
                f"the sum of {part.measure.path} is too large for a number"
            ) from None
    if part.field.type.name == "decimal":
        return values[-1]
    whole = int(values[-1])
    return Money(whole, values[0]) if part.field.type.name == "money" else whole
