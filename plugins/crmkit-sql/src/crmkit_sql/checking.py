"""What is wrong inside a database, as sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from crmkit_sql.layout import Book, Table
from crmkit_sql.tables import search_index, wanted_indexes

__all__ = ["check"]

TRIMMED = "crmkit/trimmed"
"""Where the app keeps how far it trimmed the journal."""

MANY = 20
"""The most sentences of one sort."""


def check(link: Any, book: Book) -> list[str]:
    """Every fault that the indexes and the journal show."""
    found = list(_missing(link, book))
    found += _gaps(link)
    found += _backwards(link)
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
        wanted = [*wanted_indexes(table.kind)]
        wanted += [search_index(table.kind)] if table.searched else []
        for name in wanted:
            if name not in valid:
                yield f"the index {name} is missing; open the database again to rebuild it"
            elif not valid[name]:
                yield f'the index {name} is not valid; run REINDEX INDEX "{name}"'


def _gaps(link: Any) -> Iterator[str]:
    # Of what was trimmed, the beginning of a record's changes is gone, and nothing in between.
    sql = (
        "SELECT kind, id, count(*), min(version), max(version) FROM crm_journal GROUP BY kind, id "
        "HAVING max(version) - min(version) + 1 <> count(*) OR min(version) <> 1 AND min(position) > %s "
        f"LIMIT {MANY}"
    )
    for kind, id, number, first, last in link.rows(sql, (_trimmed(link),)):
        yield (
            f"the journal of {kind} {id} has {number} changes from version {first} to {last}; "
            "some are missing, restore a backup"
        )


def _trimmed(link: Any) -> int:
    """The position up to which the journal was trimmed."""
    row = link.row("SELECT value FROM crm_state WHERE key = %s", (TRIMMED,))
    return json.loads(row[0])["position"] if row else 0


def _backwards(link: Any) -> Iterator[str]:
    sql = (
        "SELECT j.kind, j.id, j.version FROM crm_journal AS j JOIN crm_journal AS b ON b.kind = j.kind "
        "AND b.id = j.id AND b.version = j.version - 1 WHERE b.at > j.at OR b.position > j.position "
        f"LIMIT {MANY}"
    )
    for kind, id, version in link.rows(sql):
        yield (
            f"the journal of {kind} {id} goes back in time at version {version}; "
            "something else than crmkit wrote it, restore a backup"
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
