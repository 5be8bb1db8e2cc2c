"""Every read, over the connection that a storage or a transaction gives."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs

from crmkit.query import Query
from crmkit.records import Record
from crmkit.resolve import directions, make_cursor, read_cursor
from crmkit.schema import Field, Schema
from crmkit.storage import NO_SCOPE, Change, Measure, Page, Reads, Scope, Total
from crmkit.values import format_time
from crmkit_sqlite import journal
from crmkit_sqlite.compile import Builder, Compiled
from crmkit_sqlite.faults import FAULTS, guarded, translated
from crmkit_sqlite.keyset import ordering, segments
from crmkit_sqlite.layout import Book, dumped_json, loaded, typed
from crmkit_sqlite.searching import search
from crmkit_sqlite.shapes import ScopeShape, Shape, scope_shape, shape
from crmkit_sqlite.totals import totals

__all__ = ["SQLiteReads"]

_MAX_CACHE = 1000
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


@attrs.frozen
class _Paged:
    """How to read pages of one shape: a statement for each stretch, and where the cursor's values are in a row."""

    statements: tuple[Compiled, ...]
    hops: Mapping[str, tuple[Field, slice]]
    width: int


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

    def _compiled(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made for this key, kept as long as there are not too many."""
        cache = self._book.cache
        found = cache.get(key)
        if found is None:
            if len(cache) >= _MAX_CACHE:
                cache.clear()
            found = cache[key] = make()
        return found

    # Records ---------------------------------------------------------------------------------------------------

    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """By id, in their order."""
        try:
            if len(ids) != 1:
                return self._get_many(kind, ids, scope)
            sql, load = self._book.getters[kind]
            if scope:
                sql, ids = self._within(kind, ids, scope)
            row = self._connect().execute(sql, ids).fetchone()
            return [None if row is None else load(row)]
        except KeyError:
            self.schema[kind]  # an unknown kind
            raise
        except UnicodeEncodeError:
            return self._get_many(kind, ids, scope)
        except FAULTS as error:
            raise translated(error, self.place) from error

    def _within(self, kind: str, ids: Sequence[str], scope: Scope) -> tuple[str, Sequence[Any]]:
        """The statement for one id within a scope, and its parameters."""
        values: list[Any] = []
        scoped = scope_shape(scope, values)

        def make() -> Compiled:
            builder = Builder(self._book, kind, (), scoped)
            tests = [f"r.id = ?{builder.take()}", *builder.where()]
            columns = self._book.table(kind).select()
            source = builder.frame.source()
            return builder.finish(f"SELECT {columns} FROM {source} WHERE {' AND '.join(tests)}")

        compiled = self._compiled(("one", kind, scoped), make)
        return compiled.sql, compiled.bind([*values, *ids])

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

        compiled = self._compiled(("get", kind, scoped), make)
        load = self._book.table(kind).load
        parameters = compiled.bind([*values, _listed(ids)])
        rows = self._connect().execute(compiled.sql, parameters)
        found = {record.id: record for record in map(load, rows)}
        return [found.get(id) for id in ids]

    @guarded
    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        """By keyset: what was read before the cursor costs nothing."""
        values: list[Any] = []
        shapes = tuple([shape(each, values) for each in query.conditions])
        scoped = scope_shape(scope, values) if scope else ()
        cursor = None
        if query.after is not None:
            there, id = read_cursor(self.schema, query)
            cursor = (*[each is not None for each in there], True)
            values += [*[each for each in there if each is not None], id]
        key = ("page", query.kind, shapes, query.order, cursor, scoped)
        paged: _Paged = self._book.cache.get(key) or self._compiled(
            key, lambda: self._paged(query, shapes, cursor, scoped)
        )
        limit = -1 if query.limit is None else query.limit
        rows = self._stretches(paged, values, limit)
        load = self._book.tables[query.kind].load
        kept = rows[:limit] if limit >= 0 else rows
        records = tuple(
            [load(row[: paged.width]) for row in kept] if paged.hops else map(load, kept)
        )
        after = self._cursor(query, paged, records[-1], kept[-1]) if kept != rows and kept else None
        return Page(records, after)

    def _stretches(self, paged: _Paged, values: list[Any], limit: int) -> list[Any]:
        """The rows of one page and one more, if there is one."""
        wanted = limit + 1 if limit >= 0 else -1
        if len(paged.statements) == 1:
            first = paged.statements[0]
            return self._connect().execute(first.sql, first.bind([*values, wanted])).fetchall()
        rows: list[Any] = []
        with self._snapshot() as connection:
            for each in paged.statements:
                left = wanted - len(rows) if limit >= 0 else -1
                if left:
                    rows += connection.execute(each.sql, each.bind([*values, left]))
        return rows

    def _paged(
        self,
        query: Query,
        shapes: Sequence[Shape],
        cursor: tuple[bool, ...] | None,
        scope: ScopeShape,
    ) -> _Paged:
        table = self._book.table(query.kind)
        builder = Builder(self._book, query.kind, shapes, scope)
        places = builder.places(directions(query), cursor)
        tests, limit = builder.where(), builder.take()
        hops: dict[str, tuple[Field, slice]] = {}
        columns, width = table.select(), len(table.columns)
        for order in query.order:
            field, found = builder.value(builder.frame, order.path)
            if self.schema.locate(table.kind, order.path).reference is not None:
                columns += "".join(f", {each}" for each in found)
                hops[order.path] = (field, slice(width, width + len(found)))
                width += len(found)
        made = []
        for stretch in segments(places) if cursor else [""]:
            conditions = " AND ".join([*tests, *([stretch] if stretch else [])])
            where = f" WHERE {conditions}" if conditions else ""
            sql = f"SELECT {columns} FROM {builder.frame.source()}{where} ORDER BY {ordering(places)} LIMIT ?{limit}"
            made.append(builder.finish(sql))
        return _Paged(tuple(made), hops, len(table.columns))

    def _cursor(self, query: Query, paged: _Paged, record: Record, row: Sequence[Any]) -> str:
        kind = self._book.tables[query.kind].kind
        values = []
        for order in query.order:
            hop = paged.hops.get(order.path)
            if hop is not None:
                values.append(loaded(hop[0], row[hop[1]]))
            else:
                values.append(typed(kind, record, order.path))
        return make_cursor(self.schema, query, values, record.id)

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

        compiled = self._compiled(("count", query.kind, shapes, scoped), make)
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
        for test, value in (
            (
                "kind IN (SELECT value FROM json_each(?))",
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
            "SELECT value, (SELECT max(version) FROM crm_journal WHERE kind = ?1 AND id = value) AS last "
            "FROM json_each(?2) WHERE last IS NOT NULL"
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
        sql = "SELECT key, value FROM crm_state WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 ORDER BY key"
        rows = self._connect().execute(sql, (prefix,)) if _is_text(prefix) else ()
        return {key: json.loads(text) for key, text in rows}
