"""Empty databases on a server, each with a name that nobody has."""

from __future__ import annotations

import secrets
import time
from typing import Any

__all__ = ["beside", "create_database", "drop_database"]

PATIENCE = 1.0
"""Seconds for those who are connected to be gone."""

_PREFIX = "crmkit_test_"


def create_database(server: str, like: str | None = None) -> str:
    """A new database on the server of a URL; its URL. It is empty, or a copy of one made here that nobody is using."""
    import psycopg

    name = f"{_PREFIX}{secrets.token_hex(6)}"
    template = "template0 ENCODING 'UTF8'" if like is None else _made_here(like)
    with psycopg.connect(server, autocommit=True) as link:
        # Written to the log row by row: on a server that does not wait for its disk that is the quicker way.
        link.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG".encode())
    return beside(server, name)


def beside(url: str, name: str) -> str:
    """The URL of another database on the server of a URL, which need not name one itself."""
    address, mark, options = url.partition("?")
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{name}{mark}{options}"


def drop_database(server: str, url: str) -> None:
    """Drop a database that `create_database` made, whoever is connected to it; `ValueError` for any other."""
    import psycopg

    name = _made_here(url)
    with psycopg.connect(server, autocommit=True) as link:
        _empty(link, name)
        link.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def _empty(link: Any, name: str) -> None:
    """Have everybody leave a database, and wait until they have: dropping it with `FORCE` looks only ten times a second."""
    until = time.monotonic() + PATIENCE
    leave = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
    while link.execute(leave, [name]).fetchone() != (0,) and time.monotonic() < until:
        time.sleep(0.002)


def _made_here(url: str) -> str:
    """The name of a database, if it was made here."""
    name = url.partition("?")[0].rpartition("/")[2]
    if not name.startswith(_PREFIX):
        raise ValueError(f"{name} was not made here; it stays as it is")
    return name
