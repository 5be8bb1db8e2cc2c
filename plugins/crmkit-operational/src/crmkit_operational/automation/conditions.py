"""Conditions in plain form, as rules keep them: the algebra of queries, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crmkit import AnyOf, Kind, Linked, QueryError, Schema, ValueRefused, Where
from crmkit.query import Condition
from crmkit.resolve import resolve_conditions
from crmkit_operational.words import _

__all__ = ["from_plain", "to_plain"]


def to_plain(schema: Schema, kind: Kind, condition: Condition) -> dict[str, Any]:
    """A condition on records of a kind as JSON. Raises `QueryError` if it does not fit the kind."""
    [resolved] = resolve_conditions(schema, kind, [condition])
    return _plain(schema, kind, resolved)


def _plain(schema: Schema, kind: Kind, condition: Condition) -> dict[str, Any]:
    if isinstance(condition, AnyOf):
        return {"any": [_plain(schema, kind, each) for each in condition.conditions]}
    if isinstance(condition, Linked):
        other = schema[condition.kind]
        inner = [_plain(schema, other, each) for each in condition.conditions]
        return {"linked": f"{condition.kind}.{condition.field}", "conditions": inner}
    type_ = schema.locate(kind, condition.path).field.type
    return {
        "path": condition.path,
        "op": condition.op,
        "value": _each(condition, type_.dump),
    }


def _each(condition: Where, convert: Any) -> Any:
    """The value of a condition, or each of its values, converted unless it is no value of the field's type."""
    value: Any = condition.value
    if condition.op in {"present", "has", "prefix", "contains"}:
        return value
    if condition.op == "in":
        return [None if each is None else convert(each) for each in value]
    return None if value is None else convert(value)


def from_plain(schema: Schema, kind: Kind, plain: Iterable[Any]) -> tuple[Condition, ...]:
    """The conditions on records of a kind that were kept. Raises `QueryError` for what is none, or does not fit it."""
    return resolve_conditions(schema, kind, [_condition(schema, kind, each) for each in plain])


def _condition(schema: Schema, kind: Kind, plain: Any) -> Any:
    match plain:
        case {"any": [*inner]}:
            return AnyOf(tuple(_condition(schema, kind, each) for each in inner))
        case {"linked": str(place), "conditions": [*inner]}:
            name, _dot, field = place.partition(".")
            other = schema[name]
            return Linked(name, field, tuple(_condition(schema, other, each) for each in inner))
        case {"path": str(path), "op": str(), "value": _value}:
            return _where(schema, kind, path, plain)
    text = _("{condition} is not a condition; it has path, op and value, or any, or linked")
    raise QueryError(text.format(condition=repr(plain)[:80]))


def _where(schema: Schema, kind: Kind, path: str, plain: Mapping[str, Any]) -> Where:
    type_ = schema.locate(kind, path).field.type
    raw = Where(path, plain["op"], plain["value"])
    if raw.op == "in" and not isinstance(raw.value, list):
        return raw
    try:
        return Where(path, raw.op, _each(raw, type_.load))
    except ValueRefused as error:
        raise QueryError(f"{kind.name}.{path} {error}") from None
