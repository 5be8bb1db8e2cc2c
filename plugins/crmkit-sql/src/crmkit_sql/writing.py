"""Writing: records, their tokens and their changes, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count, groupby
from types import TracebackType
from typing import Any, Protocol, TypeVar

from psycopg import errors as postgres
from psycopg.pq import TransactionStatus

from crmkit.changes import Change, Document, Stamp, Write
from crmkit.codec import blanked, delta_of, difference, load_document
from crmkit.errors import ConflictError
from crmkit.records import Record
from crmkit.storage import NO_SCOPE, Scope, Transaction, Trimmable
from crmkit_sql import diagnosis, journal, trimming
from crmkit_sql.connections import Link
from crmkit_sql.faults import FAULTS, lost, named
from crmkit_sql.layout import Book, Table, dumped_json
from crmkit_sql.linked import TransactionLink
from crmkit_sql.locks import lock_name
from crmkit_sql.pending import Pending
from crmkit_sql.reading import SqlReads
from crmkit_sql.redacting import blank
from crmkit_sql.refusing import ENDED, FAILED, writing
from crmkit_sql.tokens import tokenizer

__all__ = ["Owner", "SqlTransaction"]

T = TypeVar("T")

REFUSALS = (postgres.IntegrityError, postgres.ProgramLimitExceeded)
"""What a record can be refused for."""

FEW = 20
"""Up to so many rows go in one statement; more are copied."""


class Owner(Protocol):
    """The storage, as its transactions know it."""

    @property
    def place(self) -> str:
        """The database, as people know it."""

    def refreshed(self, link: Link) -> Book:
        """The book of the tables as they are now."""

    def exchange(self, link: Link) -> None:
        """Have a link, on which nothing is under way, go on over a new connection."""

    def has(self, row: Sequence[Any]) -> bool:
        """Whether this change of the journal was committed."""


class SqlTransaction(SqlReads, Transaction):
    """One transaction of one thread; `link` is its connection until a write fails or it ends."""

    def __init__(self, owner: Owner, book: Book, link: TransactionLink, *, write: bool) -> None:
        self._owner = owner
        self._book = book
        self._first = link
        self._pending = Pending()
        self._savepoints = count(1)
        self._deferred: set[str] = set()
        self.writes = write
        self.link: Any = link

    @property
    def place(self) -> str:
        """The database, as people know it."""
        return self._owner.place

    @contextmanager
    def _lent(self) -> Iterator[Any]:
        self.link.connection  # noqa: B018  refused when the transaction is over or has failed
        yield self.link

    @property
    def taken(self) -> TransactionLink:
        """Its connection, to be given back."""
        return self._first

    def renew(self) -> bool:
        """Another connection, if nothing was done over this one; what was under way is gone with it."""
        if self._first.begun or self.link is not self._first:
            return False
        self._owner.exchange(self._first)
        return True

    def begin_again(self) -> None:
        """Begin anew with the tables as they are now; nothing was written so far."""
        self._first.connection.execute("ROLLBACK")
        self._book = self._owner.refreshed(Link(self._first.proxy))
        self._first.layout = self._book.layout
        self._first.begun = False

    def _journalled(self) -> None:
        if self._pending.rows:
            self._pending.flush(self.link)

    # Reading the journal, own changes included -----------------------------------------------------------------

    @named
    def history(self, kind: str, id: str) -> list[Change]:
        """By the journal, into which own changes of the record are written first."""
        if self._pending.holds(kind, id):
            self._journalled()
        return super().history(kind, id)

    @named
    def changes(self, *arguments: Any, **named: Any) -> list[Change]:
        """By the journal, into which own changes are written first."""
        self._journalled()
        return super().changes(*arguments, **named)

    @named
    def count_changes(self, *arguments: Any, **named: Any) -> int:
        """By the journal, into which own changes are written first."""
        self._journalled()
        return super().count_changes(*arguments, **named)

    @named
    def position(self) -> int:
        """By the journal, into which own changes are written first."""
        self._journalled()
        return super().position()

    @named
    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        """By the journal and the changes that wait for it."""
        own = {id: self._pending.versions.get((kind, id)) for id in ids}
        found = super().versions(kind, [id for id in own if own[id] is None])
        return found | {id: version for id, version in own.items() if version is not None}

    @named
    def hold(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """Locked in the order of their ids, so that two that hold several do not wait for each other."""
        if not self.writes:
            return self.get(kind, ids, scope)
        with self._lent() as link:
            return self._get_many(link, kind, ids, scope, lock=True)

    # Records ---------------------------------------------------------------------------------------------------

    @writing
    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Rows with their tokens; the changes wait for the commit."""
        table = self._book.table(kind)
        records = [write.record for write in writes]
        self._check_again(table, records)
        self._add(table, records)
        row = journal.stamped_row(kind, stamp)
        self._record(row(each.id, each.version, "insert", None) for each in records)

    def _check_again(self, table: Table, records: Sequence[Record]) -> None:
        """Records that were deleted before go on from their last version."""
        # Version 1 needs no look: the journal has each version of a record once.
        again = [each for each in records if each.version != 1]
        last = self.versions(table.kind.name, [each.id for each in again]) if again else {}
        for record in again:
            if record.version - 1 != last.get(record.id, 0):
                diagnosis.refuse_present(self.link, table, record)
                expected = record.version - 1
                raise ConflictError(table.kind.name, record.id, expected, last.get(record.id, 0))

    def _add(self, table: Table, records: Sequence[Record]) -> None:
        if not records:
            return
        dump, tokens = table.dump, tokenizer(table, table.searched)
        rows = [(*dump(each), *tokens(each)) for each in records]
        try:
            if len(rows) > FEW and self._copied(table, rows):
                return
            inserted = self._inserted(table, records, rows)
        except REFUSALS as error:
            diagnosis.refuse_missing(table, records, error)
            diagnosis.refuse_too_long(table, records, error)
            raise
        if len(inserted) != len(records):
            diagnosis.refuse_not_inserted(self.link, table, records, inserted)

    def _inserted(
        self, table: Table, records: Sequence[Record], rows: Sequence[tuple[Any, ...]]
    ) -> list[str]:
        """Insert rows; the ids of those whose id and unique values were free."""
        if len(rows) == 1:
            return [records[0].id] * self.link.run(table.insert, rows[0])
        columns = [list(each) for each in zip(*rows, strict=True)]
        return [id for (id,) in self.link.rows(table.insert_many, columns)]

    def _copied(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Copy rows into the table, which is the fastest way; False if one of them clashes, and none is in."""
        self.link.run("SAVEPOINT crm_asking")
        try:
            with self.link.cursor.copy(table.copy) as copy:
                for row in rows:
                    copy.write_row(row)
        except postgres.UniqueViolation:
            self.link.run("ROLLBACK TO SAVEPOINT crm_asking")
            return False
        self.link.run("RELEASE SAVEPOINT crm_asking")
        return True

    def _record(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._pending.add(self.link, rows)

    @writing
    def update(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Set what differs, where the version is still the one that the writer saw."""
        self._update(self._book.table(kind), writes, stamp, {})

    def _update(
        self, table: Table, writes: Sequence[Write], stamp: Stamp, blanks: Mapping[str, Any]
    ) -> None:
        kind = table.kind
        deltas = [
            {**difference(kind, write.previous, write.record), **blanks}  # type: ignore[arg-type]
            for write in writes
        ]
        for fields, run in groupby(zip(writes, deltas, strict=True), _changed):
            self._set(table, fields, [write for write, _ in run])
        row, action = journal.stamped_row(kind.name, stamp), "redact" if blanks else "update"
        self._record(
            row(each.record.id, each.record.version, action, dumped_json(delta))
            for each, delta in zip(writes, deltas, strict=True)
        )

    def _set(self, table: Table, fields: tuple[str, ...], writes: Sequence[Write]) -> None:
        """Set the same fields of some records."""
        updating = table.updating(fields)
        pick, tokens = updating.pick, tokenizer(table, updating.searched)
        rows = [
            (
                *pick(table.dump(write.record)),
                *tokens(write.record),
                write.record.id,
                (write.previous or write.record).version,
            )
            for write in writes
        ]
        unique = any(field in group for group in table.kind.unique for field in fields)

        def run() -> int:
            if len(rows) == 1 or len({write.record.id for write in writes}) < len(writes):
                return sum(self.link.run(updating.one, row) for row in rows)
            columns = [list(each) for each in zip(*rows, strict=True)]
            written: int = self.link.run(updating.many, columns)
            return written

        records = [write.record for write in writes]
        last = self._last(table, writes) if len(writes) > 1 else None
        if self._asking(table, records, unique, run) != len(writes):
            if last is None:
                last = self._last(table, writes)
            diagnosis.refuse_stale(self.link, table, writes, last)

    def _last(self, table: Table, writes: Sequence[Write]) -> dict[str, int]:
        return self.versions(table.kind.name, [write.record.id for write in writes])

    def _asking(
        self, table: Table, records: Sequence[Record], protected: bool, run: Callable[[], T]
    ) -> T:
        """Run a write; what a broken rule means is found out, `protected` in a savepoint, behind which one can ask."""
        if protected:
            self.link.run("SAVEPOINT crm_asking")
        try:
            done = run()
        except REFUSALS as error:
            if protected:
                self.link.run("ROLLBACK TO SAVEPOINT crm_asking")
                if isinstance(error, postgres.UniqueViolation):
                    diagnosis.refuse_taken(self.link, table, records)
            diagnosis.refuse_missing(table, records, error)
            diagnosis.refuse_too_long(table, records, error)
            raise
        if protected:
            self.link.run("RELEASE SAVEPOINT crm_asking")
        return done

    @writing
    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Rows go with their tokens, the documents stay in the journal."""
        table = self._book.table(kind)
        ids = [write.record.id for write in writes]
        versions = [(write.previous or write.record).version for write in writes]
        last = self._last(table, writes)
        deltas = [dumped_json(delta_of(table.kind, write)) for write in writes]
        referred = bool(self._book.schema.referring(kind))
        if referred:
            self.link.run("SAVEPOINT crm_asking")
        try:
            gone = self.link.run(
                f"DELETE FROM {table.name} AS r USING unnest(%s::text[], %s::bigint[]) AS v(id, expected) "
                "WHERE r.id = v.id AND r.version = v.expected",
                (ids, versions),
            )
        except postgres.ForeignKeyViolation:
            self.link.run("ROLLBACK TO SAVEPOINT crm_asking")
            diagnosis.refuse_referenced(self.link, self._book, table, ids)
            raise
        if gone != len(writes):
            diagnosis.refuse_stale(self.link, table, writes, last)
        if referred:
            self.link.run("RELEASE SAVEPOINT crm_asking")
        row = journal.stamped_row(kind, stamp)
        self._record(
            row(write.record.id, write.record.version + 1, "delete", delta)
            for write, delta in zip(writes, deltas, strict=True)
        )

    @writing
    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        """Blank the records, their tokens and their changes."""
        table = self._book.table(kind)
        blanks = {name: blanked(table.kind, table.kind.field(name)) for name in fields}
        pairs = {name: (value, value) for name, value in blanks.items()}
        for there, run in groupby(writes, lambda write: write.previous is not None):
            if there:
                self._update(table, list(run), stamp, pairs)
            else:
                self._note_gone(table, list(run), stamp, pairs)
        self._journalled()
        blank(self.link, kind, dict.fromkeys(each.record.id for each in writes), blanks)

    def _note_gone(
        self, table: Table, writes: Sequence[Write], stamp: Stamp, pairs: Mapping[str, Any]
    ) -> None:
        kind = table.kind.name
        row = journal.stamped_row(kind, stamp)
        for write in writes:
            id = write.record.id
            diagnosis.refuse_present(self.link, table, write.record)
            version = self.versions(kind, [id]).get(id, 0) + 1
            self._record([row(id, version, "redact", dumped_json(pairs))])

    @writing
    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        """Everything as it is; the references are checked when the transaction ends."""
        if not self._deferred:
            self.link.run("SET CONSTRAINTS ALL DEFERRED")
        for name, run in groupby(documents, lambda each: each[0]):
            table = self._book.table(name)
            self._deferred.add(name)
            self._add(table, [load_document(table.kind, document) for _, document in run])
        self._record(map(journal.change_row, changes))

    # State -----------------------------------------------------------------------------------------------------

    @writing
    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Compare and set in one statement."""
        if value is None:
            test = "" if expected is ... else " AND value = %s"
            values: tuple[str, ...] = (key,) if expected is ... else (key, _canonical(expected))
            gone = self.link.run(f"DELETE FROM crm_state WHERE key = %s{test}", values)
            if expected is None:
                return not gone and self.link.row(_THERE, (key,)) is None
            return expected is ... or bool(gone)
        if expected is None:
            sql, values = f"{_SET} DO NOTHING", (key, _canonical(value))
        elif expected is ...:
            sql, values = (
                f"{_SET} (key) DO UPDATE SET value = excluded.value",
                (key, _canonical(value)),
            )
        else:
            sql = "UPDATE crm_state SET value = %s WHERE key = %s AND value = %s"
            values = (_canonical(value), key, _canonical(expected))
        return bool(self.link.run(sql, values))

    @writing
    def lock(self, name: str) -> None:
        """An advisory lock until the end; what others committed under it is seen from then on."""
        lock_name(self.link, name)

    @named
    def trimmable(self, before: datetime) -> Trimmable:
        """Told by the database."""
        with self._lent() as link:
            return trimming.trimmable(link, before)

    @writing
    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        """By two statements, over a range of positions."""
        self._journalled()
        return trimming.trim(self.link, through, after, limit)

    # The end ---------------------------------------------------------------------------------------------------

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A savepoint of PostgreSQL's; the changes that wait are put back too."""
        self.lock("")
        link, pending, deferred = self.link, self._pending.copy(), set(self._deferred)
        name = f"crm_part_{next(self._savepoints)}"
        link.run(f"SAVEPOINT {name}")
        try:
            yield
            self.link.connection  # noqa: B018  refused when a write has failed
        except BaseException:
            if not link.connection.broken:
                link.run(f"ROLLBACK TO SAVEPOINT {name}")
                self.link, self._pending, self._deferred = link, pending, deferred
            raise
        finally:
            if not link.connection.broken:
                link.run(f"RELEASE SAVEPOINT {name}")

    def end(self, kind: type[BaseException] | None, trace: TracebackType | None) -> None:
        """Commit, or roll back if the block or a write failed."""
        link, failed = self._first, self.link is FAILED
        self.link = ENDED
        try:
            if kind is None and not failed and link.begun:
                self._commit(link)
        finally:
            if link.connection.info.transaction_status in (
                TransactionStatus.INTRANS,
                TransactionStatus.INERROR,
            ):
                link.connection.execute("ROLLBACK")

    def _commit(self, link: TransactionLink) -> None:
        if self._deferred:
            self._check_deferred(link)
        first = self._pending.rows[0] if self._pending.rows else None
        try:
            self._pending.commit(link)
        except postgres.UniqueViolation:
            link.connection.execute("ROLLBACK")
            self._pending.refuse(link)
            raise
        except FAULTS as error:
            # The server is gone, and perhaps had committed before: the journal knows.
            if not (first and lost(error) and self._owner.has(first)):
                raise

    def _check_deferred(self, link: TransactionLink) -> None:
        link.run("SAVEPOINT crm_asking")
        try:
            link.run("SET CONSTRAINTS ALL IMMEDIATE")
        except postgres.ForeignKeyViolation:
            link.run("ROLLBACK TO SAVEPOINT crm_asking")
            diagnosis.refuse_dangling(link, self._book, sorted(self._deferred))
            raise


_SET = "INSERT INTO crm_state VALUES (%s, %s) ON CONFLICT"
_THERE = "SELECT 1 FROM crm_state WHERE key = %s"


def _changed(pair: tuple[Write, Mapping[str, Any]]) -> tuple[str, ...]:
    write, delta = pair
    if write.previous is not None and write.previous.created_at != write.record.created_at:
        return (*delta, "created_at")
    return tuple(delta)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
