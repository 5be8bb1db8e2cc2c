"""What a careful person would write by hand, on a copy of a database that crmkit made; no row of the table knows which."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

import attrs

from crmkit import search_tokens

Work: TypeAlias = Callable[[Any], object]
"""Does a batch of the work of one row."""

PAGE = 51
"""One more than a page shows, to know whether there is another."""


Asked: TypeAlias = tuple[str, Sequence[Any]]
"""A statement that reads, and its values."""


def tokens(text: str) -> str:
    return " ".join(search_tokens(text))


@attrs.frozen
class Put:
    """One record put down by hand: its statement, what that says of it, its change, its searched texts."""

    sql: str
    values: tuple[Any, ...]
    change: tuple[Any, ...]
    index: str = ""
    texts: tuple[str, ...] = ()
    is_new: bool = True


class Raw(ABC):
    """One connection of the plain driver, with the statements for each row of the table.

    `execute` takes a statement and its values and gives a cursor; `mark` stands for a value in a statement.
    """

    mark: ClassVar[str]

    execute: Callable[..., Any]
    close: Callable[[], None]

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """The columns of a table, in their order."""

    def fields(self, table: str) -> list[str]:
        """The columns of a record."""
        return [name for name in self.columns(table) if not self.is_own(name)]

    def is_own(self, column: str) -> bool:
        return column == "crm_seq" or column.startswith("crm_tokens__")

    def selected(self, table: str, alias: str = "") -> str:
        return ", ".join(f'{alias}"{name}"' for name in self.fields(table))

    def inserting(self, table: str) -> str:
        columns = self.written(table)
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join([self.mark] * len(columns))
        return f'INSERT INTO "{table}" ({names}) VALUES ({marks})'

    def written(self, table: str) -> list[str]:
        """The columns that an insert names."""
        return self.columns(table)

    # Reading ---------------------------------------------------------------------------------------------------

    def getting(self) -> Work:
        condition = f"id = {self.mark} AND country = {self.mark}"
        sql = f"SELECT {self.selected('customer')} FROM customer WHERE {condition}"
        execute = self.execute

        def get(ids: Sequence[str]) -> None:
            for id in ids:
                assert execute(sql, (id, "KR")).fetchone()

        return get

    def paging(self) -> Work:
        mark, execute = self.mark, self.execute
        condition = f"owner = {mark} AND country = {mark}"
        select = f"SELECT {self.selected('customer')} FROM customer WHERE {condition}"
        order = f"ORDER BY name, id LIMIT {PAGE}"
        first, behind = f"{select} {order}", f"{select} AND (name, id) > ({mark}, {mark}) {order}"
        names = self.fields("customer")
        name, id = names.index("name"), names.index("id")

        def page(owners: Sequence[str]) -> None:
            for owner in owners:
                last = execute(first, (owner, "KR")).fetchall()[: PAGE - 1][-1]
                execute(behind, (owner, "KR", last[name], last[id])).fetchall()

        return page

    def timeline(self) -> Work:
        condition = f"customer_id = {self.mark} AND channel <> {self.mark}"
        order = f"ORDER BY happened_at DESC, id DESC LIMIT {PAGE}"
        sql = f"SELECT {self.selected('interaction')} FROM interaction WHERE {condition} {order}"
        execute = self.execute

        def timeline(ids: Sequence[str]) -> None:
            for id in ids:
                execute(sql, (id, "legal")).fetchall()

        return timeline

    @abstractmethod
    def searching(self) -> Work:
        """The first 20 interactions with a word of two syllables."""

    @abstractmethod
    def hits(self, word: str) -> int:
        """How many interactions have a word of two syllables."""

    @abstractmethod
    def scanned(self, sql: str) -> Iterator[Sequence[Any]]:
        """The rows of a statement, as they come."""

    @abstractmethod
    def sizes(self) -> tuple[int, int]:
        """The bytes that the search of interactions takes, and those of the texts."""

    # Writing ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def creating(self) -> Work:
        """Customers by these names, one in a transaction."""

    @abstractmethod
    def updating(self) -> Work:
        """New names for these customers, one in a transaction."""

    @abstractmethod
    def bulk(self, kind: str) -> Callable[[Any], list[str]]:
        """Records of these values in one transaction; their ids."""

    # A transaction of several statements: read, put, commit. Who need not read first asks along with what they put.

    @abstractmethod
    def into(
        self, table: str, names: Sequence[str], searched: Sequence[str] = ()
    ) -> tuple[str, str]:
        """The statement that puts a new record into a table, and the one for its searched texts, in a `Put`."""

    @abstractmethod
    def read(self, *asked: Asked) -> list[list[Any]]:
        """Begin, and read the rows of each statement."""

    @abstractmethod
    def put(self, puts: Sequence[Put], *asked: Asked) -> list[list[Any]]:
        """Begin, if nothing was read, put the records down, and read the rows of each statement."""

    @abstractmethod
    def commit(self, puts: Sequence[Put]) -> None:
        """Keep what was put down, and its changes."""

    @abstractmethod
    def kept(self, moment: datetime) -> Any:
        """A moment as the database keeps it."""

    @staticmethod
    def change(
        transaction: str, kind: str, id: str, version: int, action: str, at: Any, delta: str | None
    ) -> tuple[Any, ...]:
        """A row of the journal, without its position."""
        return (
            transaction, kind, id, version, action, at, at, "kim", "person", "api", None, None, delta,
        )  # fmt: skip

    def changes(
        self, ids: Iterable[str], transaction: str, kind: str, at: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of the journal for records that are new."""
        return (self.change(transaction, kind, id, 1, "insert", at, None) for id in ids)
