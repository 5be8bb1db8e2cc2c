"""Writing: a transaction of one actor, from records through guards to storage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from crmkit.codec import accept, blanked, difference, dump_document, load_document, stamped
from crmkit.errors import (
    ConflictError,
    InvalidRecords,
    NotFound,
    PluginError,
    ReferencedError,
    RestrictedError,
    TransactionError,
)
from crmkit.guards import Guards
from crmkit.past import version_of
from crmkit.query import Query, where
from crmkit.reading import R, Reader, kind_name
from crmkit.records import Alias, OpaqueRecord, Record
from crmkit.restrictions import MASKED, Views
from crmkit.schema import Field, Kind, Schema
from crmkit.storage import Actor, Cause, Reads, Stamp, Write
from crmkit.storage import Transaction as StorageTransaction
from crmkit.values import new_id, utc

if TYPE_CHECKING:
    from crmkit.crm import CRM

__all__ = ["GuardView", "Transaction"]

MAX_ROUNDS = 8
"""How often records that plugins add may lead to further ones."""


class GuardView(Reader):
    """What hooks read through during a write: everything, as the transaction sees it. It cannot write."""

    def __init__(self, app: CRM, storage: StorageTransaction, actor: Actor) -> None:
        self.actor = actor
        self._app = app
        self._storage = storage
        self._unrestricted = Views(app.plugins, app.actor, self)

    @property
    def schema(self) -> Schema:
        """The kinds there are."""
        return self._app.schema

    def lock(self, name: str) -> None:
        """Hold a name until the end of the transaction: a rule over several records is then safe."""
        self._storage.lock(name)

    def _reads(self) -> Reads:
        return self._storage

    def _views(self) -> Views:
        return self._unrestricted

    def _reload(self) -> bool:
        return False


class Transaction(Reader):
    """Reads that see one snapshot and their own writes, and writes that all happen or none."""

    def __init__(
        self,
        app: CRM,
        storage: StorageTransaction,
        actor: Actor,
        *,
        effective: datetime | None = None,
        cause: Cause | None = None,
        unrestricted: bool = False,
    ) -> None:
        self.id = new_id()
        self.actor = actor
        self.effective = effective and utc(effective)
        self.cause = cause
        self.touched: set[str] = set()
        self._app = app
        self._storage = storage
        self._view = GuardView(app, storage, actor)
        viewer = app.actor if unrestricted else actor
        self._seen = Views(app.plugins, viewer, self._view, fresh_for=None)
        self._guards = Guards(app.plugins, app.schema, actor, self._view, app.config.company.region)
        self._over: str | None = None

    # `Reader` --------------------------------------------------------------------------------------------------

    @property
    def schema(self) -> Schema:
        """The kinds there are."""
        return self._app.schema

    def _reads(self) -> Reads:
        self._usable()
        return self._storage

    def _views(self) -> Views:
        return self._seen

    def _reload(self) -> bool:
        return False

    def _usable(self) -> None:
        if self._over:
            raise TransactionError(self._over)

    def end(self, reason: str) -> None:
        """Refuse whatever comes from now on, with this sentence."""
        self._over = reason

    @property
    def failed(self) -> bool:
        """Whether a write stopped half-way, so that nothing of the transaction can be kept."""
        return self._over is not None

    def lock(self, name: str) -> None:
        """Wait until no other transaction holds this name, then hold it to the end: for rules over several records."""
        self._usable()
        self._storage.lock(name)

    def state(self, key: str) -> Any:
        """What was kept under a key: a plugin's own notes, which are no records and leave no changes."""
        self._usable()
        return self._storage.state(key)

    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Keep a JSON value under a key, None to forget it; with `expected`, only if that is what is kept now."""
        self._usable()
        return self._storage.set_state(key, value, expected)

    # Adding, changing, deleting --------------------------------------------------------------------------------

    def add(self, record: R) -> R:
        """Write a new record; returns it as stored. Raises `InvalidRecords`, `Denied`, `Duplicate`, ..."""
        return self.add_all([record])[0]

    def add_all(self, records: Iterable[R]) -> list[R]:
        """Write new records, those of one kind in one batch; returns them as stored, in their order."""
        self._usable()
        stored: list[Any] = []
        for name, group in groupby(records, key=lambda record: record.__kind__):
            kind = self.schema[name]
            writes = [Write("insert", record) for record in self._accepted(kind, list(group))]
            for write in writes:
                self._refuse_masked(kind, write)
            stored += self._write(kind, writes)
        return stored

    def update(self, record: R) -> R:
        """Write a changed record; returns it as stored.

        If someone else has changed other fields of it meanwhile, both changes are kept; if the same fields,
        `ConflictError` shows mine, theirs and the original.
        """
        return self.update_all([record])[0]

    def update_all(self, records: Iterable[R]) -> list[R]:
        """Write changed records, those of one kind in one batch; returns them as stored, in their order."""
        self._usable()
        stored: list[Any] = []
        for name, group in groupby(records, key=lambda record: record.__kind__):
            kind, mine = self.schema[name], list(group)
            current = self._current(kind, mine)
            shown = [self._unmasked(kind, *pair) for pair in zip(mine, current, strict=True)]
            accepted = self._accepted(kind, shown)
            writes = [
                Write("update", self._combined(kind, *pair), pair[1])
                for pair in zip(accepted, current, strict=True)
            ]
            for write in writes:
                self._refuse_masked(kind, write)
            stored += self._write(kind, writes)
        return stored

    def delete(self, record: Record) -> None:
        """Delete a record that is still as it was read; what refers to it is refused, cleared or deleted too."""
        self.delete_all([record])

    def delete_all(self, records: Iterable[Record]) -> None:
        """Delete records, those of one kind in one batch."""
        self._usable()
        for name, group in groupby(records, key=lambda record: record.__kind__):
            kind, mine = self.schema[name], list(group)
            for record, found in zip(mine, self._current(kind, mine), strict=True):
                if record.version != found.version:
                    raise ConflictError(name, record.id, record.version, found.version)
            self._delete(kind, self._current(kind, mine), set())

    def _accepted(self, kind: Kind, records: Sequence[Record]) -> list[Record]:
        try:
            return accept(kind, records)
        except InvalidRecords:
            if not any(record.added for record in records) or not self._app.reload_fields():
                raise
            return accept(self.schema[kind.name], records)

    def _current(self, kind: Kind, records: Sequence[Record]) -> list[Record]:
        conditions = self._seen.of(self.schema, kind.name).conditions
        scope = {kind.name: conditions} if conditions else {}
        found = self._storage.get(kind.name, [record.id for record in records], scope)
        for record, stored in zip(records, found, strict=True):
            if stored is None:
                if self._storage.get(kind.name, [record.id])[0] is None and record.version:
                    raise ConflictError(kind.name, record.id, record.version, 0)
                raise NotFound(kind.name, record.id)
        return found  # type: ignore[return-value]  # none is None

    # Fields that the actor may not see -------------------------------------------------------------------------

    def _unmasked(self, kind: Kind, record: Record, current: Record) -> Record:
        for path in self._seen.of(self.schema, kind.name).masked:
            if record[path] is MASKED:
                record = record.set(path, current[path])
        return record

    def _refuse_masked(self, kind: Kind, write: Write) -> None:
        for path in self._seen.of(self.schema, kind.name).masked:
            default = kind.field(path).default
            given = (
                write.changed(path) if write.previous else write.record[path] not in (None, default)
            )
            if given:
                raise RestrictedError(
                    f"{self.actor} may not see {kind.name}.{path}, so may not write it; leave it as it is"
                )

    # Two people, one record ------------------------------------------------------------------------------------

    def _combined(self, kind: Kind, mine: Record, current: Record) -> Record:
        """My changes on top of the current record; mine = what I wrote - what I had read."""
        if mine.version == current.version:
            return mine
        history = self._storage.history(kind.name, mine.id)
        original = version_of(dump_document(kind, current), history, mine.version)
        if original is None:
            raise ConflictError(kind.name, mine.id, mine.version, current.version)
        base = load_document(kind, original)
        ours, theirs = difference(kind, base, mine), difference(kind, base, current)
        clashes = {
            path: (ours[path][1], theirs[path][1], ours[path][0])
            for path in ours
            if path in theirs and ours[path][1] != theirs[path][1]
        }
        if clashes:
            raise ConflictError(kind.name, mine.id, mine.version, current.version, clashes)
        merged = current
        for path in ours:
            if path in kind.fields:
                merged = merged.set(path, mine[path])
        return merged

    # From guards to storage ------------------------------------------------------------------------------------

    def _write(self, kind: Kind, writes: Sequence[Write], round: int = 1) -> list[Record]:
        """Guard and store a batch, then the records that plugins add to it."""
        if not writes:
            return []
        if round > MAX_ROUNDS:
            raise PluginError(
                f"plugins keep adding {kind.name} records to each other's, {MAX_ROUNDS} rounds deep; "
                "let crm_prepare add only what is not there yet"
            )
        prepared, added = self._guards.prepare(kind, writes)
        self._guards.check(kind, prepared)
        changed = [
            write
            for write in prepared
            if write.previous is None or difference(kind, write.previous, write.record)
        ]
        stored = {write.record.id: write.record for write in self._store(kind, changed)}
        try:
            self._add_prepared(added, round + 1)
        except BaseException:
            self.end(
                "a record that a plugin added was refused; leave this transaction and start another"
            )
            raise
        return [stored.get(write.record.id, write.previous or write.record) for write in prepared]

    def _add_prepared(self, added: Sequence[Record], round: int) -> None:
        for name, group in groupby(
            sorted(added, key=lambda record: record.__kind__), key=lambda record: record.__kind__
        ):
            kind = self.schema[name]
            writes = [Write("insert", record) for record in accept(kind, list(group))]
            self._write(kind, writes, round)

    def _store(self, kind: Kind, writes: Sequence[Write]) -> Sequence[Write]:
        """Stamp a batch of one action with versions and times, and hand it to storage."""
        if not writes:
            return writes
        self.touched.add(kind.name)
        try:
            if writes[0].action == "insert":
                return self._insert(kind, writes)
            stamp = self._stamp(write.previous for write in writes)
            if writes[0].action == "delete":
                self._storage.delete(kind.name, writes, stamp)
                return writes
            copy = stamped(kind)
            final = [
                Write(
                    write.action,
                    copy(write.record, p.version + 1, p.created_at, stamp.at),
                    p,
                )
                for write in writes
                if (p := write.previous) is not None
            ]
            self._storage.update(kind.name, final, stamp)
            return final
        except BaseException:
            self.end("a write of this transaction failed; leave it and start another")
            raise

    def _insert(self, kind: Kind, writes: Sequence[Write]) -> Sequence[Write]:
        known = self._storage.versions(kind.name, [write.record.id for write in writes])
        stamp = self._stamp(())
        if known:
            last = [self._storage.history(kind.name, id)[-1].at for id in known]
            stamp = self._stamp((), max(last))
        copy = stamped(kind)
        for write in writes:
            record = write.record
            write.record = copy(record, known.get(record.id, 0) + 1, stamp.at, stamp.at)
        self._storage.insert(kind.name, writes, stamp)
        return writes

    def _stamp(
        self, previous: Iterable[Record | None], not_before: datetime | None = None
    ) -> Stamp:
        # The clocks of two machines differ, but the time of one record never goes back.
        times = [record.updated_at for record in previous if record is not None]
        at = max([self._app.clock(), *times, *([not_before] if not_before else [])])
        return Stamp(self.id, at, self.effective or at, self.actor, self.cause)

    # Deleting and what refers to it ----------------------------------------------------------------------------

    def _delete(self, kind: Kind, records: Sequence[Record], going: set[str]) -> None:
        writes = [Write("delete", record, record) for record in records if record.id not in going]
        if not writes:
            return
        self._guards.check(kind, writes)
        going |= {write.record.id for write in writes}
        try:
            for other, field in self.schema.referring(kind.name):
                self._detach(kind, other, field, [write.record.id for write in writes], going)
        except BaseException:
            self.end("a delete of this transaction failed; leave it and start another")
            raise
        # A record that refers to itself in a circle may have changed by now.
        ids = [write.record.id for write in writes]
        current = self._storage.get(kind.name, ids)
        self._store(kind, [Write("delete", each, each) for each in current if each is not None])

    def _detach(
        self, kind: Kind, other: Kind, field: Field, ids: Sequence[str], going: set[str]
    ) -> None:
        query = Query(other.name, (where[field.name].in_(ids),))
        linked = [record for record in self._storage.find(query) if record.id not in going]
        if not linked:
            return
        if field.on_delete == "cascade":
            self._delete(other, linked, going)
        elif field.on_delete == "clear" and not field.required:
            self._write(other, [Write("update", _pointing(r, field, None), r) for r in linked])
        else:
            first = linked[0]
            raise ReferencedError(kind.name, first[field.name], other.name, field.name, first.id)

    # Merging and redacting -------------------------------------------------------------------------------------

    def merge(self, keep: R, lose: R) -> R:
        """Make two records one: whatever refers to `lose` refers to `keep` from now on, and its id leads there.

        `keep` is written if it differs from what is stored; kinds without their plugin are moved too.
        """
        self._usable()
        kind = self.schema[keep.__kind__]
        if lose.__kind__ != kind.name or lose.id == keep.id:
            raise TransactionError(f"merge takes two different records of one kind, not {lose.id}")
        kept = self.update(keep)
        [gone] = self._current(kind, [lose])
        if gone.version != lose.version:
            raise ConflictError(kind.name, lose.id, lose.version, gone.version)
        try:
            for other, field in self.schema.referring(kind.name):
                query = Query(other.name, (where[field.name] == gone.id,))
                moved = list(self._storage.find(query))
                self._write(
                    other, [Write("update", _pointing(r, field, kept.id), r) for r in moved]
                )
            [gone] = self._current(kind, [gone.evolve()])
            self._delete(kind, [gone], set())
            self._alias(kind, gone.id, kept.id)
        except BaseException:
            self.end("a merge of this transaction failed; leave it and start another")
            raise
        return self.get(kind.name, kept.id)  # type: ignore[return-value]  # of the same kind

    def _alias(self, kind: Kind, old: str, new: str) -> None:
        aliases = self.schema[Alias.__kind__]
        query = Query(aliases.name, (where.target == old,))
        longer = [each.set("target", new) for each in self._storage.find(query)]
        earlier = [*self._storage.find(query)]
        self._write(
            aliases,
            [Write("update", *pair) for pair in zip(longer, earlier, strict=True)],
        )
        self._write(aliases, [Write("insert", Alias(id=old, of=kind.name, target=new))])

    def redact(
        self, kind: type[Record] | str, ids: Iterable[str], fields: Sequence[str] | None = None
    ) -> None:
        """Take values out of records for good: out of the record, every delta of it, and search.

        `fields`: those that are declared personal data, if none are given. Deleted records are redacted too. A
        change that names the fields says that it happened. Raises `NotFound` for an id that never was.
        """
        self._usable()
        owner = self.schema[kind_name(kind)]
        names = fields if fields is not None else [field.name for field in owner.personal]
        blanks = {name: blanked(owner, owner.field(name)) for name in names}
        current = self._storage.get(owner.name, list(ids))
        writes = [
            self._redaction(owner, id, record, blanks)
            for id, record in zip(ids, current, strict=True)
        ]
        self._guards.authorize(owner, writes)
        self.touched.add(owner.name)
        try:
            stamp = self._stamp(write.previous for write in writes)
            copy = stamped(owner)
            for write in writes:
                write.record = copy(
                    write.record, write.record.version, write.record.created_at, stamp.at
                )
            self._storage.redact(owner.name, writes, list(names), stamp)
        except BaseException:
            self.end("a redaction of this transaction failed; leave it and start another")
            raise

    def _redaction(
        self, kind: Kind, id: str, record: Record | None, blanks: dict[str, Any]
    ) -> Write:
        if record is not None:
            document = dump_document(kind, record)
        else:
            deletes = [c for c in self._storage.history(kind.name, id) if c.action == "delete"]
            if not deletes:
                raise NotFound(kind.name, id)
            document = dict(deletes[-1].delta or {})
            document["version"] = self._storage.versions(kind.name, [id])[id]
        document = {**document, **blanks, "version": document["version"] + 1}
        return Write("redact", load_document(kind, document), record)


def _pointing(record: Record, field: Field, id: str | None) -> Record:
    """The record with another id in a reference; opaque ones too, which nobody else may change."""
    if isinstance(record, OpaqueRecord):
        values = {**record.values, field.name: id}
        return record.evolve(values={name: v for name, v in values.items() if v is not None})
    return record.set(field.name, id)
