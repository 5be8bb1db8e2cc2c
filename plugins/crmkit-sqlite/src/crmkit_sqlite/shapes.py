"""Conditions taken apart into their shape, which is compiled once, and their values, which are bound each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from crmkit.query import AnyOf, Condition, Linked, Where
from crmkit.schema import Field
from crmkit.storage import Scope
from crmkit_sqlite.layout import adapters, dumped_json

__all__ = ["Binder", "ScopeShape", "Shape", "binder", "bound", "scope_shape", "shape"]

Shape: TypeAlias = tuple[Any, ...]
"""A condition without its values: `("where", path, op, mark)`, `("any", shapes)`, `("linked", kind, field, shapes)`.

The mark is what of the value changes the SQL: whether it is None, whether None is among many, the type of a member.
"""

ScopeShape: TypeAlias = tuple[tuple[str, tuple[Shape, ...]], ...]

Binder: TypeAlias = Callable[[Any], Any] | None
"""What turns a value into what is bound: None if it is bound as it is."""

_MARKS = {bool: "flag", int: "integer", float: "real"}


def shape(condition: Condition, values: list[Any]) -> Shape:
    """The shape of a condition; its values are appended in the order in which they are bound."""
    if isinstance(condition, Where):
        op, value = condition.op, condition.value
        mark: Any = None
        if op == "in" and isinstance(value, tuple) and len(value) == 1 and None not in value:
            op, value = "eq", value[0]  # no list is made of one
        if op == "present":
            mark = value
        elif op == "in":
            assert isinstance(value, tuple)
            mark = any(each is None for each in value)
            values.append(value)
        elif op == "has" and not isinstance(value, str):
            mark = str(value).lower() if isinstance(value, bool) else _MARKS[type(value)]
            values.append(value)
        elif value is None:
            mark = True
        else:
            values.append(value)
        return ("where", condition.path, op, mark)
    if isinstance(condition, AnyOf):
        return ("any", tuple([shape(each, values) for each in condition.conditions]))
    assert isinstance(condition, Linked)
    inner = tuple([shape(each, values) for each in condition.conditions])
    return ("linked", condition.kind, condition.field, inner)


def scope_shape(scope: Scope, values: list[Any]) -> ScopeShape:
    """The shape of a scope, kind by kind."""
    return tuple(
        [
            (kind, tuple([shape(each, values) for each in scope[kind]]))
            for kind in sorted(scope)
            if scope[kind]
        ]
    )


def _dump(field: Field) -> Callable[[Any], Any]:
    if field.type.name == "money":
        return lambda value: [value.currency, value.minor]
    if field.type.name == "flag":
        return int
    dump = adapters(field.type)[1]
    return dump if dump is not None else lambda value: value


def _many(field: Field) -> Callable[[Iterable[Any]], str]:
    dump = _dump(field)
    return lambda values: dumped_json([dump(each) for each in values if each is not None])


def _behind(start: str) -> str | bytes:
    """The least text behind all that begin so; bytes, which sort behind every text, if there is none."""
    for place in range(len(start) - 1, -1, -1):
        point = ord(start[place])
        if point < 0x10FFFF:
            # Surrogates are no text.
            following = 0xE000 if point == 0xD7FF else point + 1
            return start[:place] + chr(following)
    return b""


def binder(field: Field, op: str) -> tuple[Binder, int]:
    """What turns a value compared by `op` with a field into parameters, and how many these are."""
    if op == "in":
        return _many(field), 1
    if op == "prefix":
        return lambda start: (start, _behind(start)), 2
    if op in {"has", "contains"}:
        return None, 1
    if field.type.name == "money":
        return lambda value: (value.currency, value.minor), 2
    return adapters(field.type)[1], 1


def bound(values: Sequence[Any], binders: Sequence[tuple[Binder, int]]) -> list[Any]:
    """The parameters of a statement."""
    parameters: list[Any] = []
    for value, (dump, width) in zip(values, binders, strict=False):
        if dump is None:
            parameters.append(value)
        elif width == 1:
            parameters.append(dump(value))
        else:
            parameters.extend(dump(value))
    return parameters
