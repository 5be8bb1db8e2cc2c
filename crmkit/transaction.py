"""Writing: a transaction of one actor, from records through guards to storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmkit.changes import Actor, Cause, Write
from crmkit.codec import accept, difference, dump_document, load_document
from crmkit.errors import ConflictError, InvalidRecords, NotFound, RestrictedError, TransactionError
from crmkit.guards import Guards
from crmkit.merging import absorb, redact, separate
from crmkit.past import version_of
from crmkit.query import kind_name
from crmkit.reading import R, Reader
from crmkit.records import Record
from crmkit.restrictions import MASKED, Views
from crmkit.schema import Kind
from crmkit.storage import Reads
from crmkit.storage import Transaction as StorageTransaction
from crmkit.values import utc
from crmkit.writer import Writer, by_kind

if TYPE_CHECKING:
    from crmkit.crm import CRM

__all__ = ["GuardView", "Transaction"]


class GuardView(Reader):
    """What hooks read through during a write: everything, as the transaction sees it. It cannot write.

    `effective` is when what is written was true in the world, None if that is now: histories are brought in as of then.
    """

    effective: datetime | None = None

    def __init__(self, app: CRM, storage: StorageTransaction, actor: Actor) -> None:
        self.actor = actor
        self._app = app
        self._storage = storage
        self._unrestricted = Views(app.plugins, app.actor, self)

    def lock(self, name: str) -> None:
        """Hold a name until the end of the transaction: a rule over several records is then safe."""
        self._storage.lock(name)

    def _reads(self) -> Reads:
        return self._storage

    def _views(self) -> Views:
        return self._unrestricted


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
        self.actor = actor
        self._app = app
        self._storage = storage
        view = GuardView(app, storage, actor)
        view.effective = effective and utc(effective)
        viewer = app.actor if unrestricted else actor
        self._seen = Views(app.plugins, viewer, view, fresh_for=None)
        guards = Guards(app.plugins, app.schema, actor, view, app.config.company.region)
        self._writer = Writer(storage, guards, app.clock, actor, view.effective, cause)

    @property
    def id(self) -> str:
        """What its changes have in common."""
        return self._writer.id

    @property
    def cause(self) -> Cause | None:
        """What set it off."""
        return self._writer.cause

    @cause.setter
    def cause(self, cause: Cause | None) -> None:
        self._writer.cause = cause

    @property
    def touched(self) -> set[str]:
        """The kinds of which it has written records."""
        return self._writer.touched

    # `Reader` --------------------------------------------------------------------------------------------------

    def _reads(self) -> Reads:
        self._writer.usable()
        return self._storage

    def _views(self) -> Views:
        return self._seen

    def end(self, reason: str) -> None:
        """Refuse whatever comes from now on, with this sentence."""
        self._writer.over = reason

    @property
    def failed(self) -> bool:
        """Whether a write stopped half-way, so that nothing of the transaction can be kept."""
        return self._writer.over is not None

    def lock(self, name: str) -> None:
        """Wait until no other transaction holds this name, then hold it to the end: for rules over several records."""
        self._writer.usable()
        self._storage.lock(name)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction: if its block raises, what was written in it is undone and the transaction goes on."""
        self._writer.usable()
        try:
            with self._storage.savepoint():
                yield
                self._writer.usable()
        except BaseException:
            self._writer.over = None
            raise

    def state(self, key: str) -> Any:
        """What was kept under a key: a plugin's own notes, which are no records and leave no changes."""
        self._writer.usable()
        return self._storage.state(key)

    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Keep a JSON value under a key, None to forget it; with `expected`, only if that is what is kept now."""
        self._writer.usable()
        return self._storage.set_state(key, value, expected)

    # Adding, changing, deleting --------------------------------------------------------------------------------

    def add(self, record: R) -> R:
        """Write a new record; returns it as stored. Raises `InvalidRecords`, `Denied`, `Duplicate`, ..."""
        return self.add_all([record])[0]

    def add_all(self, records: Iterable[R]) -> list[R]:
        """Write new records, those of one kind in one batch; returns them as stored, in their order."""
        self._writer.usable()
        stored: list[Any] = []
        for name, run in by_kind(records):
            kind = self.schema[name]
            writes = [Write("insert", record) for record in self._accepted(kind, run)]
            stored += self._written(kind, writes)
        return stored

    def _written(self, kind: Kind, writes: Sequence[Write]) -> list[Record]:
        """Write a batch, in which no masked field is written, and show of it what the actor may see."""
        for write in writes:
            self._refuse_masked(kind, write)
        stored = self._writer.write(kind, writes)
        view = self._seen.of(self.schema, kind.name)
        return [view.show(each) for each in stored] if view.masked else stored

    def update(self, record: R, *, strict: bool = False) -> R:
        """Write a changed record; returns it as stored.

        If someone else has changed other fields of it meanwhile, both changes are kept; if the same fields,
        `ConflictError` shows mine, theirs and the original. `strict` keeps nothing of a record that anybody has
        changed since it was read: to decide by what was read, as in taking what is free.
        """
        return self.update_all([record], strict=strict)[0]

    def update_all(self, records: Iterable[R], *, strict: bool = False) -> list[R]:
        """Write changed records, those of one kind in one batch; returns them as stored, in their order."""
        self._writer.usable()
        stored: list[Any] = []
        for name, mine in by_kind(records):
            kind = self.schema[name]
            current = self._current(kind, mine)
            shown = [self._unmasked(kind, *pair) for pair in zip(mine, current, strict=True)]
            accepted = self._accepted(kind, shown)
            writes = [
                Write("update", self._combined(kind, *pair, strict), pair[1])
                for pair in zip(accepted, current, strict=True)
            ]
            stored += self._written(kind, writes)
        return stored

    def revert(self, kind: type[R] | str, id: str, version: int) -> R:
        """Give a record the values that it had at a version, as a change of its own; returns it as stored.

        Raises `NotFound` for a record or a version of it that is not there.
        """
        current = self.get(kind, id)
        old = self.at_version(current.__kind__, current.id, version)
        return self.update(old.evolve(version=current.version))  # type: ignore[return-value]  # of the same kind

    def delete(self, record: Record) -> None:
        """Delete a record that is still as it was read; what refers to it is refused, cleared or deleted too."""
        self.delete_all([record])

    def delete_all(self, records: Iterable[Record]) -> None:
        """Delete records, those of one kind in one batch."""
        self._writer.usable()
        for name, mine in by_kind(records):
            kind = self.schema[name]
            for record, found in zip(mine, self._current(kind, mine), strict=True):
                if record.version != found.version:
                    raise ConflictError(name, record.id, record.version, found.version)
            self._writer.delete(kind, self._current(kind, mine), frozenset())

    def _accepted(self, kind: Kind, records: Sequence[Record]) -> list[Record]:
        try:
            return accept(kind, records)
        except InvalidRecords:
            if not any(record.added for record in records) or not self._app.reload_fields():
                raise
            return accept(self.schema[kind.name], records)

    def _current(self, kind: Kind, records: Sequence[Record]) -> list[Record]:
        scope = self._seen.of(self.schema, kind.name).scope
        found = self._storage.hold(kind.name, [record.id for record in records], scope)
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

    def _combined(self, kind: Kind, mine: Record, current: Record, strict: bool) -> Record:
        """My changes on top of the current record; mine = what I wrote - what I had read."""
        if mine.version == current.version:
            return mine
        history = [] if strict else self._storage.history(kind.name, mine.id)
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

    # For good --------------------------------------------------------------------------------------------------

    def merge(self, keep: R, lose: R) -> R:
        """Make two records one: whatever refers to `lose` refers to `keep` from now on, and its id leads there.

        `keep` is written if it differs from what is stored; kinds without their plugin are moved too.
        """
        self._writer.usable()
        kind = self.schema[keep.__kind__]
        if lose.__kind__ != kind.name or lose.id == keep.id:
            raise TransactionError(f"merge takes two different records of one kind, not {lose.id}")
        kept = self.update(keep)
        [gone] = self._current(kind, [lose])
        if gone.version != lose.version:
            raise ConflictError(kind.name, lose.id, lose.version, gone.version)
        absorb(self._writer, kind, kept, gone)
        return self.get(kind.name, kept.id)  # type: ignore[return-value]  # of the same kind

    def separate(
        self,
        kind: type[R] | str,
        id: str,
        references: Mapping[tuple[str, str], Sequence[str]] | None = None,
        deleted: Mapping[str, Sequence[str]] | None = None,
    ) -> R:
        """Undo a merge: the record that was merged away is there again, as it was when it went; returns it as stored.

        `references`: (kind, field) -> ids of the records that are to refer to it; those that refer elsewhere by now
        are left as they are, those of kinds without their plugin are moved too. `deleted`: kind -> ids of records
        that come back with it. What they had referred to may be gone: then that reference is empty, unless it is one
        of `references`.
        Raises `NotFound` for an id that was not merged away, `TrimmedError` if the journal does not know it any more.
        """
        self._writer.usable()
        owner = self.schema[kind_name(kind)]
        if self._writer.guards.reader.get_many(owner.name, [id]) != [None]:
            self.get(owner.name, id)
        separate(self._writer, owner, id, references or {}, deleted or {})
        with self._writer.whole("a separation"):  # the actor may see the one and not the other
            return self.get(owner.name, id)  # type: ignore[return-value]  # of the same kind

    def redact(
        self, kind: type[Record] | str, ids: Iterable[str], fields: Sequence[str] | None = None
    ) -> None:
        """Take values out of records for good: out of the record, every delta of it, and search.

        `fields`: those that are declared personal data, if none are given. Deleted records are redacted too. A
        change that names the fields says that it happened. Raises `NotFound` for an id that never was.
        """
        self._writer.usable()
        owner, wanted = self.schema[kind_name(kind)], list(ids)
        view = self._seen.of(self.schema, owner.name)
        names = [each.name for each in owner.personal] if fields is None else list(fields)
        for path in view.masked.intersection(names):
            raise RestrictedError(
                f"{self.actor} may not see {owner.name}.{path}, so may not blank it"
            )
        if view.conditions and None in (seen := self._storage.get(owner.name, wanted, view.scope)):
            raise NotFound(owner.name, wanted[seen.index(None)])
        redact(self._writer, owner, wanted, names)
