"""Fixtures for pytest: databases on a real server, each empty and nobody else's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from crmkit_sql.testing.cluster import Cluster

__all__ = ["new_postgres", "postgres_cluster", "postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A throw-away server of the session's own, quick and not durable, in 0.7 s; skips where there is none to be had.

    A server that is there and does not start is an error, or a broken one would turn every test off in silence.
    """
    from crmkit_sql.testing.binaries import NoServer
    from crmkit_sql.testing.cluster import Cluster

    try:
        cluster = Cluster(durable=False).__enter__()
    except NoServer as error:
        pytest.skip(str(error))
    try:
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> str:
    """The URL of a server on which databases may be made: `CRMKIT_TEST_POSTGRES`, else `postgres_cluster`."""
    given = os.environ.get("CRMKIT_TEST_POSTGRES")
    if given:
        _check_version(given)
        return given
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.url("postgres")


def _check_version(server: str) -> None:
    import psycopg

    from crmkit_sql.testing.binaries import OLDEST

    with psycopg.connect(server) as link:
        version = link.info.server_version // 10000
    if version < OLDEST:
        pytest.fail(
            f"CRMKIT_TEST_POSTGRES names PostgreSQL {version}; name a server of {OLDEST} or newer",
            pytrace=False,
        )


@pytest.fixture
def new_postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """A function that makes an empty database and gives its URL; all are dropped at the end, whoever is connected.

    Making one takes 30 ms and dropping it 20 where the server is in memory; on a disk 70 and 20, much more if it is busy.
    """
    from crmkit_sql.testing.databases import create_database, drop_database

    with ExitStack() as made:

        def new() -> str:
            url = create_database(postgres_server)
            made.callback(drop_database, postgres_server, url)
            return url

        yield new


@pytest.fixture
def postgres_url(new_postgres: Callable[[], str]) -> str:
    """The URL of an empty database, dropped after the test."""
    return new_postgres()
