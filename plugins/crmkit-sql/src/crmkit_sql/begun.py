"""A transaction from its first statement to its commit: what it sees of its own, its state, locks and savepoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from types import TracebackType
from typing import Any, Protocol

from psycopg import errors as postgres
from psycopg.pq import TransactionStatus

from crmkit.changes import Change
from crmkit.records import Record
from crmkit.storage import NO_SCOPE, Scope, Transaction, Trimmable
from crmkit_sql import diagnosis, trimming
from crmkit_sql.connections import Link
from crmkit_sql.faults import FAULTS, lost, named
from crmkit_sql.layout import Book
from crmkit_sql.linked import TransactionLink
from crmkit_sql.locks import lock_name
from crmkit_sql.pending import Pending
from crmkit_sql.reading import SqlReads
from crmkit_sql.refusing import ENDED, FAILED, writing

__all__ = ["Begun", "Owner"]


class Owner(Protocol):
    """The storage, as its transactions know it."""

    @property
    def place(self) -> str:
        """The database, as people know it."""

    def refreshed(self, link: Link) -> Book:
        """The book of the tables as they are now."""

    def exchange(self, link: Link) -> None:
        """Have a link, on which nothing is under way, go on over a new connection."""

    def position_of(self, row: Sequence[Any]) -> int | None:
        """Where in the journal a change is, None if it was not committed."""

    def changes(self, after: int, kinds: None, limit: int) -> list[Change]:
        """Changes behind a position."""


class Begun(SqlReads, Transaction):
    """A transaction of one thread, its writes of records apart; `link` is its connection until a write fails or it ends."""

    def __init__(self, owner: Owner, book: Book, link: TransactionLink, *, write: bool) -> None:
        self._owner = owner
        self._book = book
        self._first = link
        self._pending = Pending()
        self._savepoints = count(1)
        self._deferred: set[str] = set()
        self._held: set[str] = set()
        self.writes = write
        self.within: bool | None = False
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
        self._held.clear()

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
            return self._got(link, kind, ids, scope, lock=True)

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
        """An advisory lock until the end; what others committed under it is seen from then on.

        What is held already needs no trip: nobody else can have held it since.
        """
        if name not in self._held:
            lock_name(self.link, name)
        if name:
            self._held.add(name)

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
        link, pending = self.link, self._pending.copy()
        deferred, held = set(self._deferred), set(self._held)
        name = f"crm_part_{next(self._savepoints)}"
        link.run(f"SAVEPOINT {name}")
        try:
            yield
            self.link.connection  # noqa: B018  refused when a write has failed
        except BaseException:
            if not link.connection.broken:
                link.run(f"ROLLBACK TO SAVEPOINT {name}")
                self.link, self._pending, self._deferred = link, pending, deferred
                self._held = held  # the server has let go of what was held since
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
            position = self._owner.position_of(first) if first and lost(error) else None
            if position is None:
                raise
            self._pending.note(position)

    def committed(self) -> list[Change]:
        """From what was written, if it is not too much; else from the journal."""
        pending = self._pending
        if len(pending.rows) == pending.count:
            return pending.journalled()
        return self._owner.changes(pending.first - 1, None, pending.count)

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


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
