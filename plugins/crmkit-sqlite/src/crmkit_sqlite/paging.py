"""Pages: whole records or some columns of them, by keyset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.query import Query
from crmkit.records import Record
from crmkit.resolve import directions, make_cursor, read_cursor
from crmkit.schema import BASE, Field
from crmkit.storage import Scope
from crmkit_sqlite.compile import Builder, Compiled
from crmkit_sqlite.keyset import ordering, segments
from crmkit_sqlite.layout import Book, adapters, loaded, typed
from crmkit_sqlite.shapes import ScopeShape, Shape, scope_shape, shape

__all__ = ["Paged", "paged"]

_Part = tuple[Field, slice]
"""A field, and where in a row the columns of its value are."""


@attrs.frozen
class Paged:
    """How to read pages of one shape.

    `statements` are one for each stretch behind the cursor. `width` is how many columns the records take; behind
    those come the order's values that are not in the record itself, `orders`. `picks` are the columns asked for in
    place of records; then every order is among `orders`, and the id comes last.
    """

    statements: tuple[Compiled, ...]
    width: int
    orders: Mapping[str, _Part]
    picks: tuple[_Part, ...] = ()

    def cursor(self, book: Book, query: Query, row: Sequence[Any], record: Record | None) -> str:
        """The cursor behind a row."""
        kind, values = book.tables[query.kind].kind, []
        for order in query.order:
            part = self.orders.get(order.path)
            if part is not None:
                values.append(loaded(part[0], row[part[1]]))
            else:
                assert record is not None
                values.append(typed(kind, record, order.path))
        return make_cursor(book.schema, query, values, row[0] if record else row[-1])

    def columns(self, book: Book, kind: str, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """The values of `picks`, as records hold them."""
        opaque, found = book.tables[kind].kind.opaque, []
        for field, place in self.picks:
            values = _column(field, place, rows)
            if opaque and field.name not in BASE:
                values = [None if each is None else field.type.dump(each) for each in values]
            found.append(values)
        return found


def _column(field: Field, place: slice, rows: Sequence[Sequence[Any]]) -> list[Any]:
    if field.type.name == "money":
        return [loaded(field, row[place]) for row in rows]
    load, start = adapters(field.type)[0], place.start
    if load is None:
        return [row[start] for row in rows]
    return [None if row[start] is None else load(row[start]) for row in rows]


def paged(
    book: Book, query: Query, scope: Scope, paths: tuple[str, ...] = ()
) -> tuple[Paged, list[Any]]:
    """How to read the pages of a query, and the values to bind; `limit` is to be appended."""
    values: list[Any] = []
    shapes = tuple([shape(each, values) for each in query.conditions])
    scoped = scope_shape(scope, values) if scope else ()
    cursor = None
    if query.after is not None:
        there, id = read_cursor(book.schema, query)
        cursor = (*[each is not None for each in there], True)
        values += [*[each for each in there if each is not None], id]
    key = ("page", query.kind, shapes, query.order, cursor, scoped, paths)
    found: Paged = book.cache.get(key) or book.compiled(
        key, lambda: _compile(book, query, shapes, cursor, scoped, paths)
    )
    return found, values


def _compile(
    book: Book,
    query: Query,
    shapes: Sequence[Shape],
    cursor: tuple[bool, ...] | None,
    scope: ScopeShape,
    paths: tuple[str, ...],
) -> Paged:
    table = book.table(query.kind)
    builder = Builder(book, query.kind, shapes, scope)
    places = builder.places(directions(query), cursor)
    tests, limit = builder.where(), builder.take()
    columns = [] if paths else [table.select()]
    width = 0 if paths else len(table.columns)
    parts: dict[str, _Part] = {}
    orders = [
        order.path
        for order in query.order
        if paths or book.schema.locate(table.kind, order.path).reference is not None
    ]
    for path in (*paths, *orders):
        field, found = builder.value(builder.frame, path)
        columns += found
        parts[path] = (field, slice(width, width + len(found)))
        width += len(found)
    columns += ["r.id"] if paths else []
    made = []
    for stretch in segments(places) if cursor else [""]:
        conditions = " AND ".join([*tests, *([stretch] if stretch else [])]) or "1"
        sql = f"SELECT {', '.join(columns)} FROM {builder.frame.source()} WHERE {conditions} "
        made.append(builder.finish(f"{sql}ORDER BY {ordering(places)} LIMIT ?{limit}"))
    return Paged(
        tuple(made),
        0 if paths else len(table.columns),
        {path: parts[path] for path in orders},
        tuple(parts[path] for path in paths),
    )
