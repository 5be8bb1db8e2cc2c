"""Queries answered by looking at every record: what pages, counts and totals mean, for whatever has no index."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from crmkit.errors import ValueRefused
from crmkit.query import Linked, Order, Query, holds, sort_key, value_at
from crmkit.resolve import check_totals, cursor_behind, directions, read_cursor
from crmkit.schema import Field, Schema
from crmkit.storage import Measure, Page, Total
from crmkit.types import Scaled
from crmkit.values import Money

__all__ = ["Scan"]


class Scan(ABC):
    """Records of every kind, of which some fulfil a query; what `holds` follows from one to others.

    They may be anything with `id`, `__kind__`, `field_names()` and `[path]`.
    """

    schema: Schema

    @abstractmethod
    def records(self, kind: str) -> Iterable[Any]:
        """All the records of a kind."""

    @abstractmethod
    def record(self, kind: str, id: str) -> Any | None:
        """One of them."""

    def reference(self, record: Any, field: str) -> Any | None:
        """The record that this reference of `record` points to."""
        target = self.schema[record.__kind__].field(field).refers_to
        id = record[field]
        return None if target is None or id is None else self.record(target, id)

    def linked(self, record: Any, condition: Linked) -> Iterable[Any]:
        """The records of `condition.kind` whose reference points to `record`."""
        return (each for each in self.records(condition.kind) if each[condition.field] == record.id)

    def fulfilling(self, query: Query) -> Iterator[Any]:
        """The records that fulfil the conditions, in no order."""
        for record in self.records(self.schema[query.kind].name):
            if all(holds(record, each, self) for each in query.conditions):
                yield record

    def page(self, query: Query) -> Page:
        """The records of a query in order, and the cursor behind them if something follows."""
        orders = directions(query)
        found = [
            (_place(orders, [value_at(record, each.path, self) for each in orders]), record)
            for record in self.fulfilling(query)
        ]
        if query.after is not None:
            values, id = read_cursor(self.schema, query)
            here = _place(orders, (*values, id))
            found = [each for each in found if each[0] > here]
        found.sort(key=itemgetter(0))
        kept = tuple(record for _, record in found[: query.limit])
        more = bool(kept) and len(kept) < len(found)
        return Page(kept, cursor_behind(self.schema, query, kept[-1], self) if more else None)

    def count(self, query: Query) -> int:
        """How many records fulfil the conditions."""
        return sum(1 for _ in self.fulfilling(query))

    def totals(
        self, query: Query, by: Sequence[str], measures: Sequence[Measure]
    ) -> Iterator[Total]:
        """Counts and measures in groups, sorted by `by` and the currencies of the measures."""
        check_totals(self.schema, query, by, measures)
        kind = self.schema[query.kind]
        fields = [self.schema.locate(kind, each.path).field for each in measures]
        groups: dict[tuple[Any, ...], list[list[Any]]] = {}
        for record in self.fulfilling(query):
            values = [value_at(record, each.path, self) for each in measures]
            currencies = [each.currency if isinstance(each, Money) else None for each in values]
            group = (*(value_at(record, path, self) for path in by), *currencies)
            groups.setdefault(group, []).append(values)
        for group in sorted(groups, key=lambda group: list(map(sort_key, group))):
            columns = zip(*groups[group], strict=True)
            measured = tuple(map(_measured, measures, fields, columns))
            yield Total(group[: len(by)], len(groups[group]), measured)


class _Descending:
    """A sort key that sorts the other way."""

    __slots__ = ("key",)
    __hash__ = None  # type: ignore[assignment]  # it is compared only

    def __init__(self, key: tuple[Any, ...]) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.key == other.key

    def __lt__(self, other: _Descending) -> bool:
        return other.key < self.key


def _place(orders: Sequence[Order], values: Sequence[Any]) -> list[Any]:
    """Where values stand in these orders: places compare as their records follow each other."""
    keys = map(sort_key, values)
    return [_Descending(k) if o.descending else k for o, k in zip(orders, keys, strict=True)]


def _measured(measure: Measure, field: Field, values: Iterable[Any]) -> Any:
    present = [each for each in values if each is not None]
    if not present:
        return None
    if measure.of != "sum":
        return (min if measure.of == "min" else max)(present, key=sort_key)
    if isinstance(present[0], Money):
        return Money(sum(each.minor for each in present), present[0].currency)
    if isinstance(field.type, Scaled):
        return field.type.unscaled(sum(map(field.type.scaled, present)))
    if isinstance(present[0], int):
        return sum(present)
    try:
        return math.fsum(present)
    except OverflowError:
        raise ValueRefused(f"the sum of {measure.path} is too large for a number") from None
