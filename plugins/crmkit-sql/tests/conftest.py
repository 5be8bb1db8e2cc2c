"""A database on a server, and what goes over the wire to it."""

from __future__ import annotations

import re
import tempfile

import pytest
from crmkit_sql.storage import open_postgresql
from psycopg import pq

from crmkit.testing.lab import Lab


@pytest.fixture
def open_storage(postgres_url):
    """Opens the database of the test; all that were opened are closed at the end."""
    opened = []

    def open_(options: str = ""):
        opened.append(open_postgresql(f"{postgres_url}{options}"))
        return opened[-1]

    yield open_
    for storage in opened:
        storage.close()


@pytest.fixture
def lab(open_storage):
    """The database, prepared for the kinds of the contract."""
    return Lab(open_storage())


@pytest.fixture
def connection():
    """A function: the driver's connection that a storage uses next, of which there is one in these tests."""

    def connection_(storage):
        with storage._connections.lent() as link:
            return link.connection

    return connection_


class Wire:
    """What goes over the wire of one connection: a round trip ends when the server says that it is ready."""

    def __init__(self, connection) -> None:
        self._connection = connection
        self._file = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the fixture
        self._listen()

    def _listen(self) -> None:
        self._connection.pgconn.trace(self._file.fileno())
        flags = pq.Trace.SUPPRESS_TIMESTAMPS | pq.Trace.REGRESS_MODE
        self._connection.pgconn.set_trace_flags(flags)

    def lines(self) -> list[str]:
        """The messages since the last time."""
        self._connection.pgconn.untrace()
        self._file.seek(0)
        found = self._file.read().splitlines()
        self._file.seek(0)
        self._file.truncate()
        self._listen()
        return found

    def trips(self) -> int:
        """How many round trips there were since the last time."""
        # Several may end together, when the client asked for more before it listened.
        trips, asked = 0, False
        for line in self.lines():
            if re.match(r"F\t\d", line):
                trips += not asked
                asked = True
            elif re.match(r"B\t\d", line):
                asked = False
        return trips

    def close(self) -> None:
        self._connection.pgconn.untrace()
        self._file.close()


@pytest.fixture
def wire(connection):
    """A function: what goes over the wire of a storage from now on."""
    opened = []

    def wire_(storage):
        opened.append(Wire(connection(storage)))
        opened[-1].lines()
        return opened[-1]

    yield wire_
    for each in opened:
        each.close()
