"""Plain sqlite3 on a copy of a database that crmkit made: same tables, indexes, journal, search rows, durability."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmkit import CRM, new_id, search_tokens

_PRAGMAS = ("synchronous", "foreign_keys", "secure_delete", "cache_size", "mmap_size", "temp_store")


def copy_of(crm: CRM, target: Path) -> Raw:
    """A copy of an app's database, opened with the settings that the app's own connections have."""
    crm.storage.backup(target)
    own: sqlite3.Connection = crm.storage._connections.get()  # type: ignore[attr-defined]
    connection = sqlite3.connect(target, isolation_level=None, cached_statements=512)
    connection.execute("PRAGMA journal_mode = WAL")
    for name in _PRAGMAS:
        connection.execute(f"PRAGMA {name} = {own.execute(f'PRAGMA {name}').fetchone()[0]}")
    return Raw(connection)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def tokens(text: str) -> str:
    return " ".join(search_tokens(text))


class Raw:
    """The statements that a careful person would write by hand, one for each row of the table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.close = connection.close
        self.customer = self.columns("customer")
        self.interaction = self.columns("interaction")
        self.journal = self.inserting("crm_journal")

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.execute(f'PRAGMA table_info("{table}")')]

    def selected(self, table: str) -> str:
        return ", ".join(f'"{name}"' for name in self.columns(table) if name != "crm_seq")

    def inserting(self, table: str) -> str:
        columns = self.columns(table)
        names = ", ".join(f'"{name}"' for name in columns)
        return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'

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

    # Reading ---------------------------------------------------------------------------------------------------

    def getting(self) -> Any:
        sql = f"SELECT {self.selected('customer')} FROM customer WHERE id = ? AND country = ?"
        execute = self.execute

        def get(ids: Sequence[str]) -> None:
            for id in ids:
                assert execute(sql, (id, "KR")).fetchone()

        return get

    def paging(self) -> Any:
        select = f"SELECT {self.selected('customer')} FROM customer WHERE owner = ? AND country = ?"
        names = [name for name in self.columns("customer") if name != "crm_seq"]
        name, id = names.index("name"), names.index("id")
        first = f"{select} ORDER BY name, id LIMIT 51"
        behind = f"{select} AND (name, id) > (?, ?) ORDER BY name, id LIMIT 51"
        execute = self.execute

        def page(owners: Sequence[str]) -> None:
            for owner in owners:
                last = execute(first, (owner, "KR")).fetchall()[:50][-1]
                execute(behind, (owner, "KR", last[name], last[id])).fetchall()

        return page

    def timeline(self) -> Any:
        sql = (
            f"SELECT {self.selected('interaction')} FROM interaction WHERE customer_id = ? AND channel <> ? "
            "ORDER BY happened_at DESC, id DESC LIMIT 51"
        )
        execute = self.execute

        def timeline(ids: Sequence[str]) -> None:
            for id in ids:
                execute(sql, (id, "legal")).fetchall()

        return timeline

    def searching(self) -> Any:
        columns = ", ".join(f'r."{name}"' for name in self.columns("interaction"))
        sql = (
            f"SELECT {columns} FROM interaction__search AS s CROSS JOIN interaction AS r ON r.crm_seq = s.rowid "
            "WHERE interaction__search MATCH ? AND r.channel <> ? ORDER BY s.rowid DESC LIMIT 21"
        )
        execute = self.execute

        def search(words: Sequence[str]) -> None:
            for word in words:
                # Two syllables are one token; those of a text would end in its last syllable.
                execute(sql, (f'"{word}"', "legal")).fetchall()

        return search

    # Writing one -----------------------------------------------------------------------------------------------

    def creating(self) -> Any:
        execute, journal = self.execute, self.journal
        insert, index = self.inserting("customer"), self.indexing("customer")

        def create(names: Sequence[str]) -> None:
            for name in names:
                at, id = now(), new_id()
                execute("BEGIN IMMEDIATE")
                change = self.change(new_id(), "customer", id, 1, "insert", at, None)
                seq = execute(journal, change).lastrowid
                execute(
                    insert,
                    (seq, id, 1, at, at, name, "person", None, "kim", "ko", "Asia/Seoul", "KR", "[]", None),
                )  # fmt: skip
                execute(index, (seq, tokens(name), ""))
                execute("COMMIT")

        return create

    @staticmethod
    def change(
        transaction: str, kind: str, id: str, version: int, action: str, at: str, delta: str | None
    ) -> tuple[Any, ...]:
        return (
            None, transaction, kind, id, version, action, at, at, "kim", "person", "api", None, None, delta,
        )  # fmt: skip

    def updating(self) -> Any:
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
                execute(journal, change)
                execute("COMMIT")

        return rename

    # Writing many ----------------------------------------------------------------------------------------------

    def _next(self) -> int:
        return int(self.execute("SELECT max(position) FROM crm_journal").fetchone()[0]) + 1

    def bulk_deals(self) -> Any:
        insert, journal = self.inserting("deal"), self.journal

        def bulk(deals: Sequence[dict[str, Any]]) -> None:
            at, transaction = now(), new_id()
            self.execute("BEGIN IMMEDIATE")
            start = self._next()
            rows = [
                (
                    seq, new_id(), 1, at, at, deal["customer_id"], deal["name"], deal["stage"],
                    deal["owner"], deal["amount"].minor, deal["amount"].currency,
                    deal["expected"].isoformat(), None,
                )
                for seq, deal in enumerate(deals, start)
            ]  # fmt: skip
            self.executemany(insert, rows)
            self.executemany(journal, self.changes(rows, transaction, "deal", at))
            self.execute("COMMIT")

        return bulk

    @staticmethod
    def changes(
        rows: Iterable[tuple[Any, ...]], transaction: str, kind: str, at: str
    ) -> Iterable[tuple[Any, ...]]:
        return (
            (
                row[0], transaction, kind, row[1], 1, "insert", at, at, "kim", "person", "api", None, None,
                None,
            )
            for row in rows
        )  # fmt: skip

    def bulk_interactions(self) -> Any:
        insert, journal = self.inserting("interaction"), self.journal
        index = self.indexing("interaction")

        def bulk(items: Sequence[dict[str, Any]]) -> None:
            at, transaction = now(), new_id()
            self.execute("BEGIN IMMEDIATE")
            start = self._next()
            rows = [
                (
                    seq, new_id(), 1, at, at, item["customer_id"], None, item["channel"],
                    item["direction"].value, item["happened_at"].isoformat(timespec="microseconds"),
                    item["source"], item["external_id"], item["subject"], item["body"], None, None, None,
                )
                for seq, item in enumerate(items, start)
            ]  # fmt: skip
            self.executemany(insert, rows)
            self.executemany(journal, self.changes(rows, transaction, "interaction", at))
            # The search table has its columns in the order of their names: body, subject.
            found = (
                (row[0], tokens(item["body"]), tokens(item["subject"]))
                for row, item in zip(rows, items, strict=True)
            )
            self.executemany(index, found)
            self.execute("COMMIT")

        return bulk
