"""Queries become SQL: once for each shape, whatever the values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from crmkit.query import Order
from crmkit.schema import Field, Kind, Path
from crmkit_sqlite.layout import Book, expressions, quoted
from crmkit_sqlite.shapes import Binder, ScopeShape, Shape, binder, bound

__all__ = ["Builder", "Compiled", "Frame", "Place"]

_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


@attrs.define
class Frame:
    """One occurrence of a kind's table in a statement.

    `joins` are the tables that references lead to, by reference; None where a path is to be a subquery, since
    nothing can be joined there.
    """

    kind: Kind
    alias: str
    scoped: bool
    joins: dict[str, tuple[str, str]] | None = attrs.field(factory=dict)

    def source(self) -> str:
        """What stands behind FROM."""
        joined = [sql for _, sql in (self.joins or {}).values()]
        return " ".join([f"{quoted(self.kind.name)} AS {self.alias}", *joined])


@attrs.frozen
class Place:
    """One expression that a statement sorts by: may it be missing, and the parameter of the cursor's value."""

    sql: str
    descending: bool
    nullable: bool
    parameter: str | None = None


@attrs.frozen
class Compiled:
    """A statement, what turns values into the builder's parameters, and which of those its `?` stand for."""

    sql: str
    binders: tuple[tuple[Binder, int], ...]
    order: tuple[int, ...]

    def bind(self, values: Sequence[Any]) -> list[Any]:
        """The parameters for these values."""
        numbered = bound(values, self.binders)
        return [numbered[place] for place in self.order]


class Builder:
    """Builds one statement from shapes.

    Parameters are numbered, so that one may stand in several places: those of the conditions first, then those of
    the scope, then what `take` adds.
    """

    def __init__(self, book: Book, kind: str, shapes: Sequence[Shape], scope: ScopeShape) -> None:
        self.book = book
        self.schema = book.schema
        self.frame = Frame(self.schema[kind], "r", bool(scope))
        self.binders: list[tuple[Binder, int]] = []
        self._last = 0
        self._aliases = 0
        self._shapes = shapes
        self._scope = dict(scope)
        self._own = self._reserve(self.frame.kind, shapes)
        self._scoped = {name: self._reserve(self.schema[name], each) for name, each in scope}

    # Parameters ------------------------------------------------------------------------------------------------

    def take(self, made: tuple[Binder, int] = (None, 1)) -> int:
        """The number of the next value's first parameter."""
        self.binders.append(made)
        first = self._last + 1
        self._last += made[1]
        return first

    def _reserve(self, kind: Kind, shapes: Sequence[Shape]) -> list[int]:
        """Parameters for the values of these shapes, in the order in which `shape` appended them."""
        numbers: list[int] = []
        for each in shapes:
            if each[0] == "any":
                numbers += self._reserve(kind, each[1])
            elif each[0] == "linked":
                numbers += self._reserve(self.schema[each[1]], each[3])
            elif self._has_value(each):
                field = self.schema.locate(kind, each[1]).field
                numbers.append(self.take(binder(field, each[2])))
        return numbers

    @staticmethod
    def _has_value(shape: Shape) -> bool:
        return shape[2] in {"in", "has"} or (shape[2] != "present" and shape[3] is None)

    def finish(self, sql: str) -> Compiled:
        """The statement with what its parameters need, each `?3` made a `?`: Python takes numbers for names."""
        order = tuple(int(number) - 1 for number in re.findall(r"\?(\d+)", sql))
        return Compiled(re.sub(r"\?\d+", "?", sql), tuple(self.binders), order)

    # Conditions ------------------------------------------------------------------------------------------------

    def where(self) -> list[str]:
        """The query's own conditions and the scope's."""
        own = self.conditions(self.frame, self._shapes, iter(self._own))
        return [*own, *self.visible(self.frame)]

    def visible(self, frame: Frame) -> list[str]:
        """The scope's conditions on a frame."""
        shapes = self._scope.get(frame.kind.name, ()) if frame.scoped else ()
        if not shapes:
            return []
        numbers = iter(self._scoped[frame.kind.name])
        return self.conditions(Frame(frame.kind, frame.alias, False, None), shapes, numbers)

    def conditions(
        self, frame: Frame, shapes: Sequence[Shape], numbers: Iterator[int]
    ) -> list[str]:
        """Each condition in SQL."""
        return [self._condition(frame, each, numbers) for each in shapes]

    def _condition(self, frame: Frame, shape: Shape, numbers: Iterator[int]) -> str:
        if shape[0] == "any":
            return f"({' OR '.join(self.conditions(frame, shape[1], numbers)) or '0'})"
        if shape[0] == "linked":
            return self._linked(frame, shape, numbers)
        _, path, op, mark = shape
        field, values = self.value(frame, path)
        number = next(numbers) if self._has_value(shape) else 0
        return _compared(field, values, op, mark, number)

    def _linked(self, frame: Frame, shape: Shape, numbers: Iterator[int]) -> str:
        _, name, reference, shapes = shape
        inner = Frame(self.schema[name], self._alias(), frame.scoped)
        column = expressions(inner.kind.field(reference), inner.alias)[0]
        tests = [f"{column} = {frame.alias}.id"]
        tests += self.conditions(inner, shapes, numbers)
        tests += self.visible(inner)
        return f"EXISTS (SELECT 1 FROM {inner.source()} WHERE {' AND '.join(tests)})"

    def _alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    # Paths -----------------------------------------------------------------------------------------------------

    def value(self, frame: Frame, path: str) -> tuple[Field, tuple[str, ...]]:
        """The field that a path leads to, and its value in SQL."""
        found = self.schema.locate(frame.kind, path)
        if found.reference is None or found.target is None:
            return found.field, expressions(found.field, frame.alias)
        if frame.joins is None:
            return found.field, self._subqueries(frame, found)
        if found.reference.name not in frame.joins:
            inner = Frame(found.target, self._alias(), frame.scoped, None)
            column = expressions(found.reference, frame.alias)[0]
            tests = " AND ".join([f"{inner.alias}.id = {column}", *self.visible(inner)])
            sql = f"LEFT JOIN {quoted(found.target.name)} AS {inner.alias} ON {tests}"
            frame.joins[found.reference.name] = (inner.alias, sql)
        return found.field, expressions(found.field, frame.joins[found.reference.name][0])

    def _subqueries(self, frame: Frame, path: Path) -> tuple[str, ...]:
        assert path.reference is not None
        assert path.target is not None
        alias, column = self._alias(), expressions(path.reference, frame.alias)[0]
        source = f"{quoted(path.target.name)} AS {alias} WHERE {alias}.id = {column}"
        return tuple(f"(SELECT {each} FROM {source})" for each in expressions(path.field, alias))

    def places(self, orders: Sequence[Order], cursor: Sequence[bool] | None) -> list[Place]:
        """What the statement sorts by; `cursor` says which of its values are there (not None), if there is one."""
        found: list[Place] = []
        for number, order in enumerate(orders):
            field, values = self.value(self.frame, order.path)
            hop = self.schema.locate(self.frame.kind, order.path).reference is not None
            nullable = hop or field.added or not field.required
            first = 0
            if cursor is not None and cursor[number]:
                first = self.take(binder(field, "eq"))
            found += [
                Place(sql, order.descending, nullable, f"?{first + offset}" if first else None)
                for offset, sql in enumerate(values)
            ]
        return found


