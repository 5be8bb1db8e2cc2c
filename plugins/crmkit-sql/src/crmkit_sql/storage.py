"""The storage itself: opening, preparing, transactions, closing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, TypeVar

from psycopg.errors import UndefinedTable

from crmkit.errors import BackendError, TransactionError
from crmkit.records import Record
from crmkit.schema import Schema
from crmkit.storage import NO_SCOPE, Capability, Scope, Storage
from crmkit_sql import journal
from crmkit_sql.checking import check
from crmkit_sql.connections import Connections, Link
from crmkit_sql.faults import FAULTS, named, translated
from crmkit_sql.layout import Book, dumped_json
from crmkit_sql.linked import TransactionLink
from crmkit_sql.location import Location, read_url
from crmkit_sql.locks import PREPARING
from crmkit_sql.names import quoted
from crmkit_sql.reading import SqlReads, is_text
from crmkit_sql.tables import FORMAT, Kept, Plan, Step, plan
from crmkit_sql.writing import SqlTransaction

__all__ = ["PostgresStorage", "open_postgresql"]

T = TypeVar("T")

# Whether it may write is for the server to say: a standby and a user that only reads have that set.
_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_THERE = (
    "SELECT (SELECT value FROM crm_meta WHERE name = 'format'), (SELECT value FROM crm_meta WHERE name = 'layout'), "
    "(SELECT value FROM crm_meta WHERE name = 'kept'), "
    "ARRAY(SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema())"
)


def open_postgresql(url: str) -> PostgresStorage:
    """The storage that a URL names (see `crmkit_sql.location`); nothing is asked of the server before it is used."""
    return PostgresStorage(Connections(read_url(url)))


class _Block:
    """The block of a transaction."""

    __slots__ = ("_storage", "_transaction", "_write")

    def __init__(self, storage: PostgresStorage, write: bool) -> None:
        self._storage = storage
        self._write = write

    def __enter__(self) -> SqlTransaction:
        self._transaction = self._storage.begin(self._write)
        return self._transaction

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._storage.end(self._transaction, kind, trace)


class PostgresStorage(SqlReads, Storage):
    """A database on a server. Any thread may use it; connections come from a pool."""

    capabilities: frozenset[Capability] = frozenset({"durable", "processes", "trim"})

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._book = Book.of(Schema({}), {})
        self._here = threading.local()
        self.within: bool | None = None

    @property
    def place(self) -> str:
        """The database, as people know it."""
        return self._connections.place

    @property
    def location(self) -> Location:
        """Which server and database, with all that a driver needs to get there."""
        return self._connections.location

    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """One record the shortest way; many, or one that cannot be had so, as always."""
        if len(ids) == 1 and is_text(ids[0]):
            sql, load = self._book.getters[kind]
            if scope.get(kind):
                sql, ids = self._within(kind, ids, scope[kind])
            try:
                link = self._connections.take()
                try:
                    row = link.row(sql, ids)
                finally:
                    self._connections.give(link)
            except FAULTS:
                ids = ids[-1:]
            else:
                return [None if row is None else load(row)]
        return super().get(kind, ids, scope)

    def _lent(self) -> AbstractContextManager[Link]:
        return self._connections.lent()

    @contextmanager
    def _whole(self, settings: str | None = None) -> Iterator[TransactionLink]:
        with self._connections.lent() as link:
            whole = TransactionLink(link, _READING, None, settings)
            try:
                yield whole
            finally:
                if whole.begun:
                    link.connection.execute("ROLLBACK")

    def renew(self) -> bool:
        """Take new connections: between transactions nothing is lost by it."""
        self._connections.renew()
        return True

    def begin_again(self) -> None:
        """Outside of a transaction nothing has begun."""

    # Preparing -------------------------------------------------------------------------------------------------

    @named
    def prepare(self, schema: Schema, *, plan: bool = False) -> list[str]:
        """Compare what is there with what the schema wants, in one statement; write only what is missing."""
        if plan:
            with self._lent() as link:
                return [step.text for step in self._plan(link, schema)[0].steps]
        with self._lent() as link:
            wanted, kept, layout = self._plan(link, schema)
            if wanted.steps or wanted.kept != kept:
                return self._extend(link, schema)
        self._book = Book.of(schema, wanted.unknown, layout)
        return []

    def _plan(self, link: Link, schema: Schema) -> tuple[Plan, Kept, str | None]:
        """What is to be done, what the database remembers of its tables, and the number of their layout."""
        try:
            format_, layout, text, indexes = link.rows(_THERE)[0]
        except UndefinedTable:
            if link.connection.info.transaction_status:
                raise
            found = plan(schema, {}, frozenset())
            return Plan([_BEGINNING, *found.steps], found.kept, found.unknown), {}, None
        if int(format_) > FORMAT:
            raise BackendError(
                f"{self.place} was written by a newer crmkit-sql (format {format_}, this one knows {FORMAT}); "
                "upgrade crmkit-sql"
            )
        kept: Kept = json.loads(text) if text else {}
        return plan(schema, kept, frozenset(indexes)), kept, layout

    def _extend(self, link: Link, schema: Schema) -> list[str]:
        """Take the steps, all or none; another process may have taken them meanwhile, so they are planned again."""
        from crmkit_sql.migrating import Migration

        name = self._connections.location.schema
        link.run("BEGIN")
        try:
            link.run(PREPARING)
            # An index over a large table takes longer than a write is ready to wait for another.
            if name:
                link.run(f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}")
            wanted = self._planned(link, schema)
            migration = Migration(link, self.place)
            for step in wanted.steps:
                step.run(migration)
            link.run(_KEEP, (dumped_json(wanted.kept),))
            layout = link.rows(_COUNT_UP)[0][0]
            link.run("COMMIT")
        finally:
            if link.connection.info.transaction_status:
                link.connection.execute("ROLLBACK")
        self._book = Book.of(schema, wanted.unknown, layout)
        return [step.text for step in wanted.steps]

    def _planned(self, link: Link, schema: Schema) -> Plan:
        """The plan within the transaction that carries it out."""
        [(there,)] = link.rows("SELECT to_regclass('crm_meta') IS NOT NULL")
        if there:
            return self._plan(link, schema)[0]
        found = plan(schema, {}, frozenset())
        return Plan([_BEGINNING, *found.steps], found.kept, found.unknown)

    def exchange(self, link: Link) -> None:
        """Have a link, on which nothing is under way, go on over a new connection."""
        self._connections.exchange(link)

    def refreshed(self, link: Link) -> Book:
        """The book of the tables as they are now; `BackendError` if they lack something by now."""
        wanted, _, layout = self._plan(link, self.schema)
        if wanted.steps:
            raise BackendError(f"another process changed the tables of {self.place}; open it again")
        self._book = Book.of(self.schema, wanted.unknown, layout)
        return self._book

    # Transactions ----------------------------------------------------------------------------------------------

    def transaction(self, *, write: bool = True) -> _Block:
        """One that writes sees what others commit meanwhile, and holds what it writes; one that reads, one snapshot."""
        return _Block(self, write)

    def begin(self, write: bool) -> SqlTransaction:
        """Begin the transaction of this thread; the server hears of it with the first statement."""
        if self._here.__dict__.get("busy"):
            raise TransactionError("transactions do not nest; use the one that is open")
        try:
            taken = self._connections.take()
        except FAULTS as error:
            raise translated(error, self.place) from error
        book = self._book
        link = TransactionLink(
            taken, _WRITING if write else _READING, book.layout if write else None
        )
        self._here.busy = True
        return SqlTransaction(self, book, link, write=write)

    def end(
        self,
        transaction: SqlTransaction,
        kind: type[BaseException] | None,
        trace: TracebackType | None,
    ) -> None:
        """End the transaction of this thread."""
        self._here.busy = False
        try:
            transaction.end(kind, trace)
        except FAULTS as error:
            raise translated(error, self.place) from error
        finally:
            self._connections.give(transaction.taken)

    def position_of(self, row: Sequence[Any]) -> int | None:
        """Where in the journal a change is, None if it was not committed: asked when its connection was lost then."""
        self._connections.renew()
        try:
            with self._lent() as link:
                link.run("BEGIN")
                try:
                    # Whoever may still be committing it holds this.
                    link.run(journal.LOCK)
                    found = link.row(_WRITTEN, (row[0], *row[1:4]))
                finally:
                    link.run("ROLLBACK")
                return None if found is None else int(found[0])
        except (*FAULTS, BackendError) as error:
            raise BackendError(
                f"{self.place} went away while a transaction was being committed, so nobody knows whether it was; "
                "look before you write it again"
            ) from error

    # State before there is a database -------------------------------------------------------------------------

    def state(self, key: str) -> Any:
        """One row of `crm_state`; None, too, while there is no database."""
        return self._unless_new(lambda: super(PostgresStorage, self).state(key), None)

    def states(self, prefix: str) -> dict[str, Any]:
        """Rows of `crm_state`; nothing while there is no database."""
        return self._unless_new(lambda: super(PostgresStorage, self).states(prefix), {})

    def _unless_new(self, read: Callable[[], T], nothing: T) -> T:
        try:
            return read()
        except BackendError as error:
            if isinstance(error.__cause__, UndefinedTable):
                return nothing
            raise

    # The rest --------------------------------------------------------------------------------------------------

    @named
    def check(self) -> list[str]:
        """The indexes, the journal's law, and records that something else wrote."""
        with self._whole() as link:
            return check(link, self._book)

    @named
    def describe(self) -> str:
        """PostgreSQL and its version."""
        with self._lent() as link:
            return f"PostgreSQL {link.connection.info.parameter_status('server_version')}"

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._connections.close()


_KEEP = "INSERT INTO crm_meta VALUES ('kept', %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_COUNT_UP = (
    "UPDATE crm_meta SET value = (value::bigint + 1)::text WHERE name = 'layout' RETURNING value"
)
_WRITTEN = "SELECT position FROM crm_journal WHERE transaction = %s AND kind = %s AND id = %s AND version = %s"

_BEGINNING = Step("create the journal and the state", lambda to: to.begin_database())
