"""Connections: one for each thread, kept; a forked child gets its own."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from crmkit.errors import BackendError, ClosedError
from crmkit_sqlite.faults import code_of, translated
from crmkit_sqlite.location import Location, file_uri
from crmkit_sqlite.totals import FloatSum

__all__ = ["APPLICATION", "FORMAT", "Connections"]

APPLICATION = 0x63726D6B
"""What `PRAGMA application_id` says of a database of crmkit: the letters crmk."""

FORMAT = 1
"""The format of the file, in `PRAGMA user_version`; a higher one is refused."""

# Connections that a fork left in a child. Closing one there could checkpoint or unlink the parent's log, so they are
# never touched and never freed.
_inherited: list[object] = []

# How many forks lie between this process and the first; asking the system for the process id would cost a tenth of a
# small read.
_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _nothing() -> None:
    return None


class Connections:
    """The connections to one database. Any thread may ask; `close` ends them all."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.temporary = location.path is None
        self._forget: Callable[[], object] = _nothing
        if location.path is None:
            # A file of its own that is gone at the end: unlike `:memory:` it serves many threads, each with its
            # own snapshot, just as any other.
            import shutil
            import tempfile

            folder = tempfile.mkdtemp(prefix="crmkit-")
            self._forget = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self.path = Path(folder) / "memory.db"
        else:
            self.path = location.path.absolute()
        self.place = "the database in memory" if self.temporary else str(location.path)
        self.closed = False
        self._forks = _forks
        self._here = threading.local()
        self._lock = threading.Lock()
        self._open: dict[int, tuple[weakref.ref[threading.Thread], sqlite3.Connection]] = {}

    def get(self) -> sqlite3.Connection:
        """The connection of this thread; the file must be there."""
        here = self._here.__dict__
        if here.get("forks") == _forks:
            found: sqlite3.Connection = here["connection"]
            return found
        return self._begin("rw")

    def create(self) -> sqlite3.Connection:
        """The connection of this thread, to a file that is created if need be."""
        here = self._here.__dict__
        return self.get() if here.get("forks") == _forks else self._begin("rwc")

    def exists(self) -> bool:
        """Whether there is a file with anything in it."""
        try:
            return self.path.stat().st_size > 0 or self.path.is_dir()
        except OSError:
            return False

    def separate(self) -> sqlite3.Connection:
        """A new connection that the caller closes."""
        return self._connect("rw")

    def _begin(self, mode: str) -> sqlite3.Connection:
        connection = self._connect(mode)
        with self._lock:
            if self._forks != _forks:
                _inherited.append(self._open)
                self._open, self._forks = {}, _forks
            self._sweep()
            thread = threading.current_thread()
            self._open[id(connection)] = (weakref.ref(thread), connection)
        here = self._here.__dict__
        if "connection" in here:
            _inherited.append(here["connection"])
        here["connection"], here["forks"] = connection, _forks
        return connection

    def _sweep(self) -> None:
        """Close what threads left that have ended."""
        for number, (owner, connection) in list(self._open.items()):
            thread = owner()
            if thread is None or not thread.is_alive():
                connection.close()
                del self._open[number]

    def _connect(self, mode: str) -> sqlite3.Connection:
        if self.closed:
            raise ClosedError(f"{self.place} was closed; open it again")
        self._check_path(mode)
        try:
            connection = sqlite3.connect(
                file_uri(self.path, mode),
                uri=True,
                timeout=self.location.timeout,
                isolation_level=None,
                check_same_thread=False,  # close() ends the connections of all threads
                cached_statements=512,
            )
        except sqlite3.Error as error:
            raise translated(error, self.place) from error
        try:
            self._set_up(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.Error):
                raise translated(error, self.place) from error
            raise
        return connection

    def _check_path(self, mode: str) -> None:
        if self.path.is_dir():
            raise BackendError(f"{self.place} is a folder; name a file in it")
        if not self.path.parent.is_dir():
            raise BackendError(
                f"the folder {self.path.parent} does not exist; create it, or name another file"
            )
        if mode == "rw" and not self.path.exists():
            raise BackendError(f"{self.place} does not exist; create it with `crm init`")

    def _set_up(self, connection: sqlite3.Connection) -> None:
        application, format = self._header(connection)
        if format > FORMAT and application == APPLICATION:
            raise BackendError(
                f"{self.place} was written by a newer crmkit-sqlite (format {format}, this one knows {FORMAT}); "
                "upgrade crmkit-sqlite"
            )
        synchronous = "OFF" if self.temporary else self.location.synchronous
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -32768")
        connection.create_aggregate("crm_fsum", 1, FloatSum)

    def _header(self, connection: sqlite3.Connection) -> tuple[int, int]:
        # In one transaction, or another process could make the database between one question and the next.
        connection.execute("BEGIN")
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            format = connection.execute("PRAGMA user_version").fetchone()[0]
        finally:
            connection.rollback()
        if application != APPLICATION and (application or tables):
            raise BackendError(f"{self.place} is a database of another program; name another file")
        return application, format

    def use_log(self, connection: sqlite3.Connection) -> None:
        """Turn the write-ahead log on, which the file remembers."""
        # SQLite does not wait here as it does elsewhere when another process is doing the same.
        until = time.monotonic() + self.location.timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if not code_of(error).startswith("SQLITE_BUSY") or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def begin_writing(self, connection: sqlite3.Connection) -> None:
        """Wait until nobody else writes, for as long as the timeout says, and begin a transaction."""
        # SQLite itself waits in steps of up to 0.1 s, and then hardly ever looks just when a process that writes without
        # a pause is between two of its transactions.
        until = time.monotonic() + self.location.timeout
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if not code_of(error).startswith("SQLITE_BUSY") or time.monotonic() > until:
                        raise
                    time.sleep(0.001)
        finally:
            milliseconds = int(self.location.timeout * 1_000)
            connection.execute(f"PRAGMA busy_timeout = {milliseconds}")

    def close(self) -> None:
        """Close every connection; safe to call twice."""
        with self._lock:
            self.closed = True
            if self._forks == _forks:
                for _, connection in self._open.values():
                    connection.close()
                self._open.clear()
                self._forget()
