"""Conditions, orders and queries as plain values, and `holds`, which is what they mean.

A condition is not resolved here: a path gets its meaning when a query meets its kind (`crmkit.schema`).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Literal, Protocol, TypeAlias

import attrs

from crmkit.errors import QueryError
from crmkit.values import Money

__all__ = [
    "AnyOf",
    "Condition",
    "Follow",
    "Linked",
    "Op",
    "Order",
    "Query",
    "Where",
    "any_of",
    "holds",
    "kind_name",
    "linked",
    "ordered",
    "sort_key",
    "where",
]

Op: TypeAlias = Literal[
    "eq", "ne", "lt", "le", "gt", "ge", "in", "prefix", "present", "has", "contains"
]


class _NoTruth:
    __slots__ = ()

    def __bool__(self) -> bool:
        # `1 < where.x < 5` is `1 < where.x and where.x < 5` to Python: it would drop the first half unsaid.
        raise QueryError(
            "a condition has no truth value by itself; write two conditions in place of a chain or `and`, "
            "and any_of(...) in place of `or`"
        )

    def __or__(self, other: Where | Linked | AnyOf) -> AnyOf:
        return any_of(self, other)  # type: ignore[arg-type]  # one of the three


@attrs.frozen
class Where(_NoTruth):
    """`path op value`, the path being `[reference.]field`."""

    path: str
    op: Op
    value: object


@attrs.frozen
class Linked(_NoTruth):
    """There is a record of `kind` whose reference `field` points here, and these conditions hold for it."""

    kind: str
    field: str
    conditions: tuple[Condition, ...] = ()


@attrs.frozen
class AnyOf(_NoTruth):
    """At least one of these holds. One level: no `AnyOf` in an `AnyOf`. Of nothing, it never holds."""

    conditions: tuple[Where | Linked, ...]


Condition: TypeAlias = Where | AnyOf | Linked


def any_of(*conditions: Where | Linked | AnyOf) -> AnyOf:
    """At least one of these; those of an `AnyOf` are taken in."""
    flat: list[Where | Linked] = []
    for condition in conditions:
        flat += condition.conditions if isinstance(condition, AnyOf) else (condition,)
    return AnyOf(tuple(flat))


def linked(kind: str | type, field: str, *conditions: Condition) -> Linked:
    """There is a record of `kind` (a class or its name) whose reference `field` points here."""
    return Linked(kind_name(kind), field, conditions)


def kind_name(kind: str | type) -> str:
    """The name of a kind given as its class or its name."""
    if isinstance(kind, str):
        return kind
    name = getattr(kind, "__kind__", None)
    if not isinstance(name, str) or not name:
        raise QueryError(f"{kind!r} is not a kind; give a class made with @kind, or its name")
    return name


class PathBuilder:
    """A path on the way to becoming a condition: `where.stage == "won"`, `where["a.b"].has("x")`."""

    __slots__ = ("_path",)
    __hash__ = None  # type: ignore[assignment]  # == builds a condition

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> PathBuilder:
        if name.startswith("__"):
            raise AttributeError(name)
        return PathBuilder(f"{self._path}.{name}" if self._path else name)

    def __getitem__(self, path: str) -> PathBuilder:
        if not isinstance(path, str):
            raise QueryError(f"where[...] takes a path such as 'customer_id.owner', not {path!r}")
        return PathBuilder(f"{self._path}.{path}" if self._path else path)

    def __bool__(self) -> bool:
        raise QueryError(f"`where.{self._path}` is not a condition yet; compare it with something")

    def __eq__(self, value: object) -> Where:  # type: ignore[override]
        return Where(self._path, "eq", value)

    def __ne__(self, value: object) -> Where:  # type: ignore[override]
        return Where(self._path, "ne", value)

    def __lt__(self, value: object) -> Where:
        return Where(self._path, "lt", value)

    def __le__(self, value: object) -> Where:
        return Where(self._path, "le", value)

    def __gt__(self, value: object) -> Where:
        return Where(self._path, "gt", value)

    def __ge__(self, value: object) -> Where:
        return Where(self._path, "ge", value)

    def in_(self, values: Iterable[object]) -> Where:
        """It is one of these; `None` among them means missing."""
        return Where(self._path, "in", tuple(values))

    def prefix(self, start: str) -> Where:
        """Its text starts so, as written."""
        return Where(self._path, "prefix", start)

    def contains(self, part: str) -> Where:
        """Its text has this part, as written; for words, use search."""
        return Where(self._path, "contains", part)

    def has(self, member: object) -> Where:
        """It is a tuple with this member."""
        return Where(self._path, "has", member)

    def present(self) -> Where:
        """It is not missing."""
        return Where(self._path, "present", True)

    def missing(self) -> Where:
        """It is missing, that is `None`."""
        return Where(self._path, "present", False)


where = PathBuilder("")
"""Where conditions start: `where.stage == "won"`, `where.customer_id.owner == "kim"`, `where["custom.tier"]`."""


@attrs.frozen
class Order:
    """One field to sort by. Missing comes first ascending, last descending."""

    path: str
    descending: bool = False


def ordered(order: str | Order | Sequence[str | Order] | None) -> tuple[Order, ...]:
    """What people write, `"-amount"` or `("owner", "-amount")`, as orders."""
    if order is None:
        return ()
    each = (order,) if isinstance(order, str | Order) else order
    return tuple(
        item if isinstance(item, Order) else Order(item.removeprefix("-"), item.startswith("-"))
        for item in each
    )


@attrs.frozen
class Query:
    """Which records of one kind, in which order, how many, after which cursor.

    Ties go by id, in the direction of the last order (ascending without one), so that an index answers it.
    """

    kind: str
    conditions: tuple[Condition, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    after: str | None = None


class Follow(Protocol):
    """How `holds` gets from one record to others: those that the reader may see."""

    def reference(self, record: Any, field: str) -> Any | None:
        """The record that this reference of `record` points to."""

    def linked(self, record: Any, condition: Linked) -> Iterable[Any]:
        """The records of `condition.kind` whose reference points to `record`."""


def value_at(record: Any, path: str, follow: Follow | None) -> Any:
    """The value at `[reference.]field` of a record; `None` where a reference leads nowhere."""
    head, dot, rest = path.partition(".")
    if not dot or head not in record.field_names():
        return record[path]
    target = follow.reference(record, head) if follow else None
    return None if target is None else target[rest]


def holds(record: Any, condition: Condition, follow: Follow | None = None) -> bool:
    """Whether a condition, its values of the fields' types, holds for a record: the meaning of the algebra."""
    if isinstance(condition, AnyOf):
        return any(holds(record, each, follow) for each in condition.conditions)
    if isinstance(condition, Linked):
        candidates = follow.linked(record, condition) if follow else ()
        return any(
            all(holds(found, each, follow) for each in condition.conditions) for found in candidates
        )
    return _compare(value_at(record, condition.path, follow), condition.op, condition.value)


