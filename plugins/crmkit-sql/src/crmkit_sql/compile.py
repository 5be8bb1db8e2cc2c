"""Queries become SQL through SQLAlchemy's expressions: once for each shape, whatever the values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg as driver

from crmkit.query import Order
from crmkit.schema import Field, Kind, Path
from crmkit_sql.layout import SEQ, Book, sql_type
from crmkit_sql.names import TEXT
from crmkit_sql.shapes import Binder, ScopeShape, Shape, binder

__all__ = [
    "Builder",
    "Compiled",
    "Element",
    "Frame",
    "Place",
    "expressions",
    "is_nullable",
    "newest_first",
    "parameter",
]

Element: TypeAlias = sa.ColumnElement[Any]

_DIALECT = driver.dialect(paramstyle="format")  # type: ignore[no-untyped-call]


@attrs.define
class Frame:
    """One occurrence of a kind's table in a statement.

    `joins` are the tables that references lead to, by reference; None where a path is to be a subquery, since
    nothing can be joined there.
    """

    kind: Kind
    table: Any
    scoped: bool
    joins: dict[str, tuple[Any, Element]] | None = attrs.field(factory=dict)

    def source(self) -> Any:
        """What stands behind FROM."""
        found = self.table
        for table, condition in (self.joins or {}).values():
            found = found.outerjoin(table, condition)
        return found


@attrs.frozen
class Place:
    """One expression that a statement sorts by: may it be missing, and what the cursor has for it, if anything."""

    value: Element
    descending: bool
    nullable: bool
    cursor: Element | None = None


@attrs.frozen
class Compiled:
    """A statement, what turns values into numbered parameters, and which of those its `%s` stand for."""

    sql: str
    binders: tuple[tuple[Binder, int], ...]
    order: tuple[int, ...]

    def bind(self, values: Sequence[Any]) -> list[Any]:
        """The parameters for these values."""
        numbered: list[Any] = []
        for value, (dump, _) in zip(values, self.binders, strict=True):
            if dump is None:
                numbered.append(value)
            else:
                numbered.extend(dump(value))
        return [numbered[place] for place in self.order]


class Builder:
    """Builds one statement from shapes.

    Parameters are numbered, so that one may stand in several places: those of the conditions first, then those of
    the scope, then what `take` adds.
    """

    def __init__(self, book: Book, kind: str, shapes: Sequence[Shape], scope: ScopeShape) -> None:
        self.book = book
        self.schema = book.schema
        self.binders: list[tuple[Binder, int]] = []
        self._last = 0
        self._aliases = 0
        self._shapes = shapes
        self._scope = dict(scope)
        self.frame = Frame(self.schema[kind], book.table(kind).table.alias("r"), bool(scope))
        self._own = self._reserve(self.frame.kind, shapes)
        self._scoped = {name: self._reserve(self.schema[name], each) for name, each in scope}

    # Parameters ------------------------------------------------------------------------------------------------

    def take(self, dump: Binder = None, width: int = 1) -> int:
        """The number of the next value's first parameter."""
        self.binders.append((dump, width))
        first = self._last
        self._last += width
        return first

    def _reserve(self, kind: Kind, shapes: Sequence[Shape]) -> list[int]:
        """Parameters for the values of these shapes, in the order in which `shape` appended them."""
        numbers: list[int] = []
        for each in shapes:
            if each[0] == "any":
                numbers += self._reserve(kind, each[1])
            elif each[0] == "linked":
                numbers += self._reserve(self.schema[each[1]], each[3])
            elif _has_value(each):
                field = self.schema.locate(kind, each[1]).field
                numbers.append(self.take(*binder(field, each[2], each[3])))
        return numbers

    def finish(self, statement: Any) -> Compiled:
        """The statement as the driver takes it."""
        compiled = statement.compile(dialect=_DIALECT)
        order = tuple(int(name[1:]) for name in compiled.positiontup)
        return Compiled(str(compiled), tuple(self.binders), order)

    # Conditions ------------------------------------------------------------------------------------------------

    def where(self) -> list[Element]:
        """The query's own conditions and the scope's."""
        own = self.conditions(self.frame, self._shapes, iter(self._own))
        return [*own, *self.visible(self.frame)]

    def select(self, columns: Sequence[Element], *tests: Element) -> Any:
        """These columns of the records that the query and the scope take, and for which these tests hold."""
        # Conditions before tables: a path in a condition joins the table that it leads to.
        conditions = self.where()
        return sa.select(*columns).select_from(self.frame.source()).where(*tests, *conditions)

    def visible(self, frame: Frame) -> list[Element]:
        """The scope's conditions on a frame."""
        shapes = self._scope.get(frame.kind.name, ()) if frame.scoped else ()
        if not shapes:
            return []
        numbers = iter(self._scoped[frame.kind.name])
        return self.conditions(Frame(frame.kind, frame.table, False, None), shapes, numbers)

    def conditions(
        self, frame: Frame, shapes: Sequence[Shape], numbers: Iterator[int]
    ) -> list[Element]:
        """Each condition in SQL."""
        return [self._condition(frame, each, numbers) for each in shapes]

    def _condition(self, frame: Frame, shape: Shape, numbers: Iterator[int]) -> Element:
        if shape[0] == "any":
            return sa.or_(sa.false(), *self.conditions(frame, shape[1], numbers))
        if shape[0] == "linked":
            return self._linked(frame, shape, numbers)
        _, path, op, mark = shape
        field, values = self.value(frame, path)
        number = next(numbers) if _has_value(shape) else 0
        return _compared(field, values, op, mark, number)

    def _linked(self, frame: Frame, shape: Shape, numbers: Iterator[int]) -> Element:
        _, name, reference, shapes = shape
        inner = Frame(self.schema[name], self._alias(name), frame.scoped)
        tests = [expressions(inner.kind.field(reference), inner.table)[0] == frame.table.c.id]
        tests += self.conditions(inner, shapes, numbers)
        tests += self.visible(inner)
        source: Any = sa.select(sa.literal_column("1")).select_from(inner.source()).where(*tests)
        found: Element = source.correlate(frame.table).exists()
        return found

    def _alias(self, kind: str) -> Any:
        self._aliases += 1
        return self.book.table(kind).table.alias(f"t{self._aliases}")

    # Paths -----------------------------------------------------------------------------------------------------

    def value(self, frame: Frame, path: str) -> tuple[Field, tuple[Element, ...]]:
        """The field that a path leads to, and its value in SQL."""
        found = self.schema.locate(frame.kind, path)
        if found.reference is None or found.target is None:
            return found.field, expressions(found.field, frame.table)
        if frame.joins is None:
            return found.field, self._subqueries(frame, found)
        if found.reference.name not in frame.joins:
            inner = Frame(found.target, self._alias(found.target.name), frame.scoped, None)
            column = expressions(found.reference, frame.table)[0]
            tests = sa.and_(inner.table.c.id == column, *self.visible(inner))
            frame.joins[found.reference.name] = (inner.table, tests)
        return found.field, expressions(found.field, frame.joins[found.reference.name][0])

    def _subqueries(self, frame: Frame, path: Path) -> tuple[Element, ...]:
        assert path.reference is not None
        assert path.target is not None
        table = self._alias(path.target.name)
        test = table.c.id == expressions(path.reference, frame.table)[0]
        return tuple(
            sa.select(each).where(test).correlate(frame.table).scalar_subquery()
            for each in expressions(path.field, table)
        )

    def places(self, orders: Sequence[Order], cursor: Sequence[bool] | None) -> list[Place]:
        """What the statement sorts by; `cursor` says which of its values are there (not None), if there is one."""
        found: list[Place] = []
        for number, order in enumerate(orders):
            field, values = self.value(self.frame, order.path)
            hop = self.schema.locate(self.frame.kind, order.path).reference is not None
            nullable = hop or is_nullable(self.frame.kind, field)
            marks: list[Element | None] = [None] * len(values)
            if cursor is not None and cursor[number]:
                first = self.take(*binder(field, "eq", None))
                marks = [parameter(first + n, each) for n, each in enumerate(values)]
            found += [
                Place(value, order.descending, nullable, mark)
                for value, mark in zip(values, marks, strict=True)
            ]
        return found


