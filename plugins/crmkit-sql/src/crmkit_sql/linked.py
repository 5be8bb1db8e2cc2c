"""The connection of a transaction, which begins with its first statement: both go to the server in one trip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from crmkit_sql.connections import Link
from crmkit_sql.faults import LayoutChanged

__all__ = ["LAYOUT", "TransactionLink"]

LAYOUT = "SELECT value FROM crm_meta WHERE name = 'layout'"
"""A number that rises with every change of the tables."""


class TransactionLink(Link):
    """A connection on which nothing has been sent yet, and then a transaction's.

    `opening` is how it begins. With a `layout`, the first statement raises `LayoutChanged` if the tables are others
    by now: then all that was done is that statement. `settings` is a statement that goes before it.
    """

    __slots__ = ("begun", "layout", "opening", "settings")

    def __init__(
        self, link: Link, opening: str, layout: str | None, settings: str | None = None
    ) -> None:
        self.connection, self.cursor, self.beside = link.connection, link.cursor, link.beside
        self.proxy, self.age = link.proxy, link.age
        self.opening = opening
        self.layout = layout
        self.settings = settings
        self.begun = False

    @contextmanager
    def _beginning(self) -> Iterator[None]:
        with self.connection.pipeline():
            self.beside.execute(self.opening)
            if self.settings is not None:
                self.beside.execute(self.settings)
            if self.layout is not None:
                self.beside.execute(LAYOUT)
            yield
        self.begun = True
        if self.layout is not None and self.beside.fetchone() != (self.layout,):
            raise LayoutChanged

    def rows(
        self, statement: str, values: Sequence[Any] = (), prepare: bool | None = None
    ) -> list[Any]:
        """The rows of a statement."""
        if self.begun:
            return super().rows(statement, values, prepare)
        with self._beginning():
            self.cursor.execute(statement, values, prepare=prepare)
        return self.cursor.fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The first row of a statement, None if there is none."""
        if self.begun:
            return super().row(statement, values)
        found = self.rows(statement, values)
        return found[0] if found else None

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it wrote."""
        if self.begun:
            return super().run(statement, values)
        with self._beginning():
            self.cursor.execute(statement, values)
        return self.cursor.rowcount

    def begin(self) -> None:
        """Begin now."""
        if not self.begun:
            self.run("SELECT 1")
