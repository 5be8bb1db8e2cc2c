"""From records to storage: guarded, stamped with versions and times, with all that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby

from crmkit.changes import Actor, Cause, Stamp, Write
from crmkit.codec import accept, delta_of, stamped
from crmkit.errors import PluginError, ReferencedError, TransactionError
from crmkit.guards import Guards
from crmkit.query import Query, where
from crmkit.records import OpaqueRecord, Record
from crmkit.schema import Field, Kind, Schema
from crmkit.storage import Transaction
from crmkit.values import Clock, new_id

__all__ = ["Writer", "by_kind", "pointing"]

MAX_ROUNDS = 8
"""How often records that plugins add may lead to further ones."""


def by_kind(records: Iterable[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Records in their order, in runs of one kind, each with the kind's name."""
    for name, group in groupby(records, key=lambda record: record.__kind__):
        yield name, list(group)


class Writer:
    """The writes of one transaction. `touched` are the kinds written; once it `failed`, nothing can be kept."""

    def __init__(
        self,
        storage: Transaction,
        guards: Guards,
        clock: Clock,
        actor: Actor,
        effective: datetime | None,
        cause: Cause | None,
    ) -> None:
        self.id = new_id()
        self.storage = storage
        self.guards = guards
        self.cause = cause
        self.touched: set[str] = set()
        self.over: str | None = None
        self._clock = clock
        self._at: datetime | None = None
        self._actor = actor
        self._effective = effective
        self._deleted = False

    @property
    def schema(self) -> Schema:
        """The kinds there are."""
        return self.storage.schema

    def usable(self) -> None:
        """Raise `TransactionError` once the transaction has failed or is over."""
        if self.over:
            raise TransactionError(self.over)

    @contextmanager
    def whole(self, what: str) -> Iterator[None]:
        """Something that is done wholly or not at all: if it raises, the transaction can only be left."""
        try:
            yield
        except BaseException:
            self.over = f"{what} of this transaction failed; leave it and start another"
            raise

    def stamp(self, previous: Iterable[Record | None], not_before: datetime | None = None) -> Stamp:
        """What the changes of one batch have in common."""
        # One time for all of a transaction, so that no moment of the past shows half of it; later only for
        # records that another machine's clock has put later, since the time of one record never goes back.
        if self._at is None:
            self._at = self._clock()
        times = [record.updated_at for record in previous if record is not None]
        at = max([self._at, *times, *([not_before] if not_before else [])])
        return Stamp(self.id, at, self._effective or at, self._actor, self.cause)

    def write(self, kind: Kind, writes: Sequence[Write], round: int = 1) -> list[Record]:
        """Guard and store a batch, then the records that plugins add to it; returns the batch as stored."""
        if not writes:
            return []
        if round > MAX_ROUNDS:
            raise PluginError(
                f"plugins keep adding {kind.name} records to each other's, {MAX_ROUNDS} rounds deep; "
                "let crm_prepare add only what is not there yet"
            )
        prepared, added = self.guards.prepare(kind, writes)
        self.guards.check(kind, prepared)
        for write in prepared:
            write.delta = delta_of(kind, write)
        changed = [write for write in prepared if write.previous is None or write.delta]
        stored = {write.record.id: write.record for write in self._store(kind, changed)}
        if added:
            with self.whole("a record that a plugin added"):
                for name, records in by_kind(sorted(added, key=lambda record: record.__kind__)):
                    other = self.schema[name]
                    inserts = [Write("insert", record) for record in accept(other, records)]
                    self.write(other, inserts, round + 1)
        return [stored.get(write.record.id, write.previous or write.record) for write in prepared]

    def _store(self, kind: Kind, writes: Sequence[Write]) -> Sequence[Write]:
        """Stamp a batch of inserts or updates, and hand it to storage."""
        if not writes:
            return writes
        self.touched.add(kind.name)
        with self.whole("a write"):
            if writes[0].previous is None:
                return self._insert(kind, writes)
            stamp = self.stamp(write.previous for write in writes)
            self.storage.update(kind.name, self.stamped(writes, stamp), stamp)
            return writes

    def stamped(self, writes: Sequence[Write], stamp: Stamp) -> Sequence[Write]:
        """These updates, with the version and time that each record gets."""
        for write in writes:
            last = write.previous or write.record
            write.record = stamped(write.record, last.version + 1, last.created_at, stamp.at)
        return writes

    def _insert(self, kind: Kind, writes: Sequence[Write]) -> Sequence[Write]:
        # An id made since this transaction began is in no journal but for deletes of its own; were it in one all the
        # same, the insert would be refused.
        oldest, newest = ("", "") if self._deleted else (self.id, new_id())
        old = [w.record.id for w in writes if not oldest < w.record.id < newest]
        known = self.storage.versions(kind.name, old) if old else {}
        # A record that comes back is not older than when it went, and was made when it was made.
        last = [self.storage.history(kind.name, id)[-1].at for id in known]
        stamp = self.stamp((), max(last, default=None))
        for write in writes:
            record = write.record
            version = known.get(record.id, 0)
            made = record.created_at if version and record.version else stamp.at
            write.record = stamped(record, version + 1, made, stamp.at)
        self.storage.insert(kind.name, writes, stamp)
        return writes

    def delete(self, kind: Kind, records: Sequence[Record], going: frozenset[str]) -> None:
        """Delete records, and do to those that refer to them what their fields say; `going` are being deleted."""
        writes = [Write("delete", record, record) for record in records if record.id not in going]
        if not writes:
            return
        self.guards.check(kind, writes)
        ids = [write.record.id for write in writes]
        self.touched.add(kind.name)
        self._deleted = True
        with self.whole("a delete"):
            for other, field in self.schema.referring(kind.name):
                self._detach(kind, other, field, ids, going | frozenset(ids))
            # Those that refer to each other may be at another version by now.
            current = [each for each in self.storage.get(kind.name, ids) if each is not None]
            final = [Write("delete", each, each) for each in current]
            self.storage.delete(kind.name, final, self.stamp(current))

    def _detach(
        self, kind: Kind, other: Kind, field: Field, ids: Sequence[str], going: frozenset[str]
    ) -> None:
        linked = [each for each in self.referring(other, field, ids) if each.id not in going]
        if not linked:
            return
        if field.on_delete == "cascade":
            self.delete(other, linked, going)
        elif field.on_delete == "clear" and not field.required:
            self.point(other, field, linked, None)
        else:
            first = linked[0]
            raise ReferencedError(kind.name, first[field.name], other.name, field.name, first.id)

    def referring(self, kind: Kind, field: Field, ids: Sequence[str]) -> list[Record]:
        """The records of a kind whose reference points to one of these ids."""
        query = Query(kind.name, (where[field.name].in_(ids),))
        return list(self.storage.find(query))

    def point(self, kind: Kind, field: Field, records: Sequence[Record], id: str | None) -> None:
        """Let a reference of these records point elsewhere, or nowhere; opaque ones are moved too."""
        self.write(kind, [Write("update", pointing(each, field, id), each) for each in records])


def pointing(record: Record, field: Field, id: str | None) -> Record:
    """The record with another id in a reference; an opaque one too, which nobody else may change."""
    if not isinstance(record, OpaqueRecord) or field.added:
        return record.set(field.name, id)
    values = {name: value for name, value in record.values.items() if name != field.name}
    return record.evolve(values=values if id is None else {**values, field.name: id})
