"""Fixtures for pytest: databases on a real server, each empty and nobody else's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from crmkit_sql.testing.cluster import Cluster

__all__ = ["new_postgres", "postgres_cluster", "postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A throw-away server of the session's own, quick and not durable; skips where there is none to be had."""
    from crmkit_sql.testing.binaries import NoServer
    from crmkit_sql.testing.cluster import Cluster

    try:
        cluster = Cluster().__enter__()
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
        return given
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.url("postgres")


@pytest.fixture
def new_postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """A function that makes an empty database and gives its URL; all are dropped at the end."""
    from crmkit_sql.testing.cluster import create_database, drop_database

    made: list[str] = []

    def new() -> str:
        made.append(create_database(postgres_server))
        return made[-1]

    yield new
    for url in made:
        drop_database(postgres_server, url)


@pytest.fixture
def postgres_url(new_postgres: Callable[[], str]) -> str:
    """The URL of an empty database."""
    return new_postgres()
