"""A storage with the zoo in it, and short words for what a contract does with it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import attrs
import pytest

from crmkit.changes import Stamp, Write
from crmkit.codec import accept
from crmkit.query import Condition, Order, Query, ordered
from crmkit.records import Record
from crmkit.resolve import resolve, resolve_conditions
from crmkit.schema import Schema
from crmkit.storage import NO_SCOPE, Capability, Page, Reads, Scope, Storage, Transaction
from crmkit.testing.kinds import Specimen, zoo

__all__ = ["Lab", "Opener"]

R = TypeVar("R", bound=Record)
Opener = Callable[[], Storage]
"""Opens the database of one test: the same one each time it is called."""


class _Undo(Exception):
    """Raised in a transaction to leave it without its writes."""


class Lab:
    """Writes as the app would: records checked, versions and times filled in, one change for each.

    Attributes: `storage`, prepared for `schema`. Every writing method begins a transaction of its own unless it is
    given one.
    """

    def __init__(self, storage: Storage, schema: Schema | None = None) -> None:
        self.storage = storage
        self.schema = schema or zoo()
        self._time = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
        self._number = itertools.count(1)
        storage.prepare(self.schema)

    def needs(self, capability: Capability) -> None:
        """Skip the test on a storage without this capability."""
        if capability not in self.storage.capabilities:
            pytest.skip(f"{type(self.storage).__name__} is not {capability!r}")

    def stamp(self, **values: Any) -> Stamp:
        """A stamp of a transaction of its own, a second later than the last."""
        self._time += timedelta(seconds=1, microseconds=1)
        made = Stamp(f"t{next(self._number)}", self._time, self._time)
        return attrs.evolve(made, **values)

    @contextmanager
    def _within(self, tx: Transaction | None) -> Iterator[Transaction]:
        if tx is not None:
            yield tx
        else:
            with self.storage.transaction() as own:
                yield own

    @contextmanager
    def undone(self) -> Iterator[Transaction]:
        """A transaction that is rolled back at the end of the block."""
        with suppress(_Undo), self.storage.transaction() as tx:
            yield tx
            raise _Undo

    def insert(self, *records: R, tx: Transaction | None = None, **stamp: Any) -> list[R]:
        """Write new records, those of one kind together; returned as they are kept."""
        made = self.stamp(**stamp)
        with self._within(tx) as within:
            done: dict[str, R] = {}
            for name in dict.fromkeys(each.__kind__ for each in records):
                own = [each for each in records if each.__kind__ == name]
                last = within.versions(name, [each.id for each in own])
                fresh: Sequence[Any] = accept(
                    self.schema[name],
                    [
                        each.evolve(
                            version=last.get(each.id, 0) + 1,
                            created_at=made.at,
                            updated_at=made.at,
                        )
                        for each in own
                    ],
                )
                within.insert(name, [Write("insert", each) for each in fresh], made)
                done |= {each.id: each for each in fresh}
        return [done[each.id] for each in records]

    def add(self, record: R, **options: Any) -> R:
        """Write one new record."""
        return self.insert(record, **options)[0]

    def named(self, *names: str, **values: Any) -> list[Specimen]:
        """Write a specimen for each name, their ids rising."""
        return self.insert(*(Specimen(name=name, **values) for name in names))

    def changed(self, record: R, **values: Any) -> Write:
        """The write that gives a record other values, of the next version."""
        moment = self.stamp().at
        new = record.evolve(version=record.version + 1, updated_at=moment, **values)
        if not self.schema[record.__kind__].opaque:
            new = accept(self.schema[record.__kind__], [new])[0]  # type: ignore[assignment]
        return Write("update", new, record)

    def update(self, record: R, tx: Transaction | None = None, **values: Any) -> R:
        """Write a record with other values."""
        write = self.changed(record, **values)
        with self._within(tx) as within:
            within.update(record.__kind__, [write], self.stamp())
        return write.record  # type: ignore[return-value]

    def delete(self, *records: Record, tx: Transaction | None = None) -> None:
        """Delete records of one kind."""
        writes = [Write("delete", each, each) for each in records]
        with self._within(tx) as within:
            within.delete(records[0].__kind__, writes, self.stamp())

    def redact(self, record: R, tx: Transaction | None = None, **blanks: Any) -> R:
        """Take the values of some fields out of a record and its past."""
        write = self.changed(record, **blanks)
        write = Write("redact", write.record, record)
        with self._within(tx) as within:
            within.redact(record.__kind__, [write], list(blanks), self.stamp())
        return write.record  # type: ignore[return-value]

    def redact_gone(self, record: Record, *fields: str) -> None:
        """Take the values of some fields out of the past of a record that was deleted."""
        version = self.storage.versions(record.__kind__, [record.id])[record.id] + 1
        write = Write("redact", record.evolve(version=version))
        with self.storage.transaction() as tx:
            tx.redact(record.__kind__, [write], fields, self.stamp())

    def query(
        self,
        kind: str,
        *conditions: Condition,
        order: str | Order | Sequence[str | Order] | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Query:
        """A resolved query."""
        return resolve(self.schema, Query(kind, conditions, ordered(order), limit, after))

    def scope(self, **conditions: Condition | Iterable[Condition]) -> Scope:
        """A resolved scope, by kind."""
        return {
            name: resolve_conditions(
                self.schema,
                self.schema[name],
                tuple(each) if isinstance(each, Iterable) else (each,),
            )
            for name, each in conditions.items()
        }

    def find(
        self,
        *conditions: Condition,
        kind: str = "specimen",
        scope: Scope = NO_SCOPE,
        tx: Reads | None = None,
        **options: Any,
    ) -> list[Any]:
        """The records of a query."""
        return list((tx or self.storage).find(self.query(kind, *conditions, **options), scope))

    def names(self, *conditions: Condition, **options: Any) -> list[str]:
        """The names of the specimens that a query finds, in its order."""
        return [each.name for each in self.find(*conditions, **options)]

    def count(self, *conditions: Condition, scope: Scope = NO_SCOPE) -> int:
        """How many specimens fulfil the conditions."""
        return self.storage.count(self.query("specimen", *conditions), scope)

    def page(self, *conditions: Condition, scope: Scope = NO_SCOPE, **options: Any) -> Page:
        """A page of specimens."""
        return self.storage.page(self.query("specimen", *conditions, **options), scope)

    def pages(self, *conditions: Condition, limit: int = 2, **options: Any) -> list[list[str]]:
        """The ids of specimens, page by page to the end."""
        after, pages = None, []
        while True:
            page = self.page(*conditions, limit=limit, after=after, **options)
            pages.append([each.id for each in page])
            after = page.after
            if after is None:
                return pages

    def get(self, record: R, tx: Reads | None = None) -> R | None:
        """The record as it is now, None if it is gone."""
        return (tx or self.storage).get(record.__kind__, [record.id])[0]  # type: ignore[return-value]

    def search(
        self, text: str, *kinds: str, limit: int = 100, tx: Reads | None = None, **options: Any
    ) -> list[str]:
        """The names (or texts) of what a search finds."""
        page = (tx or self.storage).search(text, kinds or ("specimen",), limit, **options)
        return [str(each["text" if each.__kind__ == "slip" else "name"]) for each in page]
