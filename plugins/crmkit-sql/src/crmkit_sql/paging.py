"""Pages: whole records or some columns of them, by keyset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.query import Query
from crmkit.records import Record
from crmkit.resolve import directions, make_cursor, read_cursor
from crmkit.schema import BASE, Field
from crmkit.storage import Scope
from crmkit_sql.compile import Builder, Compiled, Element
from crmkit_sql.keyset import ordering, segments
from crmkit_sql.layout import Book, adapters, typed
from crmkit_sql.shapes import ScopeShape, Shape, scope_shape, shape

__all__ = ["Paged", "loaded", "paged"]

_Part = tuple[Field, slice]
"""A field, and where in a row the columns of its value are."""


def loaded(field: Field, values: Sequence[Any]) -> Any:
    """The value of a field from the columns of its expressions."""
    if values[-1] is None:
        return None
    if field.type.name == "money":
        return field.type.load({"minor": values[1], "currency": values[0]})
    if field.custom and field.type.as_text and isinstance(values[0], str):
        return field.type.load(values[0])
    load = adapters(field.type)[0]
    return values[0] if load is None else load(values[0])


@attrs.frozen
class Paged:
    """How to read pages of one shape.

    `compiled` gives one row for each record: first, where the page is read in several stretches behind a cursor,
    the number of its stretch. `width` is how many columns the records take; behind those come the order's values
    that are not in the record itself, `orders`. `picks` are the columns asked for in place of records; then every
    order is among `orders`, and the id comes last.
    """

    compiled: Compiled
    stretched: bool
    width: int
    orders: Mapping[str, _Part]
    picks: tuple[_Part, ...] = ()

    def in_order(self, rows: list[Any], limit: int | None) -> list[Any]:
        """The rows of a statement, those of the first stretch first, at most one more than the limit."""
        if self.stretched:
            rows.sort(key=lambda row: row[0])
            rows = [row[1:] for row in rows]
        return rows if limit is None else rows[: limit + 1]

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
            values = [loaded(field, row[place]) for row in rows]
            if opaque and field.name not in BASE:
                values = [None if each is None else field.type.dump(each) for each in values]
            found.append(values)
        return found


def paged(
    book: Book, query: Query, scope: Scope, paths: tuple[str, ...] = ()
) -> tuple[Paged, list[Any]]:
    """How to read the pages of a query, and the values to bind."""
    values: list[Any] = []
    shapes = tuple([shape(each, values) for each in query.conditions])
    scoped = scope_shape(scope, values) if scope else ()
    cursor = None
    if query.after is not None:
        there, id = read_cursor(book.schema, query)
        cursor = (*[each is not None for each in there], True)
        values += [*[each for each in there if each is not None], id]
    key = ("page", query.kind, shapes, query.order, cursor, scoped, paths, query.limit)
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
    tests = builder.where()
    columns: list[Element] = [] if paths else [builder.frame.table.c[n] for n in table.columns]
    parts: dict[str, _Part] = {}
    orders = [
        order.path
        for order in query.order
        if paths or book.schema.locate(table.kind, order.path).reference is not None
    ]
    for path in (*paths, *orders):
        field, found = builder.value(builder.frame, path)
        parts[path] = (field, slice(len(columns), len(columns) + len(found)))
        columns += found
    columns += [builder.frame.table.c.id] if paths else []
    stretches = segments(places) if cursor else [sa.true()]

    def stretch(number: int, condition: Element) -> Any:
        marked = [sa.literal_column(str(number)), *columns] if len(stretches) != 1 else columns
        labelled = [each.label(f"o{n}") for n, each in enumerate(marked)]
        made = sa.select(*labelled).select_from(builder.frame.source()).where(*tests, condition)
        made = made.order_by(*ordering(places))
        # The number is part of the statement: the planner is to know it.
        return made if query.limit is None else made.limit(sa.literal_column(str(query.limit + 1)))

    made = [stretch(number, each) for number, each in enumerate(stretches)]
    whole = made[0]
    if len(made) > 1:
        parts_: list[Any] = [each.subquery().select() for each in made]
        whole = sa.union_all(*parts_)
    return Paged(
        builder.finish(whole),
        len(made) > 1,
        0 if paths else len(table.columns),
        {path: parts[path] for path in orders},
        tuple(parts[path] for path in paths),
    )
