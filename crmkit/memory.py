"""The storage in memory: the reference, the shortest code that keeps every promise of `crmkit.storage`.

It keeps documents, a list as the journal and a dictionary as the state. A write transaction works on copies and puts
them in place of the old ones when it ends, so that readers see a snapshot and a rollback is to forget the copies.
"""

from __future__ import annotations

import itertools
import json
import math
import operator
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from datetime import datetime
from typing import Any

import attrs

from crmkit import errors
from crmkit.changes import Action, Change, Document, Stamp, Write
from crmkit.codec import blanked, delta_of, difference, dump_document, load_document
from crmkit.query import Query, holds
from crmkit.records import Record
from crmkit.resolve import seal, unseal
from crmkit.scan import Scan
from crmkit.schema import Field, Kind, Schema
from crmkit.storage import NO_SCOPE, Measure, Page, Reads, Scope, Storage, Total, Transaction
from crmkit.text import TOKENS_PER_FIELD, Phrase, matches, search_phrases, search_tokens

__all__ = ["MemoryStorage", "open_memory"]


def open_memory(url: str) -> MemoryStorage:
    """An empty storage in memory; what `memory://` means."""
    return MemoryStorage()


# What is kept --------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class _Row:
    """A document as conditions see it: its values typed, whether or not the kind's class is there.

    `number` rises with each document that is stored. Nothing outside of this module holds the document.
    """

    kind: Kind
    document: Document
    number: int

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def __kind__(self) -> str:
        return self.kind.name

    def field_names(self) -> list[str]:
        return [field.name for field in self.kind.references]

    def __getitem__(self, path: str) -> Any:
        plain = self.document.get(path)
        return None if plain is None else self.kind.field(path).type.load(plain)

    def record(self) -> Record:
        return load_document(self.kind, deepcopy(self.document))

    def unique(self) -> Iterator[tuple[str, tuple[str, ...], tuple[Any, ...]]]:
        """(kind, fields, values) of what no other row may have."""
        for fields in self.kind.unique:
            values = tuple(self[name] for name in fields)
            if None not in values:
                yield self.kind.name, fields, values


@attrs.frozen
class _Data:
    """One state of the database; `copy` gives another one to change. The state's values are kept as JSON."""

    rows: dict[str, dict[str, _Row]] = attrs.field(factory=dict)
    taken: dict[tuple[str, tuple[str, ...], tuple[Any, ...]], str] = attrs.field(factory=dict)
    journal: list[Change] = attrs.field(factory=list)
    last: dict[tuple[str, str], int] = attrs.field(factory=dict)
    state: dict[str, str] = attrs.field(factory=dict)
    numbers: Iterator[int] = attrs.field(factory=itertools.count)

    def copy(self) -> _Data:
        rows = {name: dict(each) for name, each in self.rows.items()}
        copies = (dict(self.taken), list(self.journal), dict(self.last), dict(self.state))
        return _Data(rows, *copies, self.numbers)

    def all(self, kind: str) -> Iterable[_Row]:
        return self.rows.get(kind, {}).values()

    def row(self, kind: str, id: str) -> _Row | None:
        return self.rows.get(kind, {}).get(id)

    def put(self, kind: Kind, document: Document) -> None:
        """Store a document; raises `Duplicate`."""
        old = self.remove(kind.name, document["id"])
        row = _Row(kind, deepcopy(document), old.number if old else next(self.numbers))
        for key in row.unique():
            holder = self.taken.setdefault(key, row.id)
            if holder != row.id:
                raise errors.Duplicate(*key, existing=holder)
        self.rows.setdefault(kind.name, {})[row.id] = row

    def remove(self, kind: str, id: str) -> _Row | None:
        row = self.rows.get(kind, {}).pop(id, None)
        for key in row.unique() if row else ():
            self.taken.pop(key, None)
        return row

    def expect(self, kind: str, id: str, version: int) -> None:
        """Raise `ConflictError` unless a record is at this version, 0 meaning that it is not there."""
        row = self.row(kind, id)
        _expect(kind, id, version, row.document["version"] if row else 0)

    def record(self, change: Change) -> None:
        position, delta = len(self.journal) + 1, deepcopy(change.delta)
        self.journal.append(attrs.evolve(change, position=position, delta=delta))
        self.last[change.kind, change.id] = change.version


