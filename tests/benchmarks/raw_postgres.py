"""Plain psycopg: same tables, indexes, journal under the same lock, token columns; never more trips than crmkit makes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from crmkit import new_id, search_tokens
from tests.benchmarks.raw import Asked, Put, Raw, Work

__all__ = ["PostgresRaw"]

LOCK = "SELECT pg_advisory_xact_lock(6014862213345)"
MOST = 16
LAST = "(SELECT coalesce(max(position), 0) FROM crm_journal)"


def vector(text: str) -> str | None:
    """The literal of a text vector, as crmkit-sql keeps it: which tokens there are."""
    found = {*search_tokens(text)}
    return "'" + "' '".join(found) + "'" if found else None


class PostgresRaw(Raw):
    """A connection in autocommit that is held; JSON stays text, as it does for crmkit."""

    mark = "%s"

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC")
        self.connection.adapters.register_loader("json", TextLoader)
        self.cursor, self.other = self.connection.cursor(), self.connection.cursor()
        self.execute = self.cursor.execute
        self.cursors = [self.connection.cursor() for _ in range(MOST)]
        """One for each statement of a trip."""
        self.close = self.connection.close
        names = ", ".join(self.columns("crm_journal"))
        marks = ", ".join(["%s"] * (len(self.columns("crm_journal")) - 1))
        self.journal = f"INSERT INTO crm_journal ({names}) VALUES ({LAST} + 1, {marks})"
        self.copying_journal = f"COPY crm_journal ({names}) FROM STDIN"

    def columns(self, table: str) -> list[str]:
        sql = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        return [name for (name,) in self.execute(sql, (table,))]

    def written(self, table: str) -> list[str]:
        return [name for name in self.columns(table) if name != "crm_seq"]

    # Search ----------------------------------------------------------------------------------------------------

    def searching(self) -> Work:
        sql = (
            f"SELECT {self.selected('interaction')} FROM interaction WHERE {_FOUND} AND channel <> %s "
            "ORDER BY crm_seq DESC LIMIT 21"
        )
        cursor = self.cursor

        def search(words: Sequence[str]) -> None:
            for word in words:
                # Two syllables are one token: what the index finds need not be looked at again. Not prepared, since
                # the best way depends on how often a word occurs.
                quoted = f"'{word}'"
                cursor.execute(sql, (quoted, quoted, "legal"), prepare=False).fetchall()

        return search

    def hits(self, word: str) -> int:
        sql = f"SELECT count(*) FROM interaction WHERE {_FOUND}"
        row = self.execute(sql, (f"'{word}'", f"'{word}'")).fetchone()
        assert row is not None
        return int(row[0])

    def scanned(self, sql: str) -> Iterator[Sequence[Any]]:
        with self.connection.transaction(), self.connection.cursor("scanned") as cursor:
            cursor.itersize = 10_000
            yield from cursor.execute(sql)

    def sizes(self) -> tuple[int, int]:
        row = self.execute(
            "SELECT pg_relation_size('interaction__search') + "
            "sum(coalesce(pg_column_size(crm_tokens__body), 0) + coalesce(pg_column_size(crm_tokens__subject), 0)), "
            "sum(octet_length(subject) + octet_length(body)) FROM interaction"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    # Writing one -----------------------------------------------------------------------------------------------

    def creating(self) -> Work:
        insert, execute, connection = self.inserting("customer"), self.execute, self.connection

        def create(names: Sequence[str]) -> None:
            for name in names:
                at, id = datetime.now(UTC), new_id()
                row = (
                    id, 1, at, at, name, "person", None, "kim", "ko", "Asia/Seoul", "KR", "[]", None,
                    vector(name), None,
                )  # fmt: skip
                with connection.pipeline():
                    self.other.execute("BEGIN")
                    execute(insert, row)
                self._commit(self.change(new_id(), "customer", id, 1, "insert", at, None))

        return create

    def _commit(self, change: Sequence[Any]) -> None:
        """The change under the journal's lock and the commit: in a trip of their own, behind what may be refused."""
        assert self.cursor.rowcount == 1
        with self.connection.pipeline():
            self.other.execute(LOCK)
            self.cursor.execute(self.journal, change)
            self.other.execute("COMMIT")

    def updating(self) -> Work:
        execute, connection = self.execute, self.connection
        update = (
            "UPDATE customer SET version = %s, updated_at = %s, name = %s, crm_tokens__name = %s "
            "WHERE id = %s AND version = %s"
        )

        def rename(pairs: Sequence[tuple[Any, str]]) -> None:
            for record, name in pairs:
                at, version = datetime.now(UTC), record.version + 1
                delta = json.dumps({"name": [record.name, name]}, ensure_ascii=False)
                with connection.pipeline():
                    self.other.execute("BEGIN")
                    execute(update, (version, at, name, vector(name), record.id, record.version))
                self._commit(
                    self.change(new_id(), "customer", record.id, version, "update", at, delta)
                )

        return rename

    # A transaction of several statements -----------------------------------------------------------------------

    def into(
        self, table: str, names: Sequence[str], searched: Sequence[str] = ()
    ) -> tuple[str, str]:
        own = [*names, *(f"crm_tokens__{name}" for name in searched)]
        marks = ", ".join(["%s"] * len(own))
        return f'INSERT INTO "{table}" ({", ".join(own)}) VALUES ({marks})', ""

    def read(self, *asked: Asked) -> list[list[Any]]:
        return self._trip((), asked, begins=True)

    def put(self, puts: Sequence[Put], *asked: Asked) -> list[list[Any]]:
        return self._trip(puts, asked, begins=bool(asked))

    def _trip(self, puts: Sequence[Put], asked: Sequence[Asked], begins: bool) -> list[list[Any]]:
        questions, others = self.cursors[: len(asked)], self.cursors[len(asked) :]
        with self.connection.pipeline():
            if begins:
                self.other.execute("BEGIN")
            for cursor, question in zip(questions, asked, strict=True):
                cursor.execute(*question)
            for cursor, each in zip(others, puts, strict=False):
                cursor.execute(each.sql, (*each.values, *map(vector, each.texts)))
        assert all(cursor.rowcount == 1 for cursor, _ in zip(others, puts, strict=False))
        return [cursor.fetchall() for cursor in questions]

    def commit(self, puts: Sequence[Put]) -> None:
        with self.connection.pipeline():
            self.other.execute(LOCK)
            for each in puts:
                self.cursor.execute(self.journal, each.change)
            self.other.execute("COMMIT")

    def kept(self, moment: datetime) -> datetime:
        return moment

    # Writing many ----------------------------------------------------------------------------------------------

    def bulk(self, kind: str) -> Work:
        names = ", ".join(f'"{name}"' for name in self.written(kind))
        copying, make = f'COPY "{kind}" ({names}) FROM STDIN', _ROWS[kind]

        def bulk(values: Sequence[dict[str, Any]]) -> list[str]:
            at, transaction = datetime.now(UTC), new_id()
            rows = [(new_id(), 1, at, at, *make(each)) for each in values]
            self.execute("BEGIN")
            self._copy(copying, rows)
            self.execute(LOCK)
            [(last,)] = self.execute(f"SELECT {LAST}").fetchall()
            changes = self.changes((row[0] for row in rows), transaction, kind, at)
            self._copy(
                self.copying_journal, ((n, *each) for n, each in enumerate(changes, last + 1))
            )
            self.execute("COMMIT")
            return [row[0] for row in rows]

        return bulk

    def _copy(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self.cursor.copy(sql) as copy:
            write = copy.write_row
            for row in rows:
                write(row)


_FOUND = "(crm_tokens__body @@ %s::tsquery OR crm_tokens__subject @@ %s::tsquery)"


def _customer(values: dict[str, Any]) -> tuple[Any, ...]:
    return (
        values["name"], values["type"], None, values["owner"], values["language"],
        values["timezone"], values["country"], json.dumps(values["tags"]), None,
        vector(values["name"]), vector(" ".join(values["tags"])),
    )  # fmt: skip


def _deal(values: dict[str, Any]) -> tuple[Any, ...]:
    return (
        values["customer_id"], values["name"], values["stage"], values["owner"],
        values["amount"].minor, values["amount"].currency, values["expected"], None,
    )  # fmt: skip


def _interaction(values: dict[str, Any]) -> tuple[Any, ...]:
    return (
        values["customer_id"], None, values["channel"], values["direction"].value,
        values["happened_at"], values["source"], values["external_id"], values["subject"],
        values["body"], None, None, None, vector(values["body"]), vector(values["subject"]),
    )  # fmt: skip


_ROWS = {"customer": _customer, "deal": _deal, "interaction": _interaction}
