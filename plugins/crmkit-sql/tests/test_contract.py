"""The server database keeps the contract."""

from __future__ import annotations

import itertools

import pytest
from crmkit_sql.storage import open_postgresql
from crmkit_sql.testing.cluster import create_database, drop_database

from crmkit.testing import StorageContract

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def database(postgres_server):
    """One database for all tests here; each has a schema of its own, which is made sooner."""
    url = create_database(postgres_server)
    yield url
    drop_database(postgres_server, url)


class TestPostgres(StorageContract):
    @pytest.fixture
    def open_storage(self, database):
        url = f"{database}?schema=contract_{next(NUMBERS)}"
        return lambda: open_postgresql(url)
