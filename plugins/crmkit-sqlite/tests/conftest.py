"""A database in a file, and what goes on under it."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from crmkit_sqlite.storage import open_sqlite

from crmkit.testing.lab import Lab


@pytest.fixture
def path(tmp_path):
    """The file of the test's database; not there yet."""
    return tmp_path / "crm.db"


@pytest.fixture
def open_storage(path):
    """Opens it; all that were opened are closed at the end."""
    opened = []

    def open_(options: str = "", file=path):
        opened.append(open_sqlite(f"sqlite:///{file}{options}"))
        return opened[-1]

    yield open_
    for storage in opened:
        storage.close()


@pytest.fixture
def lab(open_storage):
    """The database, prepared for the kinds of the contract."""
    return Lab(open_storage())


@pytest.fixture
def run():
    """Starts another process that runs some Python; ended at the end, if it has not."""
    started = []

    def run_(source: str, *arguments: object, **options) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
        started.append(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                **options,
            )
        )
        return started[-1]

    yield run_
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def connection():
    """The connection of this thread to the database of a storage."""
    return lambda storage: storage._connections.get()


@pytest.fixture
def statements(connection):
    """A list that fills with the statements that a storage runs in this thread."""
    traced = []

    def trace(storage):
        found: list[str] = []
        link = connection(storage)
        # How long the driver waits is no question to the database.
        link.set_trace_callback(
            lambda sql: None if sql.startswith("PRAGMA busy_timeout") else found.append(sql)
        )
        traced.append(link)
        return found

    yield trace
    for link in traced:
        link.set_trace_callback(None)
