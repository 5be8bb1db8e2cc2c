"""Writing: records, their tokens and their changes, in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, groupby
from types import TracebackType
from typing import Any, TypeVar

from crmkit.changes import Change, Document, Stamp, Write
from crmkit.codec import blanked, delta_of, load_document
from crmkit.errors import ConflictError
from crmkit.records import Record
from crmkit_sqlite import diagnosis, journal
from crmkit_sqlite.faults import guarded
from crmkit_sqlite.indexing import Index
from crmkit_sqlite.layout import Book, Table, dumped_json
from crmkit_sqlite.reading import SQLiteReads
from crmkit_sqlite.refusing import ENDED, FAILED, writing
from crmkit_sqlite.trimming import TrimmingTransaction

__all__ = ["SQLiteTransaction"]

N = TypeVar("N")


class SQLiteTransaction(SQLiteReads, TrimmingTransaction):
    """One transaction of one thread; `link` is its connection until a write fails or it ends."""

    def __init__(
        self, book: Book, connection: sqlite3.Connection, place: str, *, write: bool
    ) -> None:
        self._book = book
        self._connection = connection
        self._place = place
        self._first = self._last = -1
        self.writes = write
        self.redacted = False
        self.link: Any = connection

    @property
    def place(self) -> str:
        """The database's file."""
        return self._place

    def _connect(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self.link
        return connection

    def _take(self, number: int) -> Iterator[int]:
        """The next positions of the journal; a new record's order number is the position of its first change."""
        if self._last < 0:
            self._first = self._last = self.link.execute(_LAST).fetchone()[0]
        first = self._last + 1
        self._last += number
        return iter(range(first, first + number))

    # Records ---------------------------------------------------------------------------------------------------

    @writing
    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Rows, tokens and changes; a batch's references are checked when all of it is there."""
        table = self._book.table(kind)
        self._check_again(table, writes)
        positions = list(self._take(len(writes)))
        self._add(table, [write.record for write in writes], positions)
        row = journal.stamped_row(kind, stamp)
        self._journal(
            table,
            [write.record for write in writes],
            (
                row(position, write.record.id, write.record.version, "insert", None)
                for position, write in zip(positions, writes, strict=True)
            ),
        )

    def _check_again(self, table: Table, writes: Sequence[Write]) -> None:
        """Records that were deleted before go on from their last version."""
        # Version 1 needs no look: the journal has each version of a record once.
        again = [write.record for write in writes if write.record.version != 1]
        last = self.versions(table.kind.name, [each.id for each in again]) if again else {}
        for record in again:
            if record.version - 1 != last.get(record.id, 0):
                diagnosis.refuse_present(self.link, table, record)
                raise ConflictError(
                    table.kind.name, record.id, record.version - 1, last.get(record.id, 0)
                )

    def _add(self, table: Table, records: Sequence[Record], seqs: Sequence[int]) -> None:
        dump = table.dump
        rows = [(seq, *dump(each)) for seq, each in zip(seqs, records, strict=True)]
        with self._together(table, records):
            self._written(table, records, table.insert, rows, new=True)
        if table.searched:
            self._index(table).add(self.link, records, seqs)

    def _index(self, table: Table) -> Index:
        found: Index = self._book.compiled(("index", table.kind.name), lambda: Index.of(table))
        return found

    def _many(
        self,
        items: Sequence[N],
        sql: str,
        rows: Iterable[Any],
        explain: Callable[[N, sqlite3.IntegrityError], None],
    ) -> int:
        """Run a statement for each item; a broken rule is explained for the item that broke it."""
        reached = count(-1)
        try:
            if len(items) == 1:
                next(reached)
                return int(self.link.execute(sql, *rows).rowcount)
            return int(self.link.executemany(sql, _counted(rows, reached)).rowcount)
        except sqlite3.IntegrityError as error:
            explain(items[next(reached)], error)
            raise

    def _written(
        self,
        table: Table,
        records: Sequence[Record],
        sql: str,
        rows: Iterable[Any],
        *,
        new: bool = False,
    ) -> int:
        def explain(record: Record, error: sqlite3.IntegrityError) -> None:
            diagnosis.diagnose(self.link, self._book, table, record, error, new=new)

        return self._many(records, sql, rows, explain)

    @writing
    def update(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Set what differs, where the version is still the one that the writer saw."""
        self._update(self._book.table(kind), writes, stamp, {})

    def _update(
        self, table: Table, writes: Sequence[Write], stamp: Stamp, blanks: Mapping[str, Any]
    ) -> None:
        kind = table.kind
        deltas = [{**(delta_of(kind, write) or {}), **blanks} for write in writes]
        action = "redact" if blanks else "update"
        row, positions = journal.stamped_row(kind.name, stamp), self._take(len(writes))
        with self._together(table, [write.record for write in writes]):
            for fields, run in groupby(zip(writes, deltas, strict=True), journal.changed):
                self._set(table, fields, [write for write, _ in run])
        self._journal(
            table,
            [write.record for write in writes],
            (
                row(
                    next(positions), each.record.id, each.record.version, action, dumped_json(delta)
                )
                for each, delta in zip(writes, deltas, strict=True)
            ),
        )

    def _set(self, table: Table, fields: tuple[str, ...], writes: Sequence[Write]) -> None:
        """Set the same fields of some records."""
        sql, dump = table.updating(fields)
        searched = any(field.name in fields for field in table.searched)
        before = self._index(table).stored(self.link, writes) if searched else {}
        records = [write.record for write in writes]
        rows = [(*dump(write.record), (write.previous or write.record).version) for write in writes]
        if self._written(table, records, sql, rows) != len(writes):
            diagnosis.refuse_stale(self.link, table, writes)
        if searched:
            self._index(table).change(self.link, writes, fields, before)

    @writing
    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Rows and tokens go, the documents stay in the journal."""
        table = self._book.table(kind)
        records = [write.record for write in writes]
        stored = self._index(table).stored(self.link, writes) if table.searched else {}
        sql = f"DELETE FROM {table.name} WHERE id = ? AND version = ?"
        rows = [(write.record.id, (write.previous or write.record).version) for write in writes]
        with self._together(table, records, gone=True):
            if self._written(table, records, sql, rows) != len(writes):
                diagnosis.refuse_stale(self.link, table, writes)
        if stored:
            self._index(table).remove(self.link, stored)
        row, positions = journal.stamped_row(kind, stamp), self._take(len(writes))
        self._journal(
            table,
            records,
            (
                row(
                    next(positions),
                    write.record.id,
                    write.record.version + 1,
                    "delete",
                    dumped_json(delta_of(table.kind, write)),
                )
                for write in writes
            ),
        )

    def _together(self, table: Table, records: Sequence[Record], *, gone: bool = False) -> Any:
        """While several records are written that may refer to each other: the references are checked at the end."""
        return diagnosis.Together(self.link, self._book, table, records, gone=gone)

    def _journal(
        self, table: Table, records: Sequence[Record], rows: Iterable[tuple[Any, ...]]
    ) -> None:
        def explain(record: Record, error: sqlite3.IntegrityError) -> None:
            last = self.versions(table.kind.name, [record.id]).get(record.id, 0)
            raise ConflictError(table.kind.name, record.id, record.version - 1, last)

        self._many(records, journal.INSERT, rows, explain)

    @writing
    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        """Blank the records, their tokens and their changes."""
        table = self._book.table(kind)
        blanks = {name: blanked(table.kind, table.kind.field(name)) for name in fields}
        pairs = {name: (blank, blank) for name, blank in blanks.items()}
        for there, run in groupby(writes, lambda write: write.previous is not None):
            if there:
                self._update(table, list(run), stamp, pairs)
            else:
                self._note_gone(table, list(run), stamp, pairs)
        if {field.name for field in table.searched} & blanks.keys():
            self._index(table).forget(self.link)
        self.redacted = True
        ids = dict.fromkeys(each.record.id for each in writes)
        journal.blank(self.link, kind, ids, blanks)

    def _note_gone(
        self, table: Table, writes: Sequence[Write], stamp: Stamp, pairs: Mapping[str, Any]
    ) -> None:
        kind = table.kind.name
        row = journal.stamped_row(kind, stamp)
        for write in writes:
            id = write.record.id
            diagnosis.refuse_present(self.link, table, write.record)
            version = self.versions(kind, [id]).get(id, 0) + 1
            position = next(self._take(1))
            values = row(position, id, version, "redact", dumped_json(pairs))
            self.link.execute(journal.INSERT, values)

    @writing
    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        """Everything as it is; the references are checked when the transaction ends."""
        self.link.execute("PRAGMA defer_foreign_keys = ON")
        positions = self._take(len(changes))
        rows = [journal.change_row(each, at) for each, at in zip(changes, positions, strict=True)]
        for name, run in groupby(documents, lambda each: each[0]):
            table = self._book.table(name)
            records = [load_document(table.kind, document) for _, document in run]
            self._add(table, records, list(self._take(len(records))))
        # What follows must not use the order numbers of these records again.
        self.link.execute("UPDATE crm_meta SET value = ? WHERE name = 'last'", (str(self._last),))
        self._many(changes, journal.INSERT, rows, self._refuse_change)

    def _refuse_change(self, change: Change, error: sqlite3.IntegrityError) -> None:
        last = self.versions(change.kind, [change.id]).get(change.id, 0)
        raise ConflictError(change.kind, change.id, change.version - 1, last)

    # State -----------------------------------------------------------------------------------------------------

    @writing
    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Compare, then set: nobody else writes in between."""
        if expected is not ... and _canonical(self.state(key)) != _canonical(expected):
            return False
        if value is None:
            self.link.execute("DELETE FROM crm_state WHERE key = ?", (key,))
        else:
            sql = "INSERT OR REPLACE INTO crm_state VALUES (?, ?)"
            self.link.execute(sql, (key, dumped_json(value)))
        return True

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A savepoint of SQLite's; what it does not know, the next position and deferred references, is put back too."""
        self.lock("")
        link, last = self.link, self._last
        deferring = link.execute("PRAGMA defer_foreign_keys").fetchone()[0]
        link.execute("SAVEPOINT part")
        try:
            yield
            self.link.in_transaction  # noqa: B018  refused when a write has failed
        except BaseException:
            if link.in_transaction:  # a full disk has ended all of it
                link.execute("ROLLBACK TO part")
                link.execute(f"PRAGMA defer_foreign_keys = {deferring}")
                self.link, self._last = link, last
            raise
        finally:
            if link.in_transaction:
                link.execute("RELEASE part")

    @writing
    def lock(self, name: str) -> None:
        """Nothing to wait for: SQLite lets one transaction write at a time, and this one has begun."""
        self.link.in_transaction  # noqa: B018  refused when it is over

    @guarded
    def committed(self) -> list[Change]:
        """A range of the journal: nobody else wrote meanwhile."""
        sql = f"{journal.SELECT} WHERE position > ? AND position <= ? ORDER BY position"
        rows = self._connection.execute(sql, (self._first, self._last))
        return list(map(journal.change_of, rows))

    def end(self, kind: type[BaseException] | None, trace: TracebackType | None) -> None:
        """Commit, or roll back if the block or a write failed."""
        connection, failed = self._connection, self.link is FAILED
        self.link = ENDED
        try:
            if kind is None and not failed:
                self._commit(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            diagnosis.refuse_dangling(connection, self._book)
            raise


_LAST = (
    "SELECT max((SELECT coalesce(max(position), 0) FROM crm_journal), "
    "(SELECT CAST(value AS INTEGER) FROM crm_meta WHERE name = 'last'))"
)


def _counted(rows: Iterable[Any], reached: Iterator[int]) -> Iterator[Any]:
    for row in rows:
        next(reached)
        yield row


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