def is_nullable(kind: Kind, field: Field) -> bool:
    """Whether a field may be missing in a record of a kind."""
    return kind.opaque or field.added or not field.required


def _has_value(shape: Shape) -> bool:
    return shape[2] in {"in", "has", "prefix", "contains"} or (
        shape[2] != "present" and shape[3] is None
    )


# Values --------------------------------------------------------------------------------------------------------

_CASTS = {"whole": sa.BigInteger(), "number": sa.Double(), "flag": sa.Boolean()}


def expressions(field: Field, table: Any) -> tuple[Element, ...]:
    """The value of a field in SQL: two for money, (currency, minor units), in the order that it sorts by."""
    money = field.type.name == "money"
    if not field.custom:
        column = table.c[field.column]
        return (table.c[f"{field.column}__currency"], column) if money else (column,)
    # The path is literal, so that an index on the same expression is used.
    rest: Any = table.c.rest
    path: Element = sa.literal_column(f"'{field.name}'")
    if money:
        value = rest.op("->", return_type=sa.JSON())(path)
        currency = value.op("->>", return_type=TEXT)(sa.literal_column("'currency'"))
        minor = value.op("->>", return_type=TEXT)(sa.literal_column("'minor'"))
        return currency.collate("C"), sa.cast(minor, sa.BigInteger())
    if field.type.name in {"items", "object"}:
        return (rest.op("->", return_type=sa.JSON())(path),)
    text = rest.op("->>", return_type=TEXT)(path)
    # Times and dates stay text, which sorts as they do: casting it would depend on the session.
    wanted = _CASTS.get(field.type.name) or sql_type(field.type)
    if isinstance(wanted, sa.BigInteger | sa.Double | sa.Boolean | sa.Numeric):
        return (sa.cast(text, wanted),)
    return (text.collate("C"),)


