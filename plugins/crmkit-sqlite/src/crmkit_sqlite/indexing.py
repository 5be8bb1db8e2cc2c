"""Keeping the search tables in step with the records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from crmkit.changes import Write
from crmkit.records import Record
from crmkit_sqlite.layout import SEQ, Table, quoted
from crmkit_sqlite.tokens import Tokens, token_columns, tokenizer

__all__ = ["Index", "Stored"]

Stored: TypeAlias = Mapping[str, tuple[int, Record]]
"""Records as they are stored, with their order numbers, by id."""


@attrs.frozen(eq=False)
class Index:
    """The search table of one kind, whose rows are numbered like the records'.

    FTS5 takes tokens out of a table like this one by being told them: were they not those of the stored record, the
    old words would stay findable.
    """

    table: Table
    insert: str
    delete: str
    merge: str
    read: str

    @classmethod
    def of(cls, table: Table) -> Index:
        """The index of a kind that has searched fields."""
        name, columns = table.search, ", ".join(map(quoted, token_columns(table.searched)))
        values = ", ?" * len(table.searched)
        return cls(
            table,
            f"INSERT INTO {name} (rowid, {columns}) VALUES (?{values})",
            f"INSERT INTO {name} ({name}, rowid, {columns}) VALUES ('delete', ?{values})",
            f"INSERT INTO {name} ({name}) VALUES ('optimize')",
            f"SELECT r.{SEQ}, {table.select()} FROM {table.name} AS r WHERE r.id = ?",
        )

    def _tokens(
        self, records: Iterable[Record], fields: tuple[str, ...] | None = None
    ) -> list[Tokens]:
        return list(map(tokenizer(self.table, fields), records))

    def stored(self, link: sqlite3.Connection, writes: Sequence[Write]) -> Stored:
        """The records that are about to be written, as they are stored now."""
        found = {}
        for write in writes:
            row = link.execute(self.read, (write.record.id,)).fetchone()
            if row is not None:
                found[write.record.id] = (row[0], self.table.load(row[1:]))
        return found

    def add(self, link: sqlite3.Connection, records: Sequence[Record], seqs: Sequence[int]) -> None:
        """Index new records."""
        found = zip(seqs, self._tokens(records), strict=True)
        link.executemany(self.insert, [(seq, *each) for seq, each in found if any(each)])

    def change(
        self,
        link: sqlite3.Connection,
        writes: Sequence[Write],
        fields: tuple[str, ...],
        before: Stored,
    ) -> None:
        """Index the new values of some fields; `before` are the records as they were stored."""
        stored = dict(
            zip(before, self._tokens(record for _, record in before.values()), strict=True)
        )
        changed = self._tokens((write.record for write in writes), fields)
        # In the order of the rows, each old row right before its new one: FTS5 then writes nothing in between.
        for id, new in sorted(
            ((write.record.id, each) for write, each in zip(writes, changed, strict=True)),
            key=lambda pair: before[pair[0]][0],
        ):
            was, seq = stored[id], before[id][0]
            now = tuple(o if n is None else n for o, n in zip(was, new, strict=True))
            if was != now:
                self._take_out(link, seq, was)
                if any(now):
                    link.execute(self.insert, (seq, *now))
            stored[id] = now

    def remove(self, link: sqlite3.Connection, before: Stored) -> None:
        """Take records out that are gone."""
        rows = sorted(before.values(), key=lambda each: each[0])
        found = self._tokens(record for _, record in rows)
        for (seq, _), tokens in zip(rows, found, strict=True):
            self._take_out(link, seq, tokens)

    def _take_out(self, link: sqlite3.Connection, seq: int, tokens: Tokens) -> None:
        if any(tokens):
            link.execute(self.delete, (seq, *tokens))

    def forget(self, link: sqlite3.Connection) -> None:
        """Let go of what was taken out: FTS5 only marks it until it merges, which this does now."""
        link.execute(self.merge)
