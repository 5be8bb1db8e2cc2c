"""Queries meet their kinds: paths are checked, values get their fields' types, cursors are written and read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from crmkit.errors import QueryError, ValueRefused
from crmkit.query import AnyOf, Condition, Linked, Order, Query, Where, value_at
from crmkit.schema import Field, Kind, Schema
from crmkit.types import Text, check_text

if TYPE_CHECKING:
    from crmkit.storage import Measure

__all__ = [
    "MAX_CONDITIONS",
    "check_totals",
    "cursor_behind",
    "directions",
    "make_cursor",
    "read_cursor",
    "resolve",
    "resolve_conditions",
    "seal",
    "unseal",
]

T = TypeVar("T")

MAX_CONDITIONS = 200
"""The most conditions in one query; many values of one field go into one `in_`."""

MAX_LIMIT = 1_000_000
"""The most records that one query may ask for at once; `find` without a limit streams them all."""


def resolve(schema: Schema, query: Query) -> Query:
    """The query with every value in its field's type.

    Raises `QueryError` for an unknown kind or path (naming the nearest), and an operator or a value that does not fit
    its field; a cursor of another query is refused where it is used.
    """
    kind = schema[query.kind]
    if query.limit is not None and not (type(query.limit) is int and 0 <= query.limit <= MAX_LIMIT):
        raise QueryError(f"limit is a whole number from 0 to {MAX_LIMIT:,}, not {query.limit!r}")
    for order in query.order:
        field = schema.locate(kind, order.path).field
        if "lt" not in field.type.ops:
            raise QueryError(f"{kind.name} cannot be sorted by {order.path}: it is a collection")
    conditions = resolve_conditions(schema, kind, query.conditions)
    return Query(query.kind, conditions, query.order, query.limit, query.after)


def resolve_conditions(
    schema: Schema, kind: Kind, conditions: Sequence[Condition]
) -> tuple[Condition, ...]:
    """The conditions with every value in its field's type; raises as `resolve`."""
    _check_size(conditions)
    return tuple(_resolve(schema, kind, each) for each in conditions)


def _check_size(conditions: Sequence[Condition]) -> None:
    # Level by level: however deep they are nested, Python's stack is not what ends it.
    size, level = 0, list(conditions)
    while level:
        size += len(level)
        if size > MAX_CONDITIONS:
            raise QueryError(
                f"a query has at most {MAX_CONDITIONS} conditions; put many values of one field into in_(...)"
            )
        nested = [each for each in level if isinstance(each, AnyOf | Linked)]
        level = [inner for each in nested for inner in each.conditions]


def _resolve(schema: Schema, kind: Kind, condition: Condition) -> Condition:
    if isinstance(condition, AnyOf):
        alternatives = tuple(_resolve(schema, kind, each) for each in condition.conditions)
        if any(isinstance(each, AnyOf) for each in alternatives):
            raise QueryError("any_of(...) does not nest; write its conditions into one")
        return AnyOf(alternatives)  # type: ignore[arg-type]  # just checked
    if isinstance(condition, Linked):
        return _resolve_linked(schema, kind, condition)
    if not (isinstance(condition, Where) and isinstance(condition.path, str)):
        raise QueryError(
            f"{condition!r:.80} is not a condition; write it as in where.stage == 'won'"
        )
    field = schema.locate(kind, condition.path).field
    return Where(condition.path, condition.op, _value(kind, field, condition))


def _resolve_linked(schema: Schema, kind: Kind, condition: Linked) -> Linked:
    other = schema[condition.kind]
    if other.field(condition.field).refers_to != kind.name:
        raise QueryError(
            f"{condition.kind}.{condition.field} does not refer to {kind.name}; "
            f"references that do: {_references(schema, kind) or 'none'}"
        )
    return attrs.evolve(
        condition, conditions=resolve_conditions(schema, other, condition.conditions)
    )


def _references(schema: Schema, kind: Kind) -> str:
    return ", ".join(f"{other.name}.{field.name}" for other, field in schema.referring(kind.name))


