"""Changes on their way into the journal: they wait for the commit, so that positions rise in the order of commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from psycopg.errors import UniqueViolation

from crmkit.changes import Change
from crmkit.errors import ConflictError
from crmkit_sql import journal
from crmkit_sql.connections import Link

__all__ = ["Pending"]

MOST = 20_000
"""How many changes wait at most; a transaction with more holds the journal from then on."""

FEW = 50
"""Up to so many rows go in one statement; more are copied."""

SINGLE = 8
"""Up to so many rows go in statements of their own where they share a trip: lists are made and read more slowly."""


@attrs.define(eq=False)
class Pending:
    """The changes of one transaction that are not in the journal yet, and the last versions that they make.

    `first` is the position of the first that is there already, `count` how many are: none, or nobody else can write
    to the journal until the end. When all have waited for the commit, `rows` still has them.
    """

    rows: list[tuple[Any, ...]] = attrs.field(factory=list)
    versions: dict[tuple[str, str], int] = attrs.field(factory=dict)
    first: int = 0
    count: int = 0

    def add(self, link: Link, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take rows of one writing call."""
        before = len(self.rows)
        self.rows += rows
        for row in self.rows[before:]:
            self.versions[row[1], row[2]] = row[3]
        if len(self.rows) > MOST:
            self.flush(link)

    def holds(self, kind: str, id: str) -> bool:
        """Whether a change of this record waits."""
        return (kind, id) in self.versions

    def copy(self) -> Pending:
        """The same, to go back to."""
        return Pending(list(self.rows), dict(self.versions), self.first, self.count)

    def flush(self, link: Link) -> None:
        """Write what waits: nobody else can commit changes from now on."""
        if self.rows:
            link.run(journal.LOCK)
            link.run("SAVEPOINT crm_flushing")
            try:
                self._write(link)
            except UniqueViolation:
                link.run("ROLLBACK TO SAVEPOINT crm_flushing")
                self.refuse(link)
                raise
            link.run("RELEASE SAVEPOINT crm_flushing")

    def commit(self, link: Link) -> None:
        """Write what waits and commit, in one trip if it is not much."""
        if len(self.rows) > FEW:
            self.flush(link)
        if not self.rows:
            link.run("COMMIT")
            return
        with link.connection.pipeline():
            if not self.count:
                link.beside.execute(journal.LOCK)
            for statement in _statements(self.rows):
                link.cursor.execute(*statement)
            link.beside.execute("COMMIT")
        self.note(self._first_of(link.cursor.fetchall()))

    def refuse(self, link: Link) -> None:
        """`ConflictError` for the first change whose version the journal has already."""
        sql = "SELECT max(version) FROM crm_journal WHERE kind = %s AND id = %s"
        for _, kind, id, version, *_ in self.rows:
            [(last,)] = link.rows(sql, (kind, id))
            if last is not None and last >= version:
                raise ConflictError(kind, id, version - 1, last)

    def _write(self, link: Link) -> None:
        if len(self.rows) <= FEW:
            self.note(self._first_of(link.rows(*_together(self.rows))))
        else:
            [(last,)] = link.rows("SELECT coalesce(max(position), 0) FROM crm_journal")
            with link.cursor.copy(journal.COPY) as copy:
                for position, row in enumerate(self.rows, last + 1):
                    copy.write_row((position, *row))
            self.note(last + 1)
        self.rows.clear()
        self.versions.clear()

    def note(self, first: int) -> None:
        """All that waited is written, at this position and those behind it."""
        self.first = self.first or first
        self.count += len(self.rows)

    def _first_of(self, positions: Sequence[tuple[int]]) -> int:
        """Where the first is: one statement tells of all, of several the last tells of its own."""
        return max(positions)[0] - len(self.rows) + 1

    def journalled(self) -> list[Change]:
        """The changes as the journal has them, if all of them were written with the commit."""
        rows = enumerate(self.rows, self.first)
        return [journal.change_of((position, *row)) for position, row in rows]


def _statements(rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, Sequence[Any]]]:
    if len(rows) <= SINGLE:
        return [(journal.INSERT_ONE, row) for row in rows]
    return [_together(rows)]


def _together(rows: Sequence[tuple[Any, ...]]) -> tuple[str, Sequence[Any]]:
    return journal.INSERT_MANY, [list(column) for column in zip(*rows, strict=True)]
