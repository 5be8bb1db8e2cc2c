"""The storage in memory: the reference, the shortest code that keeps every promise of `crmkit.storage`.

It keeps documents, a list as the journal and a dictionary as the state. A write transaction works on copies and puts
them in place of the old ones when it ends, so that readers see a snapshot and a rollback is to forget the copies.
"""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any

import attrs

from crmkit import errors
from crmkit.codec import blanked, delta_of, difference, dump_document, load_document
from crmkit.query import Condition, Linked, Query, holds, sort_key, value_at
from crmkit.records import Record
from crmkit.resolve import check_totals, cursor_behind, directions, read_cursor
from crmkit.schema import Field, Kind, Schema
from crmkit.storage import (
    NO_SCOPE,
    Action,
    Change,
    Document,
    Measure,
    Page,
    Reads,
    Scope,
    Stamp,
    Storage,
    Total,
    Transaction,
    Write,
)
from crmkit.text import TOKENS_PER_FIELD, Phrase, matches, search_phrases, search_tokens
from crmkit.types import Scaled
from crmkit.values import Money

__all__ = ["MemoryStorage", "open_memory"]


def open_memory(url: str) -> MemoryStorage:
    """An empty storage in memory; what `memory://` means."""
    return MemoryStorage()


def _copy(plain: Any) -> Any:
    return json.loads(json.dumps(plain))


def _copied(change: Change) -> Change:
    delta = _copy(change.delta)
    if delta is not None and change.action != "delete":
        delta = {name: tuple(pair) for name, pair in delta.items()}
    return attrs.evolve(change, delta=delta)


@attrs.frozen
class _Data:
    """One state of the database. What is in it never changes: `_own` copies come in its place.

    `records` is kind -> id -> (number, document); numbers rise with each stored document.
    """

    records: dict[str, dict[str, tuple[int, Document]]] = attrs.field(factory=dict)
    journal: list[Change] = attrs.field(factory=list)
    last: dict[tuple[str, str], int] = attrs.field(factory=dict)
    state: dict[str, Any] = attrs.field(factory=dict)
    stored: list[int] = attrs.field(factory=lambda: [0])

    def copy(self) -> _Data:
        records = {name: dict(rows) for name, rows in self.records.items()}
        return _Data(
            records, list(self.journal), dict(self.last), dict(self.state), list(self.stored)
        )

    def document(self, kind: str, id: str) -> Document | None:
        row = self.records.get(kind, {}).get(id)
        return row[1] if row else None

    def documents(self, kind: str) -> list[Document]:
        return [document for _, document in self.records.get(kind, {}).values()]

    def put(self, kind: str, document: Document) -> None:
        rows = self.records.setdefault(kind, {})
        if document["id"] not in rows:
            self.stored[0] += 1
        number = rows[document["id"]][0] if document["id"] in rows else self.stored[0]
        rows[document["id"]] = (number, _copy(document))

    def record(self, change: Change) -> None:
        self.journal.append(attrs.evolve(_copied(change), position=len(self.journal) + 1))
        self.last[change.kind, change.id] = change.version


class _Seen:
    """A document as conditions see it: its values typed, whether or not the kind's class is there."""

    def __init__(self, kind: Kind, document: Document) -> None:
        self.kind = kind
        self.document = document
        self.id: str = document["id"]

    def field_names(self) -> list[str]:
        return [field.name for field in self.kind.references]

    def __getitem__(self, path: str) -> Any:
        plain = self.document.get(path)
        return None if plain is None else self.kind.field(path).type.load(plain)


@attrs.frozen
class _Follow:
    """From one record to others, as far as a scope lets one see."""

    data: _Data
    schema: Schema
    scope: Scope

    def sees(self, seen: _Seen) -> bool:
        conditions = self.scope.get(seen.kind.name, ())
        free = attrs.evolve(self, scope=NO_SCOPE)
        return all(holds(seen, each, free) for each in conditions)

    def one(self, kind: str, id: str) -> _Seen | None:
        document = self.data.document(kind, id)
        seen = document and _Seen(self.schema[kind], document)
        return seen if seen and self.sees(seen) else None

    def all(self, kind: str, conditions: Sequence[Condition]) -> Iterator[_Seen]:
        for document in self.data.documents(kind):
            seen = _Seen(self.schema[kind], document)
            if self.sees(seen) and all(holds(seen, each, self) for each in conditions):
                yield seen

    def reference(self, record: _Seen, field: str) -> _Seen | None:
        target = record.kind.field(field).refers_to
        return self.one(target, record[field]) if target else None

    def linked(self, record: _Seen, condition: Linked) -> Iterable[_Seen]:
        found = self.all(condition.kind, ())
        return (each for each in found if each[condition.field] == record.id)


