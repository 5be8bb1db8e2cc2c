"""Empty databases on a server, each with a name that nobody has."""

from __future__ import annotations

import secrets

__all__ = ["beside", "create_database", "drop_database"]

_PREFIX = "crmkit_test_"


def create_database(server: str) -> str:
    """A new, empty database on the server of a URL; its URL."""
    import psycopg

    name = f"{_PREFIX}{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as link:
        # Written to the log row by row: on a server that does not wait for its disk that is the quicker way.
        link.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' STRATEGY WAL_LOG".encode()
        )
    return beside(server, name)


def beside(url: str, name: str) -> str:
    """The URL of another database on the server of a URL, which need not name one itself."""
    address, mark, options = url.partition("?")
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{name}{mark}{options}"


def drop_database(server: str, url: str) -> None:
    """Drop a database that `create_database` made, whoever is connected to it; `ValueError` for any other."""
    import psycopg

    name = url.partition("?")[0].rpartition("/")[2]
    if not name.startswith(_PREFIX):
        raise ValueError(f"{name} was not made here; it stays")
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
