"""Search: the index of text vectors finds candidates, newest stored first; what it cannot know is looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from crmkit.records import Record
from crmkit.resolve import seal, unseal
from crmkit.schema import Field
from crmkit.storage import Page, Scope
from crmkit.text import Phrase, matches, search_phrases
from crmkit_sql.compile import Builder, Compiled, newest_first, parameter
from crmkit_sql.connections import Link
from crmkit_sql.layout import SEQ, Book, Table
from crmkit_sql.names import tokens_column
from crmkit_sql.shapes import scope_shape
from crmkit_sql.tokens import is_exact, texts, token_lists, tsquery

__all__ = ["PLANNING", "search"]

_Hit: TypeAlias = tuple[int, Table, Sequence[Any]]
"""A record's order number, its table and its row."""

_END = 2**63 - 1
PLANNING = (
    "SELECT set_config('random_page_cost', '1', true), set_config('cpu_operator_cost', '0.2', true), "
    "set_config('max_parallel_workers_per_gather', '0', true)"
)
"""What the planner is to know: looking for a word in a vector costs as much as many comparisons of numbers.

Else it reads the newest records one by one long after asking the index of tokens would have been quicker, and a search
for a rare word takes the longer the more records there are. Nor do several processes search for one: to start them
takes longer than what they find together.
"""

MOST = 50
"""How many phrases the index is asked for; all are looked for in what it finds."""

CANDIDATES = 4
"""How many candidates are read for each hit that is wanted, where they are to be looked at again."""


@attrs.frozen
class _Wanted:
    """What is looked for in one kind, in which fields, for whom."""

    table: Table
    fields: tuple[Field, ...]
    phrases: tuple[Phrase, ...]
    scope: Scope

    def really(self, record: Record) -> bool:
        """Whether each phrase is in one of the fields."""
        kind = self.table.kind
        lists = [
            tokens for field in self.fields for tokens in token_lists(texts(kind, record, field))
        ]
        return all(any(matches(phrase, tokens) for tokens in lists) for phrase in self.phrases)


def search(
    book: Book,
    link: Link,
    text: str,
    kinds: Sequence[str],
    limit: int,
    after: str | None,
    scope: Scope,
    hidden: Mapping[str, frozenset[str]],
) -> Page:
    """A page of hits in several kinds, merged by order number."""
    phrases = search_phrases(text)
    fingerprint = [text, *sorted(kinds)]
    below = _END if after is None else unseal(fingerprint, after, _place)
    found: list[_Hit] = []
    for table in dict.fromkeys(book.table(name) for name in kinds):
        masked = hidden.get(table.kind.name, frozenset())
        fields = tuple(
            each
            for each in table.searched
            if each.name in table.kind.fields and each.name not in masked
        )
        if phrases and fields:
            found += _hits(book, link, _Wanted(table, fields, phrases, scope), below, limit + 1)
    found.sort(key=lambda hit: hit[0], reverse=True)
    kept = found[:limit]
    more = bool(kept) and len(found) > limit
    records = tuple(table.load(row) for _, table, row in kept)
    return Page(records, seal(fingerprint, kept[-1][0]) if more else None)


def _place(place: Any) -> int:
    if type(place) is int and abs(place) <= _END:
        return place
    raise ValueError(place)


def _hits(book: Book, link: Link, wanted: _Wanted, below: int, limit: int) -> Iterator[_Hit]:
    table, values = wanted.table, list[Any]()
    scoped = scope_shape(wanted.scope, values)
    asked = wanted.phrases[:MOST]
    values += map(tsquery, asked)
    recheck = len(asked) < len(wanted.phrases) or not all(map(is_exact, asked))
    size = limit * CANDIDATES if recheck else limit
    key = ("search", table.kind.name, scoped, wanted.fields, len(asked), size)
    compiled: Compiled = book.compiled(
        key, lambda: _compile(book, attrs.evolve(wanted, phrases=asked), scoped, size)
    )
    while True:
        # Not prepared: how many hits there are depends on the words, and so does the best way to them.
        rows = link.rows(compiled.sql, compiled.bind([*values, below]), prepare=False)
        for seq, *row in rows:
            if not recheck or wanted.really(table.load(row)):
                yield seq, table, row
                limit -= 1
                if not limit:
                    return
        if len(rows) < size:
            return
        below = rows[-1][0]


def _compile(book: Book, wanted: _Wanted, scope: Any, size: int) -> Compiled:
    table = wanted.table
    builder = Builder(book, table.kind.name, (), scope)
    source = builder.frame.table
    vectors = [source.c[tokens_column(each)] for each in wanted.fields]
    tests = []
    for _ in wanted.phrases:
        query = sa.cast(parameter(builder.take(), sa.Text()), TSQUERY())
        tests.append(sa.or_(*(vector.op("@@")(query) for vector in vectors)))
    tests.append(source.c[SEQ] < parameter(builder.take(), sa.BigInteger()))
    columns = [source.c[name] for name in (SEQ, *table.columns)]
    statement = builder.select(columns, *tests).order_by(newest_first(builder.frame))
    return builder.finish(statement.limit(sa.literal_column(str(size))))