def _value(kind: Kind, field: Field, condition: Where) -> Any:
    op, value = condition.op, condition.value
    if op not in field.type.ops:
        raise QueryError(
            f"{kind.name}.{condition.path} is of type {field.type.name}, which has no {op!r}; "
            f"it has {', '.join(sorted(field.type.ops))}"
        )
    try:
        if op == "in":
            if not isinstance(value, tuple | list | set | frozenset):
                raise ValueRefused(f"takes a list of values with 'in', not {value!r:.80}")
            return tuple(_accept(field, each) for each in value)
        if op == "has":
            return _member(value)
        if op == "present":
            if type(value) is not bool:
                raise ValueRefused(f"takes True or False with 'present', not {value!r:.80}")
            return value
        if value is None and op not in {"eq", "ne"}:
            raise ValueRefused(f"cannot be compared with None by {op!r}; use .missing()")
        if op in {"prefix", "contains"} and type(value) is not str:
            raise ValueRefused(f"takes text with {op!r}, not {value!r:.80}")
        return _accept(field, value)
    except ValueRefused as error:
        raise QueryError(f"{kind.name}.{condition.path} {error}") from None


def _accept(field: Field, value: Any) -> Any:
    return None if value is None else field.type.accept(value)


def _member(value: Any) -> Any:
    if isinstance(value, str):
        check_text(value)
    elif not isinstance(value, bool | int | float):
        raise ValueRefused(f"has members that are text, numbers or booleans, not {value!r:.80}")
    return value


def check_totals(
    schema: Schema, query: Query, by: Sequence[str], measures: Sequence[Measure]
) -> None:
    """Refuse, with a `QueryError`, to group by or measure a path that is unknown or of a type that cannot be."""
    kind = schema[query.kind]
    for path in (*by, *(each.path for each in measures)):
        if "lt" not in schema.locate(kind, path).field.type.ops:
            raise QueryError(f"{kind.name} has no totals by {path}: it is a collection")
    for each in measures:
        type_ = schema.locate(kind, each.path).field.type.name
        if each.of == "sum" and type_ not in {"whole", "number", "decimal", "money"}:
            raise QueryError(
                f"{kind.name}.{each.path} is of type {type_}, which has no sum; count it"
            )


_text = Text()
_dumped = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _fingerprint(query: Query) -> list[Any]:
    return [query.kind, *(f"{'-' * order.descending}{order.path}" for order in query.order)]


def seal(of: list[Any], place: Any) -> str:
    """A cursor: an opaque text for a place (JSON) in the results of what `of` tells from everything else."""
    return base64.urlsafe_b64encode(_dumped([of, place]).encode()).decode()


def unseal(of: list[Any], cursor: str, read: Callable[[Any], T]) -> T:
    """What `read` makes of the place that was sealed; a `ValueError` or `TypeError` of it means damage.

    Raises `QueryError` for a cursor of something else.
    """
    try:
        found, place = json.loads(base64.urlsafe_b64decode(cursor))
        if found == of:
            return read(place)
    except (ValueError, TypeError, RecursionError):
        pass
    raise QueryError("this cursor belongs to another query or is damaged; start again without it")


def make_cursor(schema: Schema, query: Query, values: Sequence[Any], id: str) -> str:
    """The opaque place behind a record: `values` are those of the query's orders, in their fields' types."""
    pairs = zip(_order_fields(schema, query), values, strict=True)
    plain = [None if value is None else field.type.dump(value) for field, value in pairs]
    return seal(_fingerprint(query), [*plain, id])


def cursor_behind(schema: Schema, query: Query, record: Any, follow: Any) -> str:
    """The cursor behind a record, its order values looked up through `follow`."""
    values = [value_at(record, order.path, follow) for order in query.order]
    return make_cursor(schema, query, values, record.id)


def read_cursor(schema: Schema, query: Query) -> tuple[tuple[Any, ...], str]:
    """The order values and the id that `query.after` stands behind."""

    def read(place: Any) -> tuple[tuple[Any, ...], str]:
        *plain, id = place
        pairs = zip(_order_fields(schema, query), plain, strict=True)
        values = (None if value is None else field.type.load(value) for field, value in pairs)
        return tuple(values), _text.accept(id)

    return unseal(_fingerprint(query), query.after or "", read)


def _order_fields(schema: Schema, query: Query) -> list[Field]:
    kind = schema[query.kind]
    return [schema.locate(kind, order.path).field for order in query.order]


def directions(query: Query) -> tuple[Order, ...]:
    """The orders of a query and the tie-break by id, which goes the way of the last one."""
    last = query.order[-1].descending if query.order else False
    return (*query.order, Order("id", last))
