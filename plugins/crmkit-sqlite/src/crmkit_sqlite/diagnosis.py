"""Why the database refused a write: SQLite names the rule that was broken, not the records."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from types import TracebackType

from crmkit.changes import Write
from crmkit.errors import ConflictError, Duplicate, MissingReference, ReferencedError
from crmkit.records import Record
from crmkit_sqlite.faults import code_of
from crmkit_sqlite.layout import SEQ, Book, Table, dumped_json, expressions, quoted, typed

__all__ = [
    "Together",
    "diagnose",
    "refuse_dangling",
    "refuse_present",
    "refuse_stale",
]


def version_of(connection: sqlite3.Connection, table: Table, id: str) -> int:
    """The version of a record, 0 if there is none."""
    found = connection.execute(f"SELECT version FROM {table.name} WHERE id = ?", (id,)).fetchone()
    return 0 if found is None else int(found[0])


def refuse_present(connection: sqlite3.Connection, table: Table, record: Record) -> None:
    """`ConflictError` if there is a record of that id."""
    actual = version_of(connection, table, record.id)
    if actual:
        raise ConflictError(table.kind.name, record.id, 0, actual)


def refuse_stale(connection: sqlite3.Connection, table: Table, writes: Sequence[Write]) -> None:
    """`ConflictError` for the first record of a batch that was not at the version its writer saw."""
    sql = "SELECT max(version) FROM crm_journal WHERE kind = ? AND id = ?"
    for write in writes:
        kind, id, expected = (
            table.kind.name,
            write.record.id,
            (write.previous or write.record).version,
        )
        actual = version_of(connection, table, id)
        deleted = write.action == "delete"
        last = connection.execute(sql, (kind, id)).fetchone()[0]
        # The others of the batch are written by now, but not yet in the journal.
        ours = (actual == 0 and last == expected) if deleted else actual == write.record.version
        if not ours or (not deleted and last == actual):
            raise ConflictError(kind, id, expected, actual)


def diagnose(
    connection: sqlite3.Connection,
    book: Book,
    table: Table,
    record: Record,
    error: sqlite3.IntegrityError,
    *,
    new: bool,
) -> None:
    """Raise what a broken constraint means for the record whose statement broke it."""
    code = code_of(error)
    if code in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        if new:
            refuse_present(connection, table, record)
        _refuse_clash(connection, table, record)
    elif code == "SQLITE_CONSTRAINT_FOREIGNKEY":
        _refuse_missing(connection, book, table, record)
        _refuse_referenced(connection, book, table, record.id)


def _refuse_clash(connection: sqlite3.Connection, table: Table, record: Record) -> None:
    row = table.dump(record)
    for names in table.kind.unique:
        fields = [table.kind.field(name) for name in names]
        columns = [each for field in fields for each in expressions(field)]
        stored = dict(zip(map(quoted, table.columns), row, strict=True))
        if any(stored.get(each) is None for each in columns):
            continue
        tests = " AND ".join(f"{each} = ?" for each in columns)
        found = connection.execute(
            f"SELECT id FROM {table.name} WHERE {tests} AND id <> ?",
            (*(stored[each] for each in columns), record.id),
        ).fetchone()
        if found:
            values = [typed(table.kind, record, name) for name in names]
            raise Duplicate(table.kind.name, names, values, found[0])


def _refuse_missing(
    connection: sqlite3.Connection, book: Book, table: Table, record: Record
) -> None:
    for field in table.kind.references:
        to = record[field.name]
        target = book.table(str(field.refers_to))
        if to is not None and not version_of(connection, target, to):
            raise MissingReference(table.kind.name, record.id, field.name, target.kind.name, to)


def _refuse_referenced(connection: sqlite3.Connection, book: Book, table: Table, id: str) -> None:
    for other, field in book.schema.referring(table.kind.name):
        column = expressions(field)[0]
        found = connection.execute(
            f"SELECT id FROM {quoted(other.name)} WHERE {column} = ? LIMIT 1", (id,)
        ).fetchone()
        if found:
            raise ReferencedError(table.kind.name, id, other.name, field.name, found[0])


def refuse_dangling(connection: sqlite3.Connection, book: Book) -> None:
    """`MissingReference` for a reference that leads nowhere at the end of a transaction."""
    for name, seq, target, _ in connection.execute("PRAGMA foreign_key_check").fetchall():
        table = book.table(name)
        row = connection.execute(
            f"SELECT {table.select()} FROM {table.name} AS r WHERE r.{SEQ} = ?", (seq,)
        ).fetchone()
        if row is not None and target is not None:
            _refuse_missing(connection, book, table, table.load(row))


class Together:
    """A block in which several records of a kind that refers to itself are written.

    SQLite checks references row by row. Within the block it does not, and at its end those of the batch are
    checked here; one record alone is left to SQLite.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        book: Book,
        table: Table,
        records: Sequence[Record],
        *,
        gone: bool,
    ) -> None:
        self._connection = connection
        self._book = book
        self._table = table
        self._records = records
        self._gone = gone
        own = any(field.refers_to == table.kind.name for field in table.kind.references)
        self._deferred = own and len(records) > 1

    def __enter__(self) -> None:
        if self._deferred:
            deferring = self._connection.execute("PRAGMA defer_foreign_keys").fetchone()[0]
            self._deferred = not deferring  # within a restore they stay deferred
            self._connection.execute("PRAGMA defer_foreign_keys = ON")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._deferred or kind is not None:
            return
        self._connection.execute("PRAGMA defer_foreign_keys = OFF")
        if self._gone:
            self._check_gone()
        else:
            self._check_there()

    def _check_there(self) -> None:
        for field in self._table.kind.references:
            wanted = {each[field.name] for each in self._records if each[field.name] is not None}
            if not wanted:
                continue
            found = self._connection.execute(
                f"SELECT id FROM {quoted(str(field.refers_to))} WHERE id IN (SELECT value FROM json_each(?))",
                (dumped_json(list(wanted)),),
            )
            missing = wanted - {id for (id,) in found}
            for record in self._records if missing else ():
                if record[field.name] in missing:
                    _refuse_missing(self._connection, self._book, self._table, record)

    def _check_gone(self) -> None:
        gone = dumped_json([each.id for each in self._records])
        for other, field in self._book.schema.referring(self._table.kind.name):
            column = expressions(field)[0]
            found = self._connection.execute(
                f"SELECT {column}, id FROM {quoted(other.name)} "
                f"WHERE {column} IN (SELECT value FROM json_each(?)) LIMIT 1",
                (gone,),
            ).fetchone()
            if found:
                name = self._table.kind.name
                raise ReferencedError(name, found[0], other.name, field.name, found[1])
