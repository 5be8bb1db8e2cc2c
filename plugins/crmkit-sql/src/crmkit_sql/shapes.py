"""Conditions taken apart into their shape, which is compiled once, and their values, which are bound each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from crmkit.query import AnyOf, Condition, Linked, Where
from crmkit.schema import Field
from crmkit.storage import Scope
from crmkit_sql.layout import adapters

__all__ = ["Binder", "ScopeShape", "Shape", "behind", "binder", "scope_shape", "shape"]

Shape: TypeAlias = tuple[Any, ...]
"""A condition without its values: `("where", path, op, mark)`, `("any", shapes)`, `("linked", kind, field, shapes)`.

The mark is what of the value changes the SQL: whether it is None, whether None is among many, whether anything
sorts behind a prefix.
"""

ScopeShape: TypeAlias = tuple[tuple[str, tuple[Shape, ...]], ...]

Binder: TypeAlias = Callable[[Any], tuple[Any, ...]] | None
"""What turns a value into what is bound for it; None if it is bound as it is."""

_OPEN = chr(0x10FFFF)


def shape(condition: Condition, values: list[Any]) -> Shape:
    """The shape of a condition; its values are appended in the order in which they are bound."""
    if isinstance(condition, AnyOf):
        return ("any", tuple([shape(each, values) for each in condition.conditions]))
    if isinstance(condition, Linked):
        inner = tuple([shape(each, values) for each in condition.conditions])
        return ("linked", condition.kind, condition.field, inner)
    assert isinstance(condition, Where)
    op, value = condition.op, condition.value
    mark: Any = None
    if op == "in" and isinstance(value, tuple) and len(value) == 1 and None not in value:
        op, value = "eq", value[0]  # no list is made of one
    if op == "present":
        mark = value
    elif value is None:
        mark = True
    else:
        if op == "in":
            mark = any(each is None for each in value)  # type: ignore[attr-defined]
        elif op == "prefix":
            mark = str(value).strip(_OPEN) == ""
        values.append(value)
    return ("where", condition.path, op, mark)


def scope_shape(scope: Scope, values: list[Any]) -> ScopeShape:
    """The shape of a scope, kind by kind."""
    return tuple(
        [
            (kind, tuple([shape(each, values) for each in scope[kind]]))
            for kind in sorted(scope)
            if scope[kind]
        ]
    )


def behind(start: str) -> str:
    """The least text behind all that begin so; there is one, unless it is made of the last character only."""
    for place in range(len(start) - 1, -1, -1):
        point = ord(start[place])
        if point < 0x10FFFF:
            # Surrogates are no text.
            return start[:place] + chr(0xE000 if point == 0xD7FF else point + 1)
    return start


def _dump(field: Field) -> Callable[[Any], Any]:
    """What a value becomes to be compared with a field: as its column has it, or as JSON has it for a custom one."""
    if field.custom and field.type.as_text and field.type.name != "decimal":
        return field.type.dump
    return adapters(field.type)[1] or (lambda value: value)


def binder(field: Field, op: str, mark: Any) -> tuple[Binder, int]:
    """What turns a value compared by `op` with a field into what is bound, and how many values these are."""
    money, dump = field.type.name == "money", _dump(field)
    if op == "prefix":
        return (None, 1) if mark else (lambda start: (start, behind(start)), 2)
    if op == "has":
        return lambda member: (json.dumps(member, ensure_ascii=False),), 1
    if op == "contains":
        return None, 1
    if op == "in" and money:
        return _monies, 2
    if op == "in":
        return lambda values: ([dump(each) for each in values if each is not None],), 1
    if money:
        return lambda value: (value.currency, value.minor), 2
    return lambda value: (dump(value),), 1


def _monies(values: Sequence[Any]) -> tuple[list[str], list[int]]:
    present = [each for each in values if each is not None]
    return [each.currency for each in present], [each.minor for each in present]
