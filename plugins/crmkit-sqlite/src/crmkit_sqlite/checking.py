"""What is wrong inside a database, as sentences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from crmkit.past import TRIMMED
from crmkit_sqlite.layout import Book, Table, quoted
from crmkit_sqlite.tables import wanted_indexes

__all__ = ["check"]

_MANY = 20
"""The most sentences of one sort."""


def check(connection: sqlite3.Connection, book: Book) -> list[str]:
    """Every fault that SQLite, the references, the indexes and the journal show."""
    found = [
        f"the file is damaged: {text}; restore a backup, or save what is left with `sqlite3 FILE .recover`"
        for (text,) in connection.execute(f"PRAGMA quick_check({_MANY})")
        if text != "ok"
    ]
    if not found:
        found += _dangling(connection)
        found += _missing(connection, book)
        found += _gaps(connection)
        found += _disorder(connection)
        for table in book.tables.values():
            found += _behind(connection, table)
    return found


def _dangling(connection: sqlite3.Connection) -> Iterator[str]:
    rows = connection.execute("PRAGMA foreign_key_check").fetchmany(_MANY)
    for name, seq, target, _ in rows:
        id = connection.execute(f"SELECT id FROM {quoted(name)} WHERE rowid = ?", (seq,)).fetchone()
        yield f"{name} {id[0] if id else seq} refers to a {target} that does not exist; change or delete it"


def _missing(connection: sqlite3.Connection, book: Book) -> Iterator[str]:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    for table in book.tables.values():
        wanted = list(wanted_indexes(table))
        wanted += [f"{table.kind.name}__search"] if table.searched else []
        for name in wanted:
            if name not in names:
                yield f"the index {name} is missing; open the database again to rebuild it"


def _gaps(connection: sqlite3.Connection) -> Iterator[str]:
    """Versions go from 1 to n, or to n from what trimming left: that is one up to where the journal is trimmed."""
    sql = "SELECT json_extract(value, '$.position') FROM crm_state WHERE key = ?"
    trimmed = connection.execute(sql, (TRIMMED,)).fetchone()
    rows = connection.execute(
        "SELECT kind, id, count(*), min(version), max(version) FROM crm_journal GROUP BY kind, id "
        "HAVING max(version) - min(version) + 1 <> count(*) OR (min(version) <> 1 AND min(position) > ?)",
        trimmed or (0,),
    ).fetchmany(_MANY)
    for kind, id, number, first, last in rows:
        yield (
            f"the journal of {kind} {id} has {number} changes from version {first} to {last}; "
            "some are missing, restore a backup"
        )


def _disorder(connection: sqlite3.Connection) -> Iterator[str]:
    """Positions and times rise with the versions of a record."""
    rows = connection.execute(
        "SELECT a.kind, a.id, a.version, b.position > a.position FROM crm_journal AS a JOIN crm_journal AS b "
        "ON b.kind = a.kind AND b.id = a.id AND b.version = a.version + 1 "
        "WHERE b.position < a.position OR b.at < a.at"
    ).fetchmany(_MANY)
    for kind, id, version, in_order in rows:
        what = "was recorded before" if in_order else "stands in the journal before"
        yield (
            f"version {version + 1} of {kind} {id} {what} version {version}; "
            "something else than crmkit wrote it, restore a backup"
        )


def _behind(connection: sqlite3.Connection, table: Table) -> Iterator[str]:
    rows = connection.execute(
        f"SELECT id, version, (SELECT max(version) FROM crm_journal WHERE kind = ? AND id = r.id) AS last "
        f"FROM {table.name} AS r WHERE last IS NOT version",
        (table.kind.name,),
    ).fetchmany(_MANY)
    for id, version, last in rows:
        yield (
            f"{table.kind.name} {id} is at version {version} and its journal at {last or 'none'}; "
            "something else than crmkit wrote it, restore a backup"
        )
