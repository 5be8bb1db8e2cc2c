"""The interface that every database stands behind.

Two backends written apart must be indistinguishable through it: `crmkit.testing.StorageContract` is its
executable form, `crmkit.memory` the shortest code that keeps every promise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from crmkit.changes import Change, Document, Stamp, Write
from crmkit.errors import UnsupportedError
from crmkit.query import Condition, Query
from crmkit.records import Record
from crmkit.schema import Schema

__all__ = [
    "NO_SCOPE",
    "Capability",
    "Measure",
    "Page",
    "Progress",
    "Reads",
    "Scope",
    "Storage",
    "Total",
    "Transaction",
    "Trimmable",
]

Scope: TypeAlias = Mapping[str, tuple[Condition, ...]]
"""What the reader may see: by kind, conditions that its records must fulfil. They hold for the records asked for,
for those that a path or a `Linked` leads to, and are themselves read without a scope."""

NO_SCOPE: Scope = {}
"""Everything may be seen."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how much of how much is done."""

Capability: TypeAlias = Literal["backup", "durable", "processes", "trim"]
"""`backup`: `Storage.backup` works. `durable`: a commit survives the process. `processes`: several may open it.
`trim`: `Transaction.trimmable` and `Transaction.trim` work."""


@attrs.frozen
class Page:
    """Some records and the cursor behind the last one, None if nothing follows."""

    records: tuple[Record, ...]
    after: str | None = None

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@attrs.frozen
class Measure:
    """What to total over a field: its sum, smallest or largest value, missing ones left out."""

    of: Literal["sum", "min", "max"]
    path: str


@attrs.frozen
class Total:
    """One group: the values it has in common, how many records, and the measures in the order asked for.

    A sum of nothing but missing values is None. Measures of money never mix currencies: a group is split by them.
    """

    group: tuple[Any, ...]
    count: int
    measures: tuple[Any, ...] = ()


@attrs.frozen
class Trimmable:
    """What trimming the journal takes out: how many changes, the first and last time at which they were recorded.

    `position` is that of the last change up to which all were recorded before the moment in question, 0 if none was.
    """

    position: int
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None


class Reads(ABC):
    """What can be read, in a transaction or outside of one. Queries come resolved (`crmkit.resolve`)."""

    schema: Schema

    @abstractmethod
    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """The records with these ids, in their order; None where there is none or the scope hides it."""

    @abstractmethod
    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        """The records of a query with a limit, and the cursor behind them."""

    def find(self, query: Query, scope: Scope = NO_SCOPE, batch: int = 500) -> Iterator[Record]:
        """The records of a query one after the other, read in batches by cursor: nothing is held open between them."""
        left = query.limit
        while left is None or left > 0:
            size = batch if left is None else min(batch, left)
            page = self.page(attrs.evolve(query, limit=size), scope)
            yield from page.records
            if page.after is None:
                return
            query = attrs.evolve(query, after=page.after)
            left = None if left is None else left - len(page)

    @abstractmethod
    def count(self, query: Query, scope: Scope = NO_SCOPE) -> int:
        """How many records fulfil the conditions; order, limit and cursor do not matter."""

    @abstractmethod
    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        """Counts and measures of the records that fulfil the conditions, in groups sorted by `by`."""

    @abstractmethod
    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]  # an empty mapping
    ) -> Page:
        """Records of these kinds with all the phrases of a text (`crmkit.text.search_phrases`), newest stored first.

        Each phrase may be in another field; fields in `hidden`, by kind, are not looked into. A text without any
        word finds nothing.
        """

    @abstractmethod
    def history(self, kind: str, id: str) -> list[Change]:
        """Every change of one record, oldest first."""

    @abstractmethod
    def changes(
        self,
        after: int = 0,
        kinds: Sequence[str] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Change]:
        """Changes behind a position, in order; of some kinds; recorded later than `since`.

        Whoever goes on from the last position never misses a change that commits later.
        """

    @abstractmethod
    def position(self) -> int:
        """The position of the last change, 0 in an empty journal."""

    def count_changes(self, after: int = 0, kinds: Sequence[str] | None = None) -> int:
        """How many changes `changes` would give, without loading them all at once."""
        count = 0
        while page := self.changes(after, kinds, 1_000):
            after, count = page[-1].position, count + len(page)
        return count

    @abstractmethod
    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        """The last version in the journal of each id that was ever written, deleted ones too."""

    def columns(
        self, query: Query, paths: Sequence[str], scope: Scope = NO_SCOPE, batch: int = 10_000
    ) -> Iterator[list[list[Any]]]:
        """The values of some fields of the kind itself, column by column, in batches, for analytics."""
        found = self.find(query, scope)
        while paths and (records := list(islice(found, batch))):
            yield [[record[path] for record in records] for path in paths]

    @abstractmethod
    def state(self, key: str) -> Any:
        """What `set_state` keeps under a key, None if nothing; readable before `prepare`, too."""

    @abstractmethod
    def states(self, prefix: str) -> dict[str, Any]:
        """All that is kept under keys with this beginning."""

    def now(self) -> datetime:
        """The time on the database's clock, by which leases run."""
        return datetime.now(UTC)


