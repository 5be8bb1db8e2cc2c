"""Search over the tables of tokens, newest stored first."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from crmkit.errors import QueryError
from crmkit.records import Record
from crmkit.storage import Page, Scope
from crmkit.text import Phrase, matches, search_phrases
from crmkit_sqlite.compile import Builder, Compiled
from crmkit_sqlite.layout import SEQ, Book, Table, quoted
from crmkit_sqlite.shapes import scope_shape
from crmkit_sqlite.tokens import token_columns, tokenizer

__all__ = ["search"]

# FTS5 cuts tokens at 32,768 bytes: of longer ones it knows the beginning only.
_CUT = 8_000

_Hit: TypeAlias = tuple[int, Table, Sequence[Any]]
"""A record's order number, its table and its row."""


def search(
    book: Book,
    connection: sqlite3.Connection,
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
    below = 2**63 - 1 if after is None else _read_place(fingerprint, after)
    found: list[_Hit] = []
    for table in dict.fromkeys(book.table(name) for name in kinds):
        columns = _columns(table, hidden.get(table.kind.name, frozenset()))
        if phrases and columns:
            found += _hits(book, connection, table, columns, phrases, (below, limit + 1), scope)
    found.sort(key=lambda hit: hit[0], reverse=True)
    kept = found[:limit]
    more = bool(kept) and len(found) > limit
    records = tuple(table.load(row) for _, table, row in kept)
    return Page(records, _place(fingerprint, kept[-1][0]) if more else None)


def _columns(table: Table, hidden: frozenset[str]) -> list[str]:
    """The columns to look into: those of fields that the kind declares and the reader may see."""
    names = token_columns(table.searched)
    return [
        name
        for name, field in zip(names, table.searched, strict=True)
        if field.name in table.kind.fields and field.name not in hidden
    ]


def _hits(
    book: Book,
    connection: sqlite3.Connection,
    table: Table,
    columns: list[str],
    phrases: Sequence[Phrase],
    window: tuple[int, int],
    scope: Scope,
) -> Iterator[_Hit]:
    values: list[Any] = []
    scoped = scope_shape(scope, values)
    key = ("search", table.kind.name, scoped)
    compiled: Compiled = book.compiled(key, lambda: _compile(book, table, scoped))
    expression = _expression(phrases, columns if len(columns) < len(table.searched) else [])
    below, limit = window
    recheck = any(len(token) > _CUT for phrase in phrases for token in phrase.tokens)
    arguments = [*values, expression, below, -1 if recheck else limit]
    for seq, *row in connection.execute(compiled.sql, compiled.bind(arguments)):
        if not recheck or _really(table, columns, table.load(row), phrases):
            yield seq, table, row
            limit -= 1
            if not limit:
                return


def _compile(book: Book, table: Table, scope: Any) -> Compiled:
    builder = Builder(book, table.kind.name, (), scope)
    text, below, limit = builder.take(), builder.take(), builder.take()
    tests = [f"s.{table.search} MATCH ?{text}", f"s.rowid < ?{below}", *builder.where()]
    # CROSS JOIN: the tokens first, whatever the planner thinks of the scope.
    return builder.finish(
        f"SELECT r.{SEQ}, {table.select()} FROM {table.search} AS s CROSS JOIN {table.name} AS r "
        f"ON r.{SEQ} = s.rowid WHERE {' AND '.join(tests)} ORDER BY s.rowid DESC LIMIT ?{limit}"
    )


def _expression(phrases: Sequence[Phrase], columns: Sequence[str]) -> str:
    parts = [f"{quoted(' '.join(each.tokens))}{' *' if each.prefix else ''}" for each in phrases]
    found = " AND ".join(parts)
    return f"{{{' '.join(map(quoted, columns))}}} : ({found})" if columns else found


def _really(
    table: Table, columns: Sequence[str], record: Record, phrases: Sequence[Phrase]
) -> bool:
    names, texts = token_columns(table.searched), tokenizer(table)(record)
    fields = [
        text.split() for name, text in zip(names, texts, strict=True) if text and name in columns
    ]
    return all(any(matches(phrase, tokens) for tokens in fields) for phrase in phrases)


def _place(fingerprint: list[str], seq: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([fingerprint, seq]).encode()).decode()


def _read_place(fingerprint: list[str], after: str) -> int:
    try:
        of, place = json.loads(base64.urlsafe_b64decode(after))
        if of == fingerprint and type(place) is int and abs(place) < 2**63:
            return place
    except (ValueError, TypeError, RecursionError):
        pass
    raise QueryError("this cursor belongs to another search or is damaged; start again without it")
