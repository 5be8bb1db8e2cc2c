"""Connections: a pool with a limit, for any thread; a forked child gets its own."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import TextLoader
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from crmkit.errors import BackendError, ClosedError
from crmkit_sql.faults import translated
from crmkit_sql.location import Location

# It warns of what it ignores when a connection is lost; that comes out as an error anyway, and not on the terminal.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

__all__ = ["OLDEST", "Connections", "Link", "connected"]

OLDEST = 150_000
"""The oldest server that is supported, as libpq numbers versions."""

ASSUMED = "-c random_page_cost=1.1"
"""What a URL's `options` may change. PostgreSQL's own 4 is that of turning disks: with it, a long timeline is read whole
and sorted."""

# How many forks lie between this process and the first; asking the system for the process id costs more.
_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def connected(location: Location) -> psycopg.Connection[Any]:
    """A new connection, in autocommit, set up as all are: UTC, time-outs, the schema; `BackendError` if there is none."""
    options = [
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO"),
        ("client_encoding", "UTF8"),
        ("lock_timeout", f"{round(location.timeout * 1000)}"),
        ("idle_in_transaction_session_timeout", "0"),
        ("synchronous_commit", "on" if location.synchronous else "off"),
    ]
    parameters = dict(location.parameters)
    given = parameters.pop("options", "")
    settings = " ".join(f"-c {name}={value}" for name, value in options)
    parameters.setdefault("application_name", "crmkit")
    try:
        connection = psycopg.connect(
            **parameters, options=f"{ASSUMED} {given} {settings}", autocommit=True
        )
    except psycopg.Error as error:
        # Said at once: trying another connection helps where one was lost, not where there is none to be had.
        raise translated(error, location.place) from error
    try:
        _check(connection, location.place)
        connection.adapters.register_dumper(int, Int8Dumper)
        connection.adapters.register_loader("json", TextLoader)
        if location.schema:
            path = sql.SQL("SET search_path TO {}").format(sql.Identifier(location.schema))
            connection.execute(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: psycopg.Connection[Any], place: str) -> None:
    if connection.info.server_version < OLDEST:
        raise BackendError(
            f"{place} is on PostgreSQL {connection.info.server_version // 10_000}; crmkit-sql needs 15 or newer, "
            "upgrade the server"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise BackendError(
            f"{place} is encoded in {encoding}, which cannot hold every text; create it with ENCODING 'UTF8'"
        )


class Link:
    """One connection, while somebody has it. `beside` is a cursor for what goes along with the statements of `cursor`."""

    __slots__ = ("age", "beside", "connection", "cursor", "proxy")

    def __init__(self, proxy: PoolProxiedConnection, age: int = 0) -> None:
        self.proxy = proxy
        self.age = age
        self.connection: psycopg.Connection[Any] = proxy.dbapi_connection  # type: ignore[assignment]
        info = proxy.info
        cursors = info.get("cursors")
        if cursors is None:
            cursors = info["cursors"] = (self.connection.cursor(), self.connection.cursor())
        self.cursor: psycopg.Cursor[Any] = cursors[0]
        self.beside: psycopg.Cursor[Any] = cursors[1]

    def rows(
        self, statement: str, values: Sequence[Any] = (), prepare: bool | None = None
    ) -> list[Any]:
        """The rows of a statement."""
        return self.cursor.execute(statement, values, prepare=prepare).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The first row of a statement, None if there is none."""
        return self.cursor.execute(statement, values).fetchone()

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it wrote."""
        return self.cursor.execute(statement, values).rowcount


class Connections:
    """The connections to one database. Any thread may ask; `close` ends those that are idle."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.place = location.place
        self.closed = False
        self._forks = _forks
        self._age = 0
        # Taking a connection from the pool costs a fifth of getting a record, so those that came back wait here; only
        # those who find none go there.
        self._spare: deque[Link] = deque()
        self._waiting = 0
        self._counted = threading.Lock()
        self._pool = self._make()

    def __del__(self) -> None:
        """Close what nobody closed."""
        if "_pool" in vars(self):
            self.close()

    def _make(self) -> QueuePool:
        return QueuePool(
            lambda: connected(self.location),  # type: ignore[arg-type]  # the driver's, not a protocol's
            pool_size=self.location.pool,
            max_overflow=0,
            timeout=self.location.timeout,
            use_lifo=True,
            # All is autocommit outside of a transaction, and that ends its own: nothing is left to be reset.
            reset_on_return=None,
        )

    @property
    def busy(self) -> int:
        """How many connections somebody has at the moment."""
        return self._pool.checkedout() - len(self._spare)

    def take(self) -> Link:
        """A connection that nobody else has, until `give`."""
        if self._forks == _forks and not self.closed:
            try:
                link = self._spare.pop()
            except IndexError:
                return self._fetch()
            if link.age == self._age:
                return link
            self._drop(link)
        return self._fetch()

    def _fetch(self) -> Link:
        """A connection out of the pool, or a new one; waits while there are as many as there may be."""
        if self._forks != _forks:
            # Those of the parent stay open there: the child forgets them without a word to the server.
            _inherited.append((self._pool, self._spare))
            self._forks, self._pool, self._spare, self._waiting = _forks, self._make(), deque(), 0
        if self.closed:
            raise ClosedError(f"{self.place} was closed; open it again")
        with self._counted:
            self._waiting += 1
        try:
            # Whoever gives one back from now on gives it to the pool; what came just before is here.
            while self._spare:
                with suppress(IndexError):
                    self._spare.pop().proxy.close()
            while True:
                proxy = self._pool.connect()
                # One pool for all ages, so that there are never more connections than it may have.
                if proxy.info.setdefault("age", self._age) == self._age:
                    return Link(proxy, self._age)
                proxy.invalidate()
                proxy.close()
        finally:
            with self._counted:
                self._waiting -= 1

    def give(self, link: Link) -> None:
        """Give it back; one that is broken, or within a transaction, is thrown away."""
        connection = link.connection
        if link.proxy.dbapi_connection is None:
            return
        idle = connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if self.closed or not idle or link.age != self._age:
            self._drop(link)
        elif self._waiting:
            link.proxy.close()
        else:
            self._spare.append(link if type(link) is Link else Link(link.proxy, link.age))
            if self._waiting or self.closed:
                self._put_away()

    def _put_away(self) -> None:
        """Give what waits here to the pool, or end it if this is closed."""
        while self._spare:
            with suppress(IndexError):
                link = self._spare.pop()
                self._drop(link) if self.closed else link.proxy.close()

    @staticmethod
    def _drop(link: Link) -> None:
        link.proxy.invalidate()
        link.proxy.close()

    @contextmanager
    def lent(self) -> Iterator[Link]:
        """A connection for a block."""
        link = self.take()
        try:
            yield link
        finally:
            self.give(link)

    def renew(self) -> None:
        """Use none of the connections that there are again: what broke one of them has broken all."""
        self._age += 1

    def exchange(self, link: Link) -> None:
        """Have a link, on which nothing is under way, go on over a new connection."""
        self.renew()
        self.give(link)
        fresh = self.take()
        link.connection, link.cursor, link.beside = fresh.connection, fresh.cursor, fresh.beside
        link.proxy, link.age = fresh.proxy, fresh.age

    def close(self) -> None:
        """Close every idle connection, and the others when they come back; safe to call twice."""
        self.closed = True
        if self._forks == _forks:
            self._put_away()
            self._pool.dispose()


# Pools that a fork left in a child: closing their connections there would end the parent's, so they are never freed.
_inherited: list[object] = []
