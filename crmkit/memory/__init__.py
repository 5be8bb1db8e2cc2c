"""The storage in memory: the reference, the shortest code that keeps every promise of `crmkit.storage`.

A write transaction works on a copy of the data and puts it in place of the old one when it ends, so that readers see
a snapshot and a rollback is to forget the copy.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from itertools import takewhile
from typing import Any, TypeAlias

import attrs

from crmkit import errors
from crmkit.changes import Change, Document, Stamp, Write
from crmkit.codec import blanked, delta_of, dump_document
from crmkit.memory.reading import Data, Reader, Row, copies, expect
from crmkit.schema import Kind, Schema
from crmkit.storage import Capability, Storage, Transaction, Trimmable

__all__ = ["MemoryStorage", "MemoryTransaction", "open_memory"]

_Check: TypeAlias = Callable[[Data, Write], None]


def open_memory(url: str) -> MemoryStorage:
    """An empty storage in memory; what `memory://` means."""
    return MemoryStorage()


class MemoryTransaction(Reader, Transaction):
    """One transaction: reads from the data as they were at its beginning, with its own writes."""

    def __init__(self, schema: Schema, data: Data, *, write: bool) -> None:
        self.schema = schema
        self._data = data.copy() if write else data
        self._write = write
        self._start = data.position()
        self._over = False
        self.failed = False
        self._restored: list[tuple[str, str]] = []

    def _read(self) -> Data:
        if self._over:
            raise errors.TransactionError("this transaction is over; begin another")
        if self.failed:
            raise errors.TransactionError(
                "a write of this transaction has failed; leave it, then try again"
            )
        return self._data

    @contextmanager
    def _writing(self) -> Iterator[Data]:
        data = self._read()
        if not self._write:
            raise errors.TransactionError("this transaction only reads; open it with write=True")
        try:
            yield data
        except BaseException:
            self.failed = True
            raise

    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Check each id and version, then write."""
        self._put(kind, writes, stamp, self._check_new)

    def update(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Check each version, then write."""
        self._put(kind, writes, stamp, self._check_version)

    def _put(self, kind: str, writes: Sequence[Write], stamp: Stamp, check: _Check) -> None:
        with self._writing() as data:
            known = self.schema[kind]
            for write in writes:
                check(data, write)
                self._store(known, dump_document(known, write.record))
                self._record(write, write.record.version, delta_of(known, write), stamp)
            self._check_references(kind, [write.record.id for write in writes])

    def _check_new(self, data: Data, write: Write) -> None:
        kind, id = write.record.__kind__, write.record.id
        data.expect(kind, id, 0)
        expect(kind, id, write.record.version - 1, data.last.get((kind, id), 0))

    def _check_version(self, data: Data, write: Write) -> None:
        before = write.previous or write.record
        if data.row(before.__kind__, before.id) is None:
            raise errors.ConflictError(before.__kind__, before.id, before.version, 0)
        data.expect(before.__kind__, before.id, before.version)

    def _record(self, write: Write, version: int, delta: Any, stamp: Stamp) -> None:
        what = (write.record.__kind__, write.record.id, version, write.action)
        step = (0, stamp.transaction, *what, stamp.at, stamp.effective)
        self._data.record(Change(*step, stamp.actor, stamp.cause, delta))

    def _store(self, kind: Kind, document: Document) -> None:
        self._data.put(kind, document)

    def _check_references(self, kind: str, ids: Iterable[str]) -> None:
        for row in filter(None, (self._data.row(kind, id) for id in ids)):
            for field in row.kind.references:
                target, to = str(field.refers_to), row.document.get(field.name)
                if to is not None and self._data.row(target, to) is None:
                    raise errors.MissingReference(kind, row.id, field.name, target, to)

    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Check each version and that nothing refers to it, then delete."""
        with self._writing() as data:
            for write in writes:
                self._check_version(data, write)
                data.remove(kind, write.record.id)
                delta = delta_of(self.schema[kind], write)
                self._record(write, write.record.version + 1, delta, stamp)
            gone = {write.record.id for write in writes}
            for other, field in self.schema.referring(kind):
                for row in data.all(other.name):
                    if (id := row.document.get(field.name)) in gone:
                        raise errors.ReferencedError(kind, id, other.name, field.name, row.id)

    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        """Write the blank records and blank every change of theirs."""
        with self._writing() as data:
            known = self.schema[kind]
            blanks = {name: blanked(known, known.field(name)) for name in fields}
            for write in writes:
                id, version = write.record.id, write.record.version
                if write.previous is None:
                    data.expect(kind, id, 0)
                    version = data.last.get((kind, id), 0) + 1
                else:
                    self._check_version(data, write)
                    self._store(known, dump_document(known, write.record))
                delta = {**(delta_of(known, write) or {}), **dict.fromkeys(fields)}
                self._record(write, version, delta, stamp)
            ids = {write.record.id for write in writes}
            for place, change in enumerate(data.journal):
                if change.kind == kind and change.id in ids and change.delta is not None:
                    data.journal[place] = _blank(change, blanks)

    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        """Write everything; the references are checked at the end of the transaction."""
        with self._writing() as data:
            for kind, document in documents:
                data.expect(kind, document["id"], 0)
                self._store(self.schema[kind], document)
                self._restored.append((kind, document["id"]))
            for change in changes:
                data.record(change)

    def trimmable(self, before: datetime) -> Trimmable:
        """Those of the journal's beginning that another change of their record follows in it."""
        part = list(takewhile(lambda each: each.at < before, self._read().journal))
        last = {(each.kind, each.id): each.position for each in part}
        times = [each.at for each in part if last[each.kind, each.id] > each.position]
        ends = (min(times), max(times)) if times else ()
        return Trimmable(part[-1].position if part else 0, len(times), *ends)

    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        """Put what is left of a part in its place."""
        with self._writing() as data:
            last = {(c.kind, c.id): c.position for c in data.journal if c.position <= through}
            part = [c for c in data.behind(after) if c.position <= through][:limit]
            left = [attrs.evolve(c, delta=None) for c in part if c.position == last[c.kind, c.id]]
            start = len(data.journal) - len(data.behind(after))
            data.journal[start : start + len(part)] = left
            reached = part[-1].position if len(part) == limit else through
            return reached, len(part) - len(left)

    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Compare, then set."""
        with self._writing() as data:
            if expected is not ... and data.state.get(key, "null") != _canonical(expected):
                return False
            data.state[key] = _canonical(value)
            if value is None:
                del data.state[key]
            return True

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Put a copy of the data back if the block, or a write in it, raised."""
        with self._writing() as data:
            kept, restored = data.copy(), list(self._restored)
        try:
            yield
            self._read()
        except BaseException:
            self._data, self._restored, self.failed = kept, restored, False
            raise

    def lock(self, name: str) -> None:
        """Nothing to wait for: only one transaction writes at a time."""
        with self._writing():
            pass

    def end(self) -> Data:
        """The data as they are to be from now on."""
        for kind, id in self._restored:
            self._check_references(kind, [id])
        return self._data

    def committed(self) -> list[Change]:
        """Those behind the journal as it was."""
        return copies(self._data.behind(self._start))

    def leave(self) -> None:
        """Refuse everything from now on."""
        self._over = True


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _blank(change: Change, blanks: Mapping[str, Any]) -> Change:
    delta = dict(change.delta or {})
    for name in delta.keys() & blanks.keys():
        delta[name] = blanks[name] if change.action == "delete" else (blanks[name], blanks[name])
    kept = {name: value for name, value in delta.items() if value is not None}
    return attrs.evolve(change, delta=kept)


class MemoryStorage(Reader, Storage):
    """A database that lives as long as this object, for one process.

    One transaction writes at a time: another one waits `patience` seconds, then `BusyError`.
    """

    transactions: type[MemoryTransaction] = MemoryTransaction
    capabilities: frozenset[Capability] = frozenset({"trim"})

    def __init__(self, patience: float = 5.0) -> None:
        self.schema = Schema({})
        self.patience = patience
        self._data = Data()
        self._declared: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        self._here = threading.local()
        self._closed = False

    def _read(self) -> Data:
        if self._closed:
            raise errors.ClosedError("this storage is closed; open it again")
        return self._data

    def prepare(self, schema: Schema, *, plan: bool = False) -> list[str]:
        """Give documents the defaults of fields that are new."""
        with self._exclusive():
            data, steps = self._read().copy(), []
            data.taken.clear()
            for kind in schema:
                known = self._declared.get(kind.name)
                new = kind.fields.keys() - (known or set())
                steps += [f"add the kind {kind.name}"] if known is None else []
                steps += [f"add {kind.name}.{name}" for name in sorted(new) if known is not None]
                given = {n: value for n in new if (value := kind.fields[n].initial) is not None}
                for row in list(data.all(kind.name)):
                    made = Row(kind, {**given, **row.document}, row.number)
                    data.rows[kind.name][row.id] = made
                    data.taken.update(dict.fromkeys(made.unique(), row.id))
            if not plan:
                for kind in schema:
                    self._declared.setdefault(kind.name, set()).update(kind.fields)
                self._data, self.schema = data, schema
        return steps

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self.patience):
            raise errors.BusyError(
                f"another transaction has been writing for {self.patience:g} s; try again when it is done"
            )
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[MemoryTransaction]:
        """Put the data of the transaction in place of the present ones when it ends well."""
        self._read()
        if getattr(self._here, "busy", False):
            raise errors.TransactionError("transactions do not nest; use the one that is open")
        with self._exclusive() if write else nullcontext():
            transaction = self.transactions(self.schema, self._read(), write=write)
            self._here.busy = True
            try:
                yield transaction
                if write and not transaction.failed:
                    self._data = transaction.end()
            finally:
                self._here.busy = False
                transaction.leave()

    def close(self) -> None:
        """Refuse everything from now on."""
        self._closed = True