class Transaction(Reads):
    """Reads that see one snapshot and their own writes; and, if it was opened for that, writes.

    After a write has raised, the transaction can only be left, which rolls it back.
    """

    @abstractmethod
    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Write new records and their changes; each record's version is one behind its last in the journal.

        Raises `ConflictError` if an id is there already, `Duplicate`, `MissingReference`.
        """

    @abstractmethod
    def update(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Replace `previous` by `record`, whose version is one higher, and write the changes.

        Raises `ConflictError` if a record is no longer at its previous version, `Duplicate`, `MissingReference`.
        """

    @abstractmethod
    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        """Delete each `previous` and write the changes, of the next version.

        Raises `ConflictError` if a record is no longer at that version, `ReferencedError`.
        """

    @abstractmethod
    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        """As `update`, the `fields` of each `record` being blank, and blank them in its deltas and in search too.

        A write whose `previous` is None stands for a record that is gone: only its deltas are blanked, and its
        change is of the next version.
        """

    @abstractmethod
    def restore(self, documents: Sequence[tuple[str, Document]], changes: Sequence[Change]) -> None:
        """Write (kind, document) pairs and changes as they are, apart from positions, which go on in the order given.

        References need to hold only at the commit.
        """

    def trimmable(self, before: datetime) -> Trimmable:
        """What `trim` would take out of the part of the journal in which every change was recorded before a moment.

        That part ends at the first change, in the order of positions, that was not. Nothing of it is loaded.
        """
        raise UnsupportedError(_KEEPS.format(type(self).__name__))

    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        """Go on with taking the journal up to the position `through` out: over the next `limit` changes behind `after`.

        The last change of each record up to `through` stays, since its versions and times go on from it, but its
        delta is forgotten: None, whatever its action. All others go. Returns the position that was reached, which is
        `through` when no change up to there is left to go over, and how many changes were taken out.
        """
        raise UnsupportedError(_KEEPS.format(type(self).__name__))

    @abstractmethod
    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        """Keep a JSON value under a key, None to forget it; with `expected`, only if that is what is kept now."""

    @abstractmethod
    def committed(self) -> list[Change]:
        """Its own changes as the journal has them, in order. To be asked once, when its block has ended well."""

    @abstractmethod
    def savepoint(self) -> AbstractContextManager[None]:
        """A part of the transaction: if its block raises, or a write in it has, what was written in it is undone.

        The transaction itself goes on. Savepoints nest.
        """

    def hold(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """As `get`, and nobody else changes these records until the end, where several can write at once."""
        return self.get(kind, ids, scope)

    @abstractmethod
    def lock(self, name: str) -> None:
        """Wait until no other transaction holds this name, then hold it until the end."""


_KEEPS = "{} cannot trim its journal; keep all of it, or move to a storage that can"


class Storage(Reads):
    """A database. It serves many threads and processes; a transaction belongs to one thread."""

    capabilities: frozenset[Capability] = frozenset()

    @abstractmethod
    def prepare(self, schema: Schema, *, plan: bool = False) -> list[str]:
        """Create or extend what the kinds need, and keep the schema; returns the steps, which `plan` only names.

        Additive, idempotent, safe when two processes start at once. What no kind declares stays.
        """

    @abstractmethod
    def transaction(self, *, write: bool = True) -> AbstractContextManager[Transaction]:
        """A transaction that ends with the block: an exception rolls it back. They do not nest."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; safe to call twice."""

    def describe(self) -> str:
        """What it is and of which version, in a few words for `crm doctor`."""
        return type(self).__name__

    def backup(self, target: Path, progress: Progress | None = None) -> None:
        """Write a consistent copy of the whole database to a new file, while others go on writing."""
        raise UnsupportedError(
            f"{type(self).__name__} has no backup of its own; use the database's tools, or `crm export --all`"
        )

    def check(self) -> list[str]:
        """What is wrong inside the database, one sentence each; nothing if all is well."""
        return []