def parameter(number: int, like: Element | sa.types.TypeEngine[Any]) -> Element:
    """The parameter of a number, of the type of an expression."""
    type_ = like.type if isinstance(like, sa.ColumnElement) else like
    if isinstance(type_, sa.Text | sa.String):
        type_ = sa.Text()
    return sa.bindparam(f"p{number}", type_=type_)


def _compared(
    field: Field, values: tuple[Element, ...], op: str, mark: Any, number: int
) -> Element:
    last = values[-1]
    if op == "present":
        return last.is_not(sa.null()) if mark else last.is_(sa.null())
    if op in {"eq", "ne"} and mark:
        return last.is_not(sa.null()) if op == "ne" else last.is_(sa.null())
    if op == "in":
        return _among(values, mark, number)
    if op == "prefix":
        start = last >= parameter(number, last)
        return start if mark else sa.and_(start, last < parameter(number + 1, last))
    if op == "contains":
        return sa.func.strpos(last, parameter(number, last)) > sa.literal_column("0")
    if op == "has":
        return _has(last, number)
    if len(values) == 2:
        return _money(values, op, number)
    return _sign(op, last, parameter(number, last))


def _sign(op: str, value: Element, other: Element) -> Element:
    signs: dict[str, Element] = {
        "eq": value == other,
        "ne": value.is_distinct_from(other),
        "lt": value < other,
        "le": value <= other,
        "gt": value > other,
        "ge": value >= other,
    }
    return signs[op]


def _money(values: tuple[Element, ...], op: str, number: int) -> Element:
    currency, minor = (parameter(number + n, each) for n, each in enumerate(values))
    if op == "ne":
        tests = values[0].is_distinct_from(currency), values[1].is_distinct_from(minor)
        return sa.or_(*tests)
    return sa.and_(values[0] == currency, _sign(op, values[1], minor))


def _among(values: tuple[Element, ...], with_missing: bool, number: int) -> Element:
    lists = [
        parameter(number + n, sa.ARRAY(sa.Text() if each.type is TEXT else each.type))
        for n, each in enumerate(values)
    ]
    if len(values) == 1:
        found: Element = values[0] == sa.any_(lists[0])
    else:
        pairs = sa.func.unnest(*lists).table_valued("currency", "minor").render_derived()
        found = sa.tuple_(*values).in_(sa.select(pairs.c.currency, pairs.c.minor))
    return sa.or_(found, values[-1].is_(sa.null())) if with_missing else found


def _has(items: Element, number: int) -> Element:
    members = sa.func.json_array_elements(items).table_valued("value")
    text = sa.cast(members.c.value, sa.Text())
    test = text == parameter(number, sa.Text())
    return sa.select(sa.literal_column("1")).select_from(members).where(test).exists()


def newest_first(frame: Frame) -> Element:
    """The order in which search shows records."""
    found: Element = frame.table.c[SEQ].desc()
    return found
