"""The storage itself: opening, preparing, transactions, closing."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from crmkit.errors import BackendError, TransactionError
from crmkit.schema import Schema
from crmkit.storage import Capability, Progress, Storage
from crmkit_sqlite.checking import check
from crmkit_sqlite.connections import APPLICATION, FORMAT, Connections
from crmkit_sqlite.copying import back_up
from crmkit_sqlite.faults import FAULTS, guarded, translated
from crmkit_sqlite.layout import Book, dumped_json
from crmkit_sqlite.location import read_url
from crmkit_sqlite.reading import SQLiteReads
from crmkit_sqlite.tables import OWN_TABLES, Kept, Plan, Step, plan
from crmkit_sqlite.writing import SQLiteTransaction

__all__ = ["SQLiteStorage", "open_sqlite"]


OLDEST = (3, 38)
"""The oldest SQLite that has all that is used here: JSON built in, strict tables."""


def open_sqlite(url: str) -> SQLiteStorage:
    """The storage that a URL names (see `crmkit_sqlite.location`); nothing is created before `prepare`."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise BackendError(
            f"this Python has SQLite {sqlite3.sqlite_version}; crmkit-sqlite needs "
            f"{'.'.join(map(str, OLDEST))} or newer, upgrade Python"
        )
    return SQLiteStorage(Connections(read_url(url)))


class _Begun:
    """The block of a transaction."""

    __slots__ = ("_storage", "_transaction", "_write")

    def __init__(self, storage: SQLiteStorage, write: bool) -> None:
        self._storage = storage
        self._write = write

    def __enter__(self) -> SQLiteTransaction:
        self._transaction = self._storage.begin(self._write)
        return self._transaction

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._storage.end(self._transaction, kind, trace)


