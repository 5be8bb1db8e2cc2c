"""Every read, over the connection that a storage or a transaction gives."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs

from crmkit.changes import Change
from crmkit.query import Condition, Query
from crmkit.records import Record
from crmkit.schema import Schema
from crmkit.storage import NO_SCOPE, Measure, Page, Reads, Scope, Total
from crmkit.values import format_time
from crmkit_sqlite import journal
from crmkit_sqlite.compile import Builder, Compiled
from crmkit_sqlite.faults import FAULTS, guarded, translated
from crmkit_sqlite.layout import Book, dumped_json
from crmkit_sqlite.paging import Paged, paged
from crmkit_sqlite.searching import search
from crmkit_sqlite.shapes import scope_shape, shape
from crmkit_sqlite.totals import totals

__all__ = ["SQLiteReads"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def _is_text(text: str) -> bool:
    return text.isascii() or not _SURROGATE.search(text)


def _listed(ids: Sequence[str]) -> str:
    """Ids as JSON, without those that no record can have: NUL and lone surrogates are no text."""
    text = dumped_json(list(ids))
    try:
        text.encode()
    except UnicodeEncodeError:
        ids = list(filter(_is_text, ids))
        text = dumped_json(ids)
    return (
        text if "\\u0000" not in text else dumped_json([each for each in ids if "\0" not in each])
    )


class SQLiteReads(Reads):
    """Reads of whatever `_connect` leads to. `_book` is what the last `prepare` found."""

    _book: Book

    @property
    def schema(self) -> Schema:  # type: ignore[override]  # read-only: it changes with the book
        """The schema that was prepared."""
        return self._book.schema

    @property
    def place(self) -> str:
        """The database's file, as people know it."""
        raise NotImplementedError

    def _connect(self) -> sqlite3.Connection:
        raise NotImplementedError

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """The connection, in one snapshot for several statements."""
        connection = self._connect()
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    # Records ---------------------------------------------------------------------------------------------------

    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """By id, in their order."""
        try:
            if len(ids) != 1:
                return self._get_many(kind, ids, scope)
            sql, load = self._book.getters[kind]
            if scope.get(kind):
                sql, ids = self._within(kind, ids, scope[kind])
            row = self._connect().execute(sql, ids).fetchone()
            return [None if row is None else load(row)]
        except UnicodeEncodeError:
            return self._get_many(kind, ids, scope)
        except FAULTS as error:
            raise translated(error, self.place) from error

    def _within(
        self, kind: str, ids: Sequence[str], conditions: tuple[Condition, ...]
    ) -> tuple[str, Sequence[Any]]:
        """The statement for one id within a scope, and its parameters; those of the last scope are kept."""
        known = self._book.cache.get(("scope", kind))
        if known is None or known[0] is not conditions:
            known = self._book.cache["scope", kind] = (conditions, *self._scoped(kind, conditions))
        return known[1], (*known[2], *ids)

    def _scoped(self, kind: str, conditions: tuple[Condition, ...]) -> tuple[str, Sequence[Any]]:
        values: list[Any] = []
        scoped = scope_shape({kind: conditions}, values)

        def make() -> Compiled:
            builder = Builder(self._book, kind, (), scoped)
            # Last, so that what binds the scope need not know the id.
            tests = [*builder.where(), f"r.id = ?{builder.take()}"]
            columns = self._book.table(kind).select()
            source = builder.frame.source()
            return builder.finish(f"SELECT {columns} FROM {source} WHERE {' AND '.join(tests)}")

        compiled = self._book.compiled(("one", kind, scoped), make)
        return compiled.sql, compiled.bind([*values, ""])[:-1]

    def _get_many(self, kind: str, ids: Sequence[str], scope: Scope) -> list[Record | None]:
        values: list[Any] = []
        scoped = scope_shape(scope, values)

        def make() -> Compiled:
            builder = Builder(self._book, kind, (), scoped)
            table, number = self._book.table(kind), builder.take()
            tests = [f"r.id IN (SELECT value FROM json_each(?{number}))", *builder.where()]
            return builder.finish(
                f"SELECT {table.select()} FROM {builder.frame.source()} WHERE {' AND '.join(tests)}"
            )

        compiled = self._book.compiled(("get", kind, scoped), make)
        load = self._book.table(kind).load
        parameters = compiled.bind([*values, _listed(ids)])
        rows = self._connect().execute(compiled.sql, parameters)
        found = {record.id: record for record in map(load, rows)}
        return [found.get(id) for id in ids]

    @guarded
    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        """By keyset: what was read before the cursor costs nothing."""
        book = self._book
        how, values = paged(book, query, scope)
        limit = -1 if query.limit is None else query.limit
        rows = self._stretches(how, values, limit)
        load = book.tables[query.kind].load
        kept = rows[:limit] if limit >= 0 else rows
        records = tuple([load(row[: how.width]) for row in kept] if how.orders else map(load, kept))
        more = kept and len(kept) < len(rows)
        after = how.cursor(book, query, kept[-1], records[-1]) if more else None
        return Page(records, after)

    def columns(
        self, query: Query, paths: Sequence[str], scope: Scope = NO_SCOPE, batch: int = 10_000
    ) -> Iterator[list[list[Any]]]:
        """Only these columns are read, in batches by keyset."""
        left, wanted = query.limit, tuple(dict.fromkeys(paths))
        places = [wanted.index(path) for path in paths]
        for path in wanted:
            self.schema[query.kind].field(path)
        while wanted and (left is None or left > 0):
            size = batch if left is None else min(batch, left)
            found, query = self._columns(query, wanted, scope, size)
            if found[0]:
                yield [found[place] for place in places]
            if query.after is None or len(found[0]) < size:
                return
            left = None if left is None else left - size

    @guarded
    def _columns(
        self, query: Query, paths: tuple[str, ...], scope: Scope, size: int
    ) -> tuple[list[list[Any]], Query]:
        """Some columns of one page, and the query of the next; without a cursor if that is all."""
        how, values = paged(self._book, query, scope, paths)
        rows = self._stretches(how, values, size)
        more = len(rows) > size
        after = how.cursor(self._book, query, rows[size - 1], None) if more else None
        found = how.columns(self._book, query.kind, rows[:size])
        return found, attrs.evolve(query, after=after)

    def _stretches(self, how: Paged, values: list[Any], limit: int) -> list[Any]:
        """The rows of one page and one more, if there is one."""
        wanted = limit + 1 if limit >= 0 else -1
        if len(how.statements) == 1:
            first = how.statements[0]
            return self._connect().execute(first.sql, first.bind([*values, wanted])).fetchall()
        rows: list[Any] = []
        with self._snapshot() as connection:
            for each in how.statements:
                left = wanted - len(rows) if limit >= 0 else -1
                if left:
                    rows += connection.execute(each.sql, each.bind([*values, left]))
        return rows

    @guarded
    def count(self, query: Query, scope: Scope = NO_SCOPE) -> int:
        """Counted by the database."""
        values: list[Any] = []
        shapes = tuple([shape(each, values) for each in query.conditions])
        scoped = scope_shape(scope, values)

        def make() -> Compiled:
            builder = Builder(self._book, query.kind, shapes, scoped)
            where = " AND ".join(builder.where()) or "1"
            return builder.finish(f"SELECT count(*) FROM {builder.frame.source()} WHERE {where}")

        compiled = self._book.compiled(("count", query.kind, shapes, scoped), make)
        found: int = self._connect().execute(compiled.sql, compiled.bind(values)).fetchone()[0]
        return found

    @guarded
    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        """Summed exactly; see `crmkit_sqlite.totals`."""
        return totals(self._book, self._connect(), query, tuple(by), tuple(measures), scope)

    @guarded
    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]  # an empty mapping
    ) -> Page:
        """By the search tables; see `crmkit_sqlite.searching`."""
        with self._snapshot() as connection:
            return search(self._book, connection, text, kinds, limit, after, scope, hidden)

    # The journal -----------------------------------------------------------------------------------------------

    @guarded
    def history(self, kind: str, id: str) -> list[Change]:
        """By the journal's index on kind, id, version."""
        sql = f"{journal.SELECT} WHERE kind = ? AND id = ? ORDER BY version"
        rows = self._connect().execute(sql, (kind, id)) if _is_text(kind + id) else ()
        return list(map(journal.change_of, rows))

    @guarded
    def changes(
        self,
        after: int = 0,
        kinds: Sequence[str] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Change]:
        """By position, which is the order of commits: only one transaction writes at a time."""
        tests, values = ["position > ?"], [after]
        # From somewhere on, the order of positions is the way; by the index on kinds, all of the past would be sorted.
        going_on = "+" if after or limit is not None else ""
        for test, value in (
            (
                f"{going_on}kind IN (SELECT value FROM json_each(?))",
                None if kinds is None else dumped_json(list(kinds)),
            ),
            ("at > ?", None if since is None else format_time(since)),
        ):
            if value is not None:
                tests.append(test)
                values.append(value)  # type: ignore[arg-type]
        sql = f"{journal.SELECT} WHERE {' AND '.join(tests)} ORDER BY position LIMIT ?"
        rows = self._connect().execute(sql, (*values, -1 if limit is None else max(limit, 0)))
        return list(map(journal.change_of, rows))

    @guarded
    def count_changes(self, after: int = 0, kinds: Sequence[str] | None = None) -> int:
        """By position from somewhere on; from the beginning, of some kinds, by the index that begins with the kind."""
        sql, values = "SELECT count(*) FROM crm_journal WHERE position > ?", [after]
        if kinds is not None:
            sql += f" AND {'+' if after else ''}kind IN (SELECT value FROM json_each(?))"
            values.append(dumped_json(list(kinds)))  # type: ignore[arg-type]
        found: int = self._connect().execute(sql, values).fetchone()[0]
        return found

    @guarded
    def position(self) -> int:
        """The last key of the journal."""
        found = self._connect().execute("SELECT max(position) FROM crm_journal").fetchone()[0]
        return found or 0

    @guarded
    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        """By the journal's index on kind, id, version."""
        if len(ids) == 1 and ids[0].isascii():
            sql = "SELECT max(version) FROM crm_journal WHERE kind = ? AND id = ?"
            last = self._connect().execute(sql, (kind, ids[0])).fetchone()[0]
            return {} if last is None else {ids[0]: last}
        sql = (
            "SELECT value, (SELECT max(version) FROM crm_journal WHERE kind = ? AND id = value) AS last "
            "FROM json_each(?) WHERE last IS NOT NULL"
        )
        return dict(self._connect().execute(sql, (kind, _listed(ids))).fetchall())

    # State -----------------------------------------------------------------------------------------------------

    @guarded
    def state(self, key: str) -> Any:
        """One row of `crm_state`."""
        sql = "SELECT value FROM crm_state WHERE key = ?"
        row = self._connect().execute(sql, (key,)).fetchone() if _is_text(key) else None
        return None if row is None else json.loads(row[0])

    @guarded
    def states(self, prefix: str) -> dict[str, Any]:
        """A range of `crm_state`."""
        sql = "SELECT key, value FROM crm_state WHERE key >= ? AND substr(key, 1, length(?)) = ? ORDER BY key"
        rows = self._connect().execute(sql, (prefix,) * 3) if _is_text(prefix) else ()
        return {key: json.loads(text) for key, text in rows}
