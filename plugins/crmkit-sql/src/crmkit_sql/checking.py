"""What is wrong inside a database, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmkit_sql.layout import Book, Table
from crmkit_sql.tables import search_index, wanted_indexes

__all__ = ["check"]

MANY = 20
"""The most sentences of one sort."""


def check(link: Any, book: Book) -> list[str]:
    """Every fault that the indexes and the journal show."""
    found = list(_missing(link, book))
    found += _gaps(link)
    for table in book.tables.values():
        found += _behind(link, table)
    return found


def _missing(link: Any, book: Book) -> Iterator[str]:
    sql = (
        "SELECT c.relname::text, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
        "WHERE c.relnamespace = to_regnamespace(current_schema())"
    )
    valid = dict(link.rows(sql))
    for table in book.tables.values():
        wanted = [*wanted_indexes(table)]
        wanted += [search_index(table).name] if table.searched else []
        for name in wanted:
            if name not in valid:
                yield f"the index {name} is missing; open the database again to rebuild it"
            elif not valid[name]:
                yield f'the index {name} is not valid; run REINDEX INDEX "{name}"'


def _gaps(link: Any) -> Iterator[str]:
    sql = (
        "SELECT kind, id, count(*), min(version), max(version) FROM crm_journal GROUP BY kind, id "
        f"HAVING min(version) <> 1 OR max(version) <> count(*) LIMIT {MANY}"
    )
    for kind, id, number, first, last in link.rows(sql):
        yield (
            f"the journal of {kind} {id} has {number} changes from version {first} to {last}; "
            "some are missing, restore a backup"
        )


def _behind(link: Any, table: Table) -> Iterator[str]:
    sql = (
        f"SELECT r.id, r.version, j.last FROM {table.name} AS r LEFT JOIN "
        "(SELECT id, max(version) AS last FROM crm_journal WHERE kind = %s GROUP BY id) AS j ON j.id = r.id "
        f"WHERE j.last IS DISTINCT FROM r.version LIMIT {MANY}"
    )
    for id, version, last in link.rows(sql, (table.kind.name,)):
        yield (
            f"{table.kind.name} {id} is at version {version} and its journal at {last or 'none'}; "
            "something else than crmkit wrote it, restore a backup"
        )