def _compared(field: Field, values: tuple[str, ...], op: str, mark: Any, number: int) -> str:
    last, parameter = values[-1], f"?{number}"
    if op == "present":
        return f"{last} IS {'NOT ' if mark else ''}NULL"
    if op in {"eq", "ne"} and mark:
        return f"{last} IS {'NOT ' if op == 'ne' else ''}NULL"
    if op == "in":
        return _among(values, parameter, mark)
    if op == "prefix":
        return f"({last} >= {parameter} AND {last} < ?{number + 1})"
    if op == "contains":
        return f"instr({last}, {parameter}) > 0"
    if op == "has":
        return f"EXISTS (SELECT 1 FROM json_each({last}) WHERE type = '{mark or 'text'}' AND value = {parameter})"
    if len(values) == 1:
        sign = {"eq": "=", "ne": "IS NOT"}.get(op) or _SIGNS[op]
        return f"{last} {sign} {parameter}"
    return _money(values, op, number)


def _money(values: tuple[str, ...], op: str, number: int) -> str:
    currency, minor = f"{values[0]} = ?{number}", f"{values[1]} {{}} ?{number + 1}"
    if op == "ne":
        return f"({values[0]} IS NOT ?{number} OR {minor.format('IS NOT')})"
    return f"({currency} AND {minor.format('=' if op == 'eq' else _SIGNS[op])})"


def _among(values: tuple[str, ...], parameter: str, with_missing: bool) -> str:
    source = f"json_each({parameter})"
    if len(values) == 1:
        found = f"{values[0]} IN (SELECT value FROM {source})"
    else:
        tests = [f"json_extract(value, '$[{n}]') = {each}" for n, each in enumerate(values)]
        found = f"EXISTS (SELECT 1 FROM {source} WHERE {' AND '.join(tests)})"
    return f"({found} OR {values[-1]} IS NULL)" if with_missing else found