def _compare(value: Any, op: Op, wanted: Any) -> bool:
    if op == "eq":
        return _same(value, wanted)
    if op == "ne":
        return not _same(value, wanted)
    if op == "in":
        return any(_same(value, each) for each in wanted)
    if op == "present":
        return (value is not None) is wanted
    if value is None:
        return False
    if op == "prefix":
        return isinstance(value, str) and value.startswith(wanted)
    if op == "contains":
        return isinstance(value, str) and wanted in value
    if op == "has":
        return isinstance(value, tuple) and any(_same(each, wanted) for each in value)
    return _ordered(value, op, wanted)


def _same(value: Any, wanted: Any) -> bool:
    # True == 1 and 1 == 1.0 to Python, not to a typed field.
    return type(value) is type(wanted) and bool(value == wanted)


def _ordered(value: Any, op: Op, wanted: Any) -> bool:
    if type(value) is not type(wanted):
        return False
    if isinstance(value, Money) and value.currency != wanted.currency:
        return False
    left, right = sort_key(value), sort_key(wanted)
    return bool(getattr(operator, op)(left, right))


def sort_key(value: Any) -> tuple[Any, ...]:
    """What a value sorts by among values of its field: missing first, money by (currency, minor units)."""
    if value is None:
        return ()
    if isinstance(value, Money):
        return (value.currency, value.minor)
    return (value.value if isinstance(value, Enum) else value,)