class _Reader(Reads):
    """Every read, over the data that `_read` gives."""

    schema: Schema

    def _read(self) -> _Data:
        raise NotImplementedError

    def _follow(self, scope: Scope) -> _Follow:
        return _Follow(self._read(), self.schema, scope)

    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        follow = self._follow(scope)
        found = [follow.one(self.schema[kind].name, id) for id in ids]
        return [_record(each) if each else None for each in found]

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        follow = self._follow(scope)
        found = list(follow.all(self.schema[query.kind].name, query.conditions))
        orders = directions(query)
        for order in reversed(orders):
            found.sort(
                key=lambda seen, path=order.path: sort_key(value_at(seen, path, follow)),  # type: ignore[misc]
                reverse=order.descending,
            )
        if query.after is not None:
            values, id = read_cursor(self.schema, query)
            place = [sort_key(each) for each in (*values, id)]
            found = [seen for seen in found if self._is_behind(seen, query, place, follow)]
        kept = found if query.limit is None else found[: query.limit]
        more = bool(kept) and len(kept) < len(found)
        after = cursor_behind(self.schema, query, kept[-1], follow) if more else None
        return Page(tuple(map(_record, kept)), after)

    def _is_behind(self, seen: _Seen, query: Query, place: list[Any], follow: _Follow) -> bool:
        for order, there in zip(directions(query), place, strict=True):
            here = sort_key(value_at(seen, order.path, follow))
            if here != there:
                return bool(here < there) if order.descending else bool(here > there)
        return False

    def count(self, query: Query, scope: Scope = NO_SCOPE) -> int:
        found = self._follow(scope).all(self.schema[query.kind].name, query.conditions)
        return sum(1 for _ in found)

    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        check_totals(self.schema, query, by, measures)
        follow = self._follow(scope)
        groups: dict[tuple[Any, ...], list[list[Any]]] = {}
        for seen in follow.all(query.kind, query.conditions):
            values = [value_at(seen, each.path, follow) for each in measures]
            currencies = [each.currency if isinstance(each, Money) else None for each in values]
            group = (*(value_at(seen, path, follow) for path in by), *currencies)
            groups.setdefault(group, []).append(values)
        kind = self.schema[query.kind]
        fields = [self.schema.locate(kind, each.path).field for each in measures]
        return [
            Total(
                group[: len(by)],
                len(groups[group]),
                tuple(
                    map(_measured, measures, fields, map(list, zip(*groups[group], strict=True)))
                ),
            )
            for group in sorted(groups, key=lambda group: list(map(sort_key, group)))
        ]

    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]
    ) -> Page:
        follow, phrases = self._follow(scope), search_phrases(text)
        fingerprint = [text, *sorted(kinds)]
        below = math.inf if after is None else _read_place(fingerprint, after)
        found: list[tuple[int, _Seen]] = []
        for kind in {self.schema[name].name: self.schema[name] for name in kinds}.values():
            fields = [f for f in kind.searchable if f.name not in hidden.get(kind.name, ())]
            for number, document in follow.data.records.get(kind.name, {}).values():
                seen = _Seen(kind, document)
                if number >= below or not phrases or not follow.sees(seen):
                    continue
                if self._has(seen, fields, phrases):
                    found.append((number, seen))
        found.sort(key=lambda each: each[0], reverse=True)
        kept = found[:limit]
        more = bool(kept) and len(kept) < len(found)
        place = json.dumps([fingerprint, kept[-1][0]]) if more else ""
        cursor = base64.urlsafe_b64encode(place.encode()).decode()
        return Page(tuple(_record(seen) for _, seen in kept), cursor or None)

    def _has(self, seen: _Seen, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        texts = [tokens for field in fields for tokens in _tokens(seen.document.get(field.name))]
        return all(any(matches(phrase, tokens) for tokens in texts) for phrase in phrases)

    def history(self, kind: str, id: str) -> list[Change]:
        return [
            _copied(each) for each in self._read().journal if (each.kind, each.id) == (kind, id)
        ]

    def changes(
        self,
        after: int = 0,
        kinds: Sequence[str] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Change]:
        found = [
            each
            for each in self._read().journal[max(after, 0) :]
            if (kinds is None or each.kind in kinds) and (since is None or each.at > since)
        ]
        return [_copied(each) for each in found[:limit]]

    def position(self) -> int:
        return len(self._read().journal)

    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        last = self._read().last
        return {id: last[kind, id] for id in ids if (kind, id) in last}

    def state(self, key: str) -> Any:
        return _copy(self._read().state.get(key))

    def states(self, prefix: str) -> dict[str, Any]:
        state = self._read().state
        return {key: _copy(state[key]) for key in sorted(state) if key.startswith(prefix)}


def _record(seen: _Seen) -> Record:
    return load_document(seen.kind, _copy(seen.document))


def _measured(measure: Measure, field: Field, values: list[Any]) -> Any:
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
        raise errors.ValueRefused(f"the sum of {measure.path} is too large for a number") from None


def _read_place(fingerprint: list[str], after: str) -> int:
    try:
        of, place = json.loads(base64.urlsafe_b64decode(after))
        if of == fingerprint and type(place) is int:
            return place
    except (ValueError, TypeError, RecursionError):
        pass
    raise errors.QueryError(
        "this cursor belongs to another search or is damaged; start again without it"
    )


def _tokens(plain: Any) -> Iterator[list[str]]:
    """The tokens of a text, or of each text of a list: a phrase never crosses from one to the next."""
    left = TOKENS_PER_FIELD
    for each in plain if isinstance(plain, list) else [plain]:
        tokens = search_tokens(each)[:left] if isinstance(each, str) else []
        left -= len(tokens)
        yield tokens


class MemoryTransaction(_Reader, Transaction):
    """One transaction: reads from the data as they were at its beginning, with its own writes."""

    def __init__(self, schema: Schema, data: _Data, *, write: bool) -> None:
        self.schema = schema
        self._data = data.copy() if write else data
        self._write = write
        self._over = False
        self.failed = False
        self._restored: list[tuple[Kind, str]] = []

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

        def check(data: _Data, write: Write) -> None:
            id, before = write.record.id, write.record.version - 1
            document = data.document(kind, id)
            if document is not None:
                raise errors.ConflictError(kind, id, 0, document["version"])
            if before != data.last.get((kind, id), 0):
                raise errors.ConflictError(kind, id, before, data.last.get((kind, id), 0))

        self._put(self.schema[kind], writes, stamp, check)

    def update(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Check each version, then write."""
        self._put(self.schema[kind], writes, stamp, _check_version)

    def _put(
        self,
        kind: Kind,
        writes: Sequence[Write],
        stamp: Stamp,
        check: Callable[[_Data, Write], None],
    ) -> None:
        with self._writing() as data:
            taken = self._taken(kind)
            for write in writes:
                check(data, write)
                self._store(kind, dump_document(kind, write.record), taken)
                delta = delta_of(kind, write)
                data.record(_change(write, write.record.version, write.action, delta, stamp))
            for write in writes:
                self._check_references(kind, write.record.id)

    def _taken(self, kind: Kind) -> dict[Any, str]:
        """Who has which unique values."""
        seen = [_Seen(kind, document) for document in self._data.documents(kind.name)]
        return {key: each.id for each in seen for key in _unique(each)}

    def _store(self, kind: Kind, document: Document, taken: dict[Any, str]) -> None:
        old = self._data.document(kind.name, document["id"])
        for key in _unique(_Seen(kind, old)) if old else ():
            del taken[key]
        for fields, values in _unique(_Seen(kind, document)):
            holder = taken.setdefault((fields, values), document["id"])
            if holder != document["id"]:
                raise errors.Duplicate(kind.name, fields, values, holder)
        self._data.put(kind.name, document)

    def _check_references(self, kind: Kind, id: str) -> None:
        document = self._data.document(kind.name, id)
        for field in kind.references if document else ():
            target, to = str(field.refers_to), document.get(field.name)  # type: ignore[union-attr]
            if to is not None and self._data.document(target, to) is None:
                raise errors.MissingReference(kind.name, id, field.name, target, to)

    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Check each version and that nothing refers to it, then delete."""
        with self._writing() as data:
            for write in writes:
                _check_version(data, write)
                del data.records[kind][write.record.id]
                delta = delta_of(self.schema[kind], write)
                data.record(_change(write, write.record.version + 1, "delete", delta, stamp))
            gone = {write.record.id for write in writes}
            for other, field in self.schema.referring(kind):
                for document in data.documents(other.name):
                    id = document.get(field.name)
                    if id in gone:
                        raise errors.ReferencedError(
                            kind, id, other.name, field.name, document["id"]
                        )

    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        """Write the blank records and blank every change of theirs."""
        with self._writing() as data:
            known, taken = self.schema[kind], self._taken(self.schema[kind])
            blanks = {name: blanked(known, known.field(name)) for name in fields}
            pairs = {name: (blank, blank) for name, blank in blanks.items()}
            for write in writes:
                version, delta = write.record.version, dict(pairs)
                if write.previous is not None:
                    _check_version(data, write)
                    self._store(known, dump_document(known, write.record), taken)
                    delta = difference(known, write.previous, write.record) | pairs
                elif document := data.document(kind, write.record.id):
                    raise errors.ConflictError(kind, write.record.id, 0, document["version"])
                else:
                    version = data.last.get((kind, write.record.id), 0) + 1
                data.record(_change(write, version, "redact", delta, stamp))
            ids = {write.record.id for write in writes}
            for place, change in enumerate(data.journal):
                if change.kind == kind and change.id in ids:
                    data.journal[place] = _blank(change, blanks)

    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        """Write everything; the references are checked at the end of the transaction."""
        with self._writing() as data:
            taken = {
                name: self._taken(self.schema[name]) for name in {each for each, _ in documents}
            }
            for name, document in documents:
                there = data.document(name, document["id"])
                if there is not None:
                    raise errors.ConflictError(name, document["id"], 0, there["version"])
                self._store(self.schema[name], document, taken[name])
                self._restored.append((self.schema[name], document["id"]))
            for change in changes:
                data.record(change)

    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Compare, then set."""
        with self._writing() as data:
            if expected is not ... and _canonical(data.state.get(key)) != _canonical(expected):
                return False
            data.state.pop(key, None)
            if value is not None:
                data.state[key] = _copy(value)
            return True

    def lock(self, name: str) -> None:
        """Nothing to wait for: only one transaction writes at a time."""
        with self._writing():
            pass

    def end(self) -> _Data:
        """The data as they are to be from now on."""
        for kind, id in self._restored:
            self._check_references(kind, id)
        return self._data

    def leave(self) -> None:
        """Refuse everything from now on."""
        self._over = True


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _check_version(data: _Data, write: Write) -> None:
    before, kind = write.previous or write.record, write.record.__kind__
    document = data.document(kind, before.id)
    actual = document["version"] if document else 0
    if document is None or actual != before.version:
        raise errors.ConflictError(kind, before.id, before.version, actual)


def _unique(seen: _Seen) -> list[tuple[tuple[str, ...], tuple[Any, ...]]]:
    each = [(fields, tuple(seen[name] for name in fields)) for fields in seen.kind.unique]
    return [(fields, values) for fields, values in each if None not in values]


def _change(write: Write, version: int, action: Action, delta: Any, stamp: Stamp) -> Change:
    kind, id, at, effective = write.record.__kind__, write.record.id, stamp.at, stamp.effective
    step = (0, stamp.transaction, kind, id, version, action, at, effective)
    return Change(*step, stamp.actor, stamp.cause, delta)


def _blank(change: Change, blanks: Mapping[str, Any]) -> Change:
    delta = dict(change.delta or {})
    for name in delta.keys() & blanks.keys():
        delta[name] = blanks[name] if change.action == "delete" else (blanks[name], blanks[name])
    kept = {name: value for name, value in delta.items() if value is not None}
    return attrs.evolve(change, delta=None if change.delta is None else kept)


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
        steps: list[str] = []
        with self._exclusive():
            data = self._read().copy()
            for kind in schema:
                known = self._declared.get(kind.name)
                new = kind.fields.keys() - (known or set())
                steps += [f"add the kind {kind.name}"] if known is None else []
                steps += [f"add {kind.name}.{name}" for name in sorted(new) if known is not None]
                for id, (number, document) in data.records.get(kind.name, {}).items():
                    filled = {**_defaults(kind, new), **document}
                    data.records[kind.name][id] = (number, filled)
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


def _defaults(kind: Kind, names: Iterable[str]) -> Document:
    found: Document = {}
    for field in (kind.fields[name] for name in names):
        default = field.default
        if hasattr(default, "factory"):
            default = default.factory()
        if field.required and default is not None and default is not attrs.NOTHING:
            found[field.name] = field.type.dump(default)
    return found
