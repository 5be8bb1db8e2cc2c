"""Plain sqlite3: same tables, indexes, journal, search rows, durability as crmkit's own connections have."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmkit import CRM, new_id
from tests.benchmarks.raw import Asked, Put, Raw, Work, tokens

__all__ = ["SqliteRaw"]

_PRAGMAS = ("synchronous", "foreign_keys", "secure_delete", "cache_size", "mmap_size", "temp_store")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class SqliteRaw(Raw):
    """A connection with the settings that an app's own have."""

    mark = "?"

    def __init__(self, path: Path, like: CRM) -> None:
        own: sqlite3.Connection = like.storage._connections.get()  # type: ignore[attr-defined]
        connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        connection.execute("PRAGMA journal_mode = WAL")
        for name in _PRAGMAS:
            connection.execute(f"PRAGMA {name} = {own.execute(f'PRAGMA {name}').fetchone()[0]}")
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.close = connection.close
        self.journal = self.inserting("crm_journal")

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.execute(f'PRAGMA table_info("{table}")')]

    def indexing(self, table: str) -> str:
        names = ", ".join(["rowid", *self.columns(f"{table}__search")])
        marks = ", ".join("?" * (len(self.columns(f"{table}__search")) + 1))
        return f'INSERT INTO "{table}__search" ({names}) VALUES ({marks})'

    def unindexing(self, table: str) -> str:
        return (
            self.indexing(table)
            .replace("(rowid", f"({table}__search, rowid")
            .replace("VALUES (", "VALUES ('delete', ")
        )

    # Search ----------------------------------------------------------------------------------------------------

    def searching(self) -> Work:
        sql = (
            f"SELECT {self.selected('interaction', 'r.')} FROM interaction__search AS s "
            "CROSS JOIN interaction AS r ON r.crm_seq = s.rowid "
            "WHERE interaction__search MATCH ? AND r.channel <> ? ORDER BY s.rowid DESC LIMIT 21"
        )
        execute = self.execute

        def search(words: Sequence[str]) -> None:
            for word in words:
                # Two syllables are one token; those of a text would end in its last syllable.
                execute(sql, (f'"{word}"', "legal")).fetchall()

        return search

    def hits(self, word: str) -> int:
        sql = "SELECT count(*) FROM interaction__search WHERE interaction__search MATCH ?"
        return int(self.execute(sql, (f'"{word}"',)).fetchone()[0])

    def scanned(self, sql: str) -> Iterator[Sequence[Any]]:
        return iter(self.execute(sql))

    def sizes(self) -> tuple[int, int]:
        text = "sum(length(CAST(subject AS BLOB)) + length(CAST(body AS BLOB)))"
        size = self.execute(f"SELECT {text} FROM interaction").fetchone()[0]
        index = self.execute(
            "SELECT sum(pgsize) FROM dbstat WHERE name GLOB 'interaction__search*' AND aggregate = TRUE"
        ).fetchone()[0]
        return index, size

    # Writing one -----------------------------------------------------------------------------------------------

    def creating(self) -> Work:
        execute, journal = self.execute, self.journal
        insert, index = self.inserting("customer"), self.indexing("customer")

        def create(names: Sequence[str]) -> None:
            for name in names:
                at, id = now(), new_id()
                execute("BEGIN IMMEDIATE")
                change = self.change(new_id(), "customer", id, 1, "insert", at, None)
                seq = execute(journal, (None, *change)).lastrowid
                execute(
                    insert,
                    (seq, id, 1, at, at, name, "person", None, "kim", "ko", "Asia/Seoul", "KR", "[]", None),
                )  # fmt: skip
                execute(index, (seq, tokens(name), ""))
                execute("COMMIT")

        return create

    def updating(self) -> Work:
        execute, journal = self.execute, self.journal
        unindex, index = self.unindexing("customer"), self.indexing("customer")
        seqs = dict(execute("SELECT id, crm_seq FROM customer").fetchall())
        update = (
            "UPDATE customer SET version = ?, updated_at = ?, name = ? WHERE id = ? AND version = ?"
        )

        def rename(pairs: Sequence[tuple[Any, str]]) -> None:
            for record, name in pairs:
                at, seq, tags = now(), seqs[record.id], tokens(" ".join(record.tags))
                version = record.version + 1
                delta = json.dumps({"name": [record.name, name]}, ensure_ascii=False)
                execute("BEGIN IMMEDIATE")
                done = execute(update, (version, at, name, record.id, record.version)).rowcount
                assert done == 1
                execute(unindex, (seq, tokens(record.name), tags))
                execute(index, (seq, tokens(name), tags))
                change = self.change(new_id(), "customer", record.id, version, "update", at, delta)
                execute(journal, (None, *change))
                execute("COMMIT")

        return rename

    # A transaction of several statements -----------------------------------------------------------------------

    def into(
        self, table: str, names: Sequence[str], searched: Sequence[str] = ()
    ) -> tuple[str, str]:
        own = ["crm_seq", *names]
        sql = f'INSERT INTO "{table}" ({", ".join(own)}) VALUES ({", ".join("?" * len(own))})'
        if not searched:
            return sql, ""
        found = ["rowid", *(f"f_{name}" for name in searched)]
        marks = ", ".join("?" * len(found))
        return sql, f'INSERT INTO "{table}__search" ({", ".join(found)}) VALUES ({marks})'

    def read(self, *asked: Asked) -> list[list[Any]]:
        self.execute("BEGIN IMMEDIATE")
        return [self.execute(*each).fetchall() for each in asked]

    def put(self, puts: Sequence[Put], *asked: Asked) -> list[list[Any]]:
        found = self.read(*asked) if asked else []
        for each in puts:
            seq = self.execute(self.journal, (None, *each.change)).lastrowid
            values = (seq, *each.values) if each.is_new else each.values
            assert self.execute(each.sql, values).rowcount == 1
            if each.index:
                self.execute(each.index, (seq, *map(tokens, each.texts)))
        return found

    def commit(self, puts: Sequence[Put]) -> None:
        self.execute("COMMIT")

    def kept(self, moment: datetime) -> str:
        return moment.isoformat(timespec="microseconds")

    # Writing many ----------------------------------------------------------------------------------------------

    def bulk(self, kind: str) -> Work:
        insert, make, index = self.inserting(kind), _ROWS[kind], _INDEXED.get(kind)
        indexing = self.indexing(kind) if index else ""

        def bulk(values: Sequence[dict[str, Any]]) -> list[str]:
            at, transaction = now(), new_id()
            self.execute("BEGIN IMMEDIATE")
            start = self._next()
            rows = [
                (seq, new_id(), 1, at, at, *make(each)) for seq, each in enumerate(values, start)
            ]
            self.executemany(insert, rows)
            changes = self.changes((row[1] for row in rows), transaction, kind, at)
            self.executemany(self.journal, ((n, *each) for n, each in enumerate(changes, start)))
            if index:
                found = ((seq, *index(each)) for seq, each in enumerate(values, start))
                self.executemany(indexing, found)
            self.execute("COMMIT")
            return [row[1] for row in rows]

        return bulk

    def _next(self) -> int:
        return int(self.execute("SELECT max(position) FROM crm_journal").fetchone()[0] or 0) + 1


def _customer(values: dict[str, Any]) -> tuple[Any, ...]:
    return (
        values["name"], values["type"], None, values["owner"], values["language"],
        values["timezone"], values["country"], json.dumps(values["tags"]), None,
    )  # fmt: skip


def _deal(values: dict[str, Any]) -> tuple[Any, ...]:
    return (
        values["customer_id"], values["name"], values["stage"], values["owner"],
        values["amount"].minor, values["amount"].currency, values["expected"].isoformat(), None,
    )  # fmt: skip


def _interaction(values: dict[str, Any]) -> tuple[Any, ...]:
    return (
        values["customer_id"], None, values["channel"], values["direction"].value,
        values["happened_at"].isoformat(timespec="microseconds"), values["source"],
        values["external_id"], values["subject"], values["body"], None, None, None,
    )  # fmt: skip


_ROWS = {"customer": _customer, "deal": _deal, "interaction": _interaction}
# A search table has its columns in the order of their names.
_INDEXED: dict[str, Any] = {
    "customer": lambda values: (tokens(values["name"]), tokens(" ".join(values["tags"]))),
    "interaction": lambda values: (tokens(values["body"]), tokens(values["subject"])),
}