class SQLiteStorage(SQLiteReads, Storage):
    """A database in one file. Any thread may use it; each has a connection of its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connect = connections.get  # type: ignore[method-assign]  # one call less on every read
        self._book = Book.of(Schema({}), {})
        self._here = threading.local()
        self._begun = False
        self._layout: str | None = None
        common: frozenset[Capability] = frozenset({"backup", "trim"})
        lasting: frozenset[Capability] = frozenset({"durable", "processes"})
        self.capabilities = common if connections.temporary else common | lasting

    @property
    def place(self) -> str:
        """The database's file, as people know it."""
        return self._connections.place

    @property
    def file(self) -> Path:
        """Where the file is; that of a database in memory is gone at its end."""
        return self._connections.path

    @property
    def timeout(self) -> float:
        """How many seconds to wait for who has it locked."""
        return self._connections.location.timeout

    @guarded
    def has_many(self, kind: str, number: int) -> bool:
        """Whether there are so many records of a kind: no more of them are counted."""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {self._book.table(kind).name} LIMIT ?)"
        found: int = self._connect().execute(sql, (number,)).fetchone()[0]
        return found >= number

    # Preparing -------------------------------------------------------------------------------------------------

    @guarded
    def prepare(self, schema: Schema, *, plan: bool = False) -> list[str]:
        """Compare what is there with what the schema wants, in a few statements; write only what is missing."""
        if plan:
            connection = self._connections.get() if self._connections.exists() else None
            return [step.text for step in self._plan(connection, schema).steps]
        connection = self._connections.create()
        wanted, kept = self._plan(connection, schema), _kept(connection)
        steps = [step.text for step in wanted.steps]
        if steps or wanted.kept != kept:
            steps, wanted = self._extend(connection, schema)
        self._layout = connection.execute(_LAYOUT).fetchone()[0]
        self._book = Book.of(schema, wanted.unknown)
        return steps

    def _plan(self, connection: sqlite3.Connection | None, schema: Schema) -> Plan:
        if connection is None:
            found = plan(schema, {}, frozenset())
            return Plan([_BEGINNING, *found.steps], found.kept, found.unknown)
        names = frozenset(name for (name,) in connection.execute("SELECT name FROM sqlite_master"))
        found = plan(schema, _kept(connection), names)
        beginning = [] if "crm_meta" in names else [_BEGINNING]
        return Plan([*beginning, *found.steps], found.kept, found.unknown)

    def _extend(self, connection: sqlite3.Connection, schema: Schema) -> tuple[list[str], Plan]:
        """Take the steps, all or none; another process may have taken them meanwhile, so they are planned again."""
        self._connections.use_log(connection)
        self._connections.begin_writing(connection)
        try:
            wanted = self._plan(connection, schema)
            for step in wanted.steps:
                step.run(connection)
            connection.execute(
                "INSERT OR REPLACE INTO crm_meta VALUES ('kept', ?)", (dumped_json(wanted.kept),)
            )
            connection.execute("UPDATE crm_meta SET value = value + 1 WHERE name = 'layout'")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return [step.text for step in wanted.steps], wanted

    # Transactions ----------------------------------------------------------------------------------------------

    def transaction(self, *, write: bool = True) -> _Begun:
        """One that writes has the database for itself from its first moment; one that reads sees one snapshot."""
        return _Begun(self, write)

    def begin(self, write: bool) -> SQLiteTransaction:
        """Begin the transaction of this thread."""
        if self._here.__dict__.get("busy"):
            raise TransactionError("transactions do not nest; use the one that is open")
        try:
            connection = self._connections.get()
            if write:
                self._connections.begin_writing(connection)
                self._look_again(connection)
            else:
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        except FAULTS as error:
            raise translated(error, self.place) from error
        self._here.busy = True
        return SQLiteTransaction(self._book, connection, self.place, write=write)

    def _look_again(self, connection: sqlite3.Connection) -> None:
        """Another process may have added fields meanwhile: their columns and search tables are to be kept, too."""
        layout = connection.execute(_LAYOUT).fetchone()[0] if self._layout else None
        if layout != self._layout:
            try:
                wanted = self._plan(connection, self.schema)
                if wanted.steps:
                    raise BackendError(
                        f"another process changed the tables of {self.place}; open it again"
                    )
                self._book = Book.of(self.schema, wanted.unknown)
                self._layout = layout
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def end(
        self,
        transaction: SQLiteTransaction,
        kind: type[BaseException] | None,
        trace: TracebackType | None,
    ) -> None:
        """End the transaction of this thread."""
        self._here.busy = False
        try:
            transaction.end(kind, trace)
            if transaction.redacted:
                # The log still holds the old pages; if somebody reads there now, the next checkpoint takes them.
                self._connections.get().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except FAULTS as error:
            raise translated(error, self.place) from error

    def state(self, key: str) -> Any:
        """One row of `crm_state`; None, too, while there is no database."""
        return super().state(key) if self._is_begun() else None

    def states(self, prefix: str) -> dict[str, Any]:
        """A range of `crm_state`; nothing while there is no database."""
        return super().states(prefix) if self._is_begun() else {}

    @guarded
    def _is_begun(self) -> bool:
        if not self._begun and self._connections.exists():
            sql = "SELECT 1 FROM sqlite_master WHERE name = 'crm_state'"
            self._begun = self._connections.get().execute(sql).fetchone() is not None
        return self._begun

    # The rest --------------------------------------------------------------------------------------------------

    @guarded
    def backup(self, target: Path, progress: Progress | None = None) -> None:
        """A copy by SQLite's online backup, put in place when it is whole."""
        back_up(self._connections, target, progress)

    def describe(self) -> str:
        """SQLite's version and that of the file's format."""
        return f"SQLite {sqlite3.sqlite_version}, format {FORMAT}"

    @guarded
    def check(self) -> list[str]:
        """SQLite's own checks, the references, the search tables and the law of the journal."""
        with self._snapshot() as connection:
            return check(connection, self._book)

    def close(self) -> None:
        """Close the connections of all threads; safe to call twice."""
        self._connections.close()


def _kept(connection: sqlite3.Connection) -> Kept:
    try:
        row = connection.execute("SELECT value FROM crm_meta WHERE name = 'kept'").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return {}
        raise
    found: Kept = json.loads(row[0]) if row else {}
    return found


def _begin_file(connection: sqlite3.Connection) -> None:
    for statement in OWN_TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


_LAYOUT = "SELECT value FROM crm_meta WHERE name = 'layout'"
"""A number that rises with every change of the tables."""

_BEGINNING = Step("create the journal and the state", _begin_file)
