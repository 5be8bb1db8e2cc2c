"""Fixtures for pytest: databases on a real server, each empty and nobody else's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from crmkit import CRM, Config

if TYPE_CHECKING:
    from crmkit_sql.testing.cluster import Cluster

__all__ = [
    "new_postgres",
    "postgres_cluster",
    "postgres_server",
    "postgres_templates",
    "postgres_url",
    "postgres_with",
]


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


@pytest.fixture(scope="session")
def postgres_templates(postgres_server: str) -> Iterator[Callable[[tuple[str, ...]], str]]:
    """A function that gives the URL of a database with the tables of these plugins, to be copied and not to be used."""
    from crmkit_sql.testing.databases import create_database, drop_database

    made: dict[tuple[str, ...], str] = {}

    def template(plugins: tuple[str, ...]) -> str:
        if plugins not in made:
            made[plugins] = create_database(postgres_server)
            CRM.open(made[plugins], plugins=plugins, config=Config()).close()
        return made[plugins]

    yield template
    for url in made.values():
        drop_database(postgres_server, url)


@pytest.fixture
def postgres_with(
    postgres_server: str, postgres_templates: Callable[[tuple[str, ...]], str]
) -> Iterator[Callable[..., str]]:
    """A function that gives the URL of this test's database, which has the tables of these plugins (their names).

    They are made once in a session and copied: an app with all plugins opens such a database in a fifth of the time
    that it takes on an empty one. The same database at each call, whatever it is asked for after the first one.
    """
    from crmkit_sql.testing.databases import create_database, drop_database

    made: list[str] = []

    def database(*plugins: str) -> str:
        if not made:
            made.append(create_database(postgres_server, like=postgres_templates(plugins)))
        return made[0]

    yield database
    for url in made:
        drop_database(postgres_server, url)