def _expect(kind: str, id: str, expected: int, actual: int) -> None:
    if expected != actual:
        raise errors.ConflictError(kind, id, expected, actual)


# Reading -------------------------------------------------------------------------------------------------------


@attrs.frozen
class _View(Scan):
    """The rows that a scope lets one see."""

    data: _Data
    schema: Schema
    scope: Scope

    def sees(self, row: _Row) -> bool:
        conditions = self.scope.get(row.kind.name, ())
        return all(holds(row, each, attrs.evolve(self, scope=NO_SCOPE)) for each in conditions)

    def records(self, kind: str) -> Iterator[_Row]:
        """Those of a kind."""
        return filter(self.sees, self.data.all(kind))

    def record(self, kind: str, id: str) -> _Row | None:
        """One of them."""
        row = self.data.row(kind, id)
        return row if row and self.sees(row) else None


class _Reader(Reads):
    """Every read, over the data that `_read` gives."""

    schema: Schema

    def _read(self) -> _Data:
        raise NotImplementedError

    def _view(self, scope: Scope) -> _View:
        return _View(self._read(), self.schema, scope)

    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        view, name = self._view(scope), self.schema[kind].name
        rows = (view.record(name, id) for id in ids)
        return [row.record() if row else None for row in rows]

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        return _shown(self._view(scope).page(query))

    def count(self, query: Query, scope: Scope = NO_SCOPE) -> int:
        return self._view(scope).count(query)

    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        return list(self._view(scope).totals(query, by, measures))

    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]
    ) -> Page:
        view, phrases = self._view(scope), search_phrases(text)
        asked = [text, *sorted(kinds)]
        below = math.inf if after is None else unseal(asked, after, operator.index)
        found: list[_Row] = []
        for kind in {self.schema[name].name: self.schema[name] for name in kinds}.values():
            fields = [f for f in kind.searchable if f.name not in hidden.get(kind.name, ())]
            rows = (row for row in view.records(kind.name) if phrases and row.number < below)
            found += [row for row in rows if self._has(row, fields, phrases)]
        found.sort(key=lambda row: -row.number)
        kept = tuple(found[:limit])
        more = bool(kept) and len(kept) < len(found)
        return _shown(Page(kept, seal(asked, kept[-1].number) if more else None))  # type: ignore[arg-type]

    def _has(self, row: _Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        texts = [tokens for field in fields for tokens in _tokens(row.document.get(field.name))]
        return all(any(matches(phrase, tokens) for tokens in texts) for phrase in phrases)

    def history(self, kind: str, id: str) -> list[Change]:
        return [each for each in self.changes(kinds=[kind]) if each.id == id]

    def changes(
        self,
        after: int = 0,
        kinds: Sequence[str] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Change]:
        found = (
            attrs.evolve(each, delta=deepcopy(each.delta))
            for each in self._read().journal[max(after, 0) :]
            if (kinds is None or each.kind in kinds) and (since is None or each.at > since)
        )
        return list(itertools.islice(found, limit))

    def position(self) -> int:
        return len(self._read().journal)

    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        last = self._read().last
        return {id: last[kind, id] for id in ids if (kind, id) in last}

    def state(self, key: str) -> Any:
        return json.loads(self._read().state.get(key, "null"))

    def states(self, prefix: str) -> dict[str, Any]:
        state = self._read().state
        return {key: json.loads(state[key]) for key in sorted(state) if key.startswith(prefix)}


def _shown(page: Page) -> Page:
    return attrs.evolve(page, records=tuple(row.record() for row in page))  # type: ignore[attr-defined]


def _tokens(plain: Any) -> Iterator[list[str]]:
    """The tokens of a text, or of each text of a list: a phrase never crosses from one to the next."""
    left = TOKENS_PER_FIELD
    for each in plain if isinstance(plain, list) else [plain]:
        tokens = search_tokens(each)[:left] if isinstance(each, str) else []
        left -= len(tokens)
        yield tokens


# Writing -------------------------------------------------------------------------------------------------------


class MemoryTransaction(_Reader, Transaction):
    """One transaction: reads from the data as they were at its beginning, with its own writes."""

    def __init__(self, schema: Schema, data: _Data, *, write: bool) -> None:
        self.schema = schema
        self._data = data.copy() if write else data
        self._write = write
        self._over = False
        self.failed = False
        self._restored: list[tuple[str, str]] = []

    def _read(self) -> _Data:
        if self._over:
            raise errors.TransactionError("this transaction is over; begin another")
        if self.failed:
            raise errors.TransactionError(
                "a write of this transaction has failed; leave it, then try again"
            )
        return self._data

    @contextmanager
    def _writing(self) -> Iterator[_Data]:
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
        with self._writing() as data:
            for write in writes:
                id, before = write.record.id, write.record.version - 1
                data.expect(kind, id, 0)
                _expect(kind, id, before, data.last.get((kind, id), 0))
                self._put(kind, write, stamp)
            self._check_references(kind, [write.record.id for write in writes])

    def update(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Check each version, then write."""
        with self._writing() as data:
            for write in writes:
                self._check_version(data, write)
                self._put(kind, write, stamp)
            self._check_references(kind, [write.record.id for write in writes])

    def _check_version(self, data: _Data, write: Write) -> None:
        before = write.previous or write.record
        if data.row(before.__kind__, before.id) is None:
            raise errors.ConflictError(before.__kind__, before.id, before.version, 0)
        data.expect(before.__kind__, before.id, before.version)

    def _put(self, kind: str, write: Write, stamp: Stamp) -> None:
        known, version = self.schema[kind], write.record.version
        self._store(known, dump_document(known, write.record))
        self._data.record(_change(write, version, write.action, delta_of(known, write), stamp))

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
                data.record(_change(write, write.record.version + 1, "delete", delta, stamp))
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
            pairs = {name: (blank, blank) for name, blank in blanks.items()}
            for write in writes:
                id, version, delta = write.record.id, write.record.version, dict(pairs)
                if write.previous is None:
                    data.expect(kind, id, 0)
                    version = data.last.get((kind, id), 0) + 1
                else:
                    self._check_version(data, write)
                    self._store(known, dump_document(known, write.record))
                    delta = difference(known, write.previous, write.record) | pairs
                data.record(_change(write, version, "redact", delta, stamp))
            ids = {write.record.id for write in writes}
            for place, change in enumerate(data.journal):
                if change.kind == kind and change.id in ids:
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

    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Compare, then set."""
        with self._writing() as data:
            if expected is not ... and data.state.get(key, "null") != _canonical(expected):
                return False
            data.state[key] = _canonical(value)
            if value is None:
                del data.state[key]
            return True

    def lock(self, name: str) -> None:
        """Nothing to wait for: only one transaction writes at a time."""
        with self._writing():
            pass

    def end(self) -> _Data:
        """The data as they are to be from now on."""
        for kind, id in self._restored:
            self._check_references(kind, [id])
        return self._data

    def leave(self) -> None:
        """Refuse everything from now on."""
        self._over = True


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _change(write: Write, version: int, action: Action, delta: Any, stamp: Stamp) -> Change:
    kind, id, at, effective = write.record.__kind__, write.record.id, stamp.at, stamp.effective
    step = (0, stamp.transaction, kind, id, version, action, at, effective)
    return Change(*step, stamp.actor, stamp.cause, delta)


def _blank(change: Change, blanks: Mapping[str, Any]) -> Change:
    if change.delta is None:
        return change
    delta = dict(change.delta)
    for name in delta.keys() & blanks.keys():
        delta[name] = blanks[name] if change.action == "delete" else (blanks[name], blanks[name])
    kept = {name: value for name, value in delta.items() if value is not None}
    return attrs.evolve(change, delta=kept)


class MemoryStorage(_Reader, Storage):
    """A database that lives as long as this object, for one process.

    One transaction writes at a time: another one waits `patience` seconds, then `BusyError`.
    """

    transactions: type[MemoryTransaction] = MemoryTransaction

    def __init__(self, patience: float = 5.0) -> None:
        self.schema = Schema({})
        self.patience = patience
        self._data = _Data()
        self._declared: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        self._here = threading.local()
        self._closed = False

    def _read(self) -> _Data:
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
                for row in list(data.all(kind.name)):
                    initial = {name: kind.fields[name].initial for name in new}
                    given = {name: value for name, value in initial.items() if value is not None}
                    made = _Row(kind, {**given, **row.document}, row.number)
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
