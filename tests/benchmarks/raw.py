"""What a careful person would write by hand, on a copy of a database that crmkit made; no row of the table knows which."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, TypeAlias

from crmkit import search_tokens

Work: TypeAlias = Callable[[Any], object]
"""Does a batch of the work of one row."""

PAGE = 51
"""One more than a page shows, to know whether there is another."""


def tokens(text: str) -> str:
    return " ".join(search_tokens(text))


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
