"""Every read, over the connection that a storage or a transaction gives."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import attrs
import sqlalchemy as sa

from crmkit.changes import Change
from crmkit.query import Condition, Query
from crmkit.records import Record
from crmkit.schema import Schema
from crmkit.storage import NO_SCOPE, Measure, Page, Reads, Scope, Total
from crmkit_sql import journal
from crmkit_sql.compile import Builder, Compiled, parameter
from crmkit_sql.faults import named
from crmkit_sql.layout import Book
from crmkit_sql.paging import paged
from crmkit_sql.searching import PLANNING, search
from crmkit_sql.shapes import scope_shape, shape
from crmkit_sql.totals import totals

__all__ = ["SqlReads", "is_text"]

LOCKED = "FOR NO KEY UPDATE OF r"
"""What holds the row of a record, but lets others refer to it."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def is_text(text: str) -> bool:
    """Whether a text is one that the database can hold."""
    return not _NO_TEXT.search(text)


class SqlReads(Reads):
    """Reads over whatever `_lent` gives. `_book` is what the last `prepare` found."""

    _book: Book

    @property
    def schema(self) -> Schema:  # type: ignore[override]  # read-only: it changes with the book
        """The schema that was prepared."""
        return self._book.schema

    @abstractmethod
    def _lent(self) -> AbstractContextManager[Any]:
        """A connection for a block."""

    def _whole(self, settings: str | None = None) -> AbstractContextManager[Any]:
        """A connection for a block whose statements see one snapshot; with settings, where there is no transaction yet."""
        return self._lent()

    # Records ---------------------------------------------------------------------------------------------------

    @named
    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """By id, in their order."""
        with self._lent() as link:
            return self._got(link, kind, ids, scope)

    def _got(
        self, link: Any, kind: str, ids: Sequence[str], scope: Scope, *, lock: bool = False
    ) -> list[Record | None]:
        """One record the shortest way, or many; `lock` holds what is found."""
        if len(ids) != 1 or not is_text(ids[0]):
            return self._get_many(link, kind, ids, scope, lock=lock)
        sql, load = self._book.getters[kind]
        if scope.get(kind):
            sql, ids = self._within(kind, ids, scope[kind])
        row = link.row(f"{sql} {LOCKED}" if lock else sql, ids)
        return [None if row is None else load(row)]

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
            table = builder.frame.table
            columns = [table.c[name] for name in self._book.table(kind).columns]
            # Last, so that what binds the scope need not know the id.
            test = table.c.id == parameter(builder.take(), sa.Text())
            return builder.finish(builder.select(columns).where(test))

        compiled = self._book.compiled(("one", kind, scoped), make)
        return compiled.sql, compiled.bind([*values, ""])[:-1]

    def _get_many(
        self, link: Any, kind: str, ids: Sequence[str], scope: Scope, *, lock: bool = False
    ) -> list[Record | None]:
        values: list[Any] = []
        scoped = scope_shape(scope, values)

        def make() -> Compiled:
            builder = Builder(self._book, kind, (), scoped)
            table = builder.frame.table
            columns = [table.c[name] for name in self._book.table(kind).columns]
            test = table.c.id == sa.any_(parameter(builder.take(), sa.ARRAY(sa.Text())))
            made = builder.select(columns, test)
            if lock:
                made = made.order_by(table.c.id).with_for_update(key_share=True, of=table)
            return builder.finish(made)

        compiled = self._book.compiled(("get", kind, scoped, lock), make)
        load = self._book.table(kind).load
        wanted = list(filter(is_text, ids))
        rows = link.rows(compiled.sql, compiled.bind([*values, wanted])) if wanted else ()
        found = {record.id: record for record in map(load, rows)}
        return [found.get(id) for id in ids]

    @named
    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        """By keyset: what was read before the cursor costs nothing."""
        book, limit = self._book, query.limit
        how, values = paged(book, query, scope)
        with self._lent() as link:
            rows = how.in_order(link.rows(how.compiled.sql, how.compiled.bind(values)), limit)
        load = book.tables[query.kind].load
        kept = rows if limit is None else rows[:limit]
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

    @named
    def _columns(
        self, query: Query, paths: tuple[str, ...], scope: Scope, size: int
    ) -> tuple[list[list[Any]], Query]:
        """Some columns of one page, and the query of the next; without a cursor if that is all."""
        book, query = self._book, attrs.evolve(query, limit=size)
        how, values = paged(book, query, scope, paths)
        with self._lent() as link:
            rows = how.in_order(link.rows(how.compiled.sql, how.compiled.bind(values)), size)
        more = len(rows) > size
        after = how.cursor(book, query, rows[size - 1], None) if more else None
        return how.columns(book, query.kind, rows[:size]), attrs.evolve(query, after=after)

    @named
    def count(self, query: Query, scope: Scope = NO_SCOPE) -> int:
        """Counted by the database."""
        values: list[Any] = []
        shapes = tuple([shape(each, values) for each in query.conditions])
        scoped = scope_shape(scope, values)

        def make() -> Compiled:
            builder = Builder(self._book, query.kind, shapes, scoped)
            return builder.finish(builder.select([sa.func.count()]))

        compiled = self._book.compiled(("count", query.kind, shapes, scoped), make)
        with self._lent() as link:
            found: int = link.row(compiled.sql, compiled.bind(values))[0]
        return found

    @named
    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        """Summed exactly; see `crmkit_sql.totals`."""
        with self._lent() as link:
            return totals(self._book, link, query, tuple(by), tuple(measures), scope)

    @named
    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]  # an empty mapping
    ) -> Page:
        """By the vectors of tokens; see `crmkit_sql.searching`."""
        with self._whole(PLANNING) as link:
            return search(self._book, link, text, kinds, limit, after, scope, hidden)

    # The journal -----------------------------------------------------------------------------------------------

    @named
    def history(self, kind: str, id: str) -> list[Change]:
        """By the journal's index on kind, id, version."""
        if not is_text(kind + id):
            return []
        sql = f"{journal.SELECT} WHERE kind = %s AND id = %s ORDER BY version"
        with self._lent() as link:
            return list(map(journal.change_of, link.rows(sql, (kind, id))))

    @named
    def changes(
        self,
        after: int = 0,
        kinds: Sequence[str] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Change]:
        """By position, which is the order of commits: whoever writes to the journal holds it until then."""
        tests, values = ["position > %s"], [after]
        for test, value in (
            ("kind = ANY(%s)", None if kinds is None else list(kinds)),
            ("at > %s", since),
        ):
            if value is not None:
                tests.append(test)
                values.append(value)  # type: ignore[arg-type]
        sql = f"{journal.SELECT} WHERE {' AND '.join(tests)} ORDER BY position"
        if limit is not None:
            sql += f" LIMIT {max(limit, 0):d}"
        with self._lent() as link:
            return list(map(journal.change_of, link.rows(sql, values)))

    @named
    def count_changes(self, after: int = 0, kinds: Sequence[str] | None = None) -> int:
        """Counted by the database."""
        test, values = (
            ("", (after,)) if kinds is None else (" AND kind = ANY(%s)", (after, list(kinds)))
        )
        with self._lent() as link:
            found: int = link.row(
                f"SELECT count(*) FROM crm_journal WHERE position > %s{test}", values
            )[0]
        return found

    @named
    def position(self) -> int:
        """The last key of the journal."""
        with self._lent() as link:
            found = link.row("SELECT max(position) FROM crm_journal")[0]
        return found or 0

    @named
    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        """By the journal's index on kind, id, version."""
        wanted = list(filter(is_text, ids))
        if not wanted:
            return {}
        sql = (
            "SELECT v.id, j.version FROM unnest(%s::text[]) AS v(id), LATERAL (SELECT version FROM crm_journal "
            "WHERE kind = %s AND id = v.id ORDER BY version DESC LIMIT 1) AS j"
        )
        with self._lent() as link:
            return dict(link.rows(sql, (wanted, kind)))

    # State -----------------------------------------------------------------------------------------------------

    @named
    def state(self, key: str) -> Any:
        """One row of `crm_state`."""
        if not is_text(key):
            return None
        with self._lent() as link:
            row = link.row("SELECT value FROM crm_state WHERE key = %s", (key,))
        return None if row is None else json.loads(row[0])

    @named
    def states(self, prefix: str) -> dict[str, Any]:
        """The rows of `crm_state` whose keys begin so."""
        if not is_text(prefix):
            return {}
        sql = "SELECT key, value FROM crm_state WHERE starts_with(key, %s) ORDER BY key"
        with self._lent() as link:
            return {key: json.loads(text) for key, text in link.rows(sql, (prefix,))}

    @named
    def now(self) -> datetime:
        """The server's clock."""
        with self._lent() as link:
            found: datetime = link.row("SELECT clock_timestamp()")[0]
        return found
