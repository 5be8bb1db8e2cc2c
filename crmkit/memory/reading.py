"""What the storage in memory keeps, and every read of it: a look at each row, within a scope."""

from __future__ import annotations

import itertools
import json
import operator
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

import attrs

from crmkit.changes import Change, Document
from crmkit.codec import load_document
from crmkit.errors import ConflictError, Duplicate
from crmkit.query import Query, holds
from crmkit.records import Record
from crmkit.resolve import seal, unseal
from crmkit.scan import Scan
from crmkit.schema import Field, Kind, Schema
from crmkit.storage import NO_SCOPE, Measure, Page, Reads, Scope, Total
from crmkit.text import TOKENS_PER_FIELD, Phrase, matches, search_phrases, search_tokens

__all__ = ["Data", "Reader", "Row", "View", "expect"]


@attrs.frozen(eq=False)
class Row:
    """A document as conditions see it: its values typed, whether or not the kind's class is there.

    `number` rises with each document that is stored. Nothing but this holds the document.
    """

    kind: Kind
    document: Document
    number: int

    @property
    def id(self) -> str:
        """The record's id."""
        return str(self.document["id"])

    @property
    def __kind__(self) -> str:
        return self.kind.name

    def field_names(self) -> list[str]:
        """Those with which a path can begin."""
        return [field.name for field in self.kind.references]

    def __getitem__(self, path: str) -> Any:
        plain = self.document.get(path)
        return None if plain is None else self.kind.field(path).type.load(plain)

    def record(self) -> Record:
        """The record, which shares nothing with what is kept."""
        return load_document(self.kind, deepcopy(self.document))

    def unique(self) -> Iterator[tuple[str, tuple[str, ...], tuple[Any, ...]]]:
        """(kind, fields, values) of what no other row may have."""
        for fields in self.kind.unique:
            values = tuple(self[name] for name in fields)
            if None not in values:
                yield self.kind.name, fields, values


@attrs.frozen
class Data:
    """One state of the database; `copy` gives another one to change. The values of `state` are kept as JSON."""

    rows: dict[str, dict[str, Row]] = attrs.field(factory=dict)
    taken: dict[tuple[str, tuple[str, ...], tuple[Any, ...]], str] = attrs.field(factory=dict)
    journal: list[Change] = attrs.field(factory=list)
    last: dict[tuple[str, str], int] = attrs.field(factory=dict)
    state: dict[str, str] = attrs.field(factory=dict)
    numbers: Iterator[int] = attrs.field(factory=itertools.count)

    def copy(self) -> Data:
        """Another state to begin with, which shares what is frozen."""
        rows = {name: dict(each) for name, each in self.rows.items()}
        copies = (dict(self.taken), list(self.journal), dict(self.last), dict(self.state))
        return Data(rows, *copies, self.numbers)

    def all(self, kind: str) -> Iterable[Row]:
        """The rows of a kind, in no order."""
        return self.rows.get(kind, {}).values()

    def row(self, kind: str, id: str) -> Row | None:
        """One of them."""
        return self.rows.get(kind, {}).get(id)

    def put(self, kind: Kind, document: Document) -> None:
        """Store a document; raises `Duplicate`."""
        old = self.remove(kind.name, document["id"])
        row = Row(kind, deepcopy(document), old.number if old else next(self.numbers))
        for key in row.unique():
            holder = self.taken.setdefault(key, row.id)
            if holder != row.id:
                raise Duplicate(*key, existing=holder)
        self.rows.setdefault(kind.name, {})[row.id] = row

    def remove(self, kind: str, id: str) -> Row | None:
        """Take a row out, with its unique values."""
        row = self.rows.get(kind, {}).pop(id, None)
        for key in row.unique() if row else ():
            self.taken.pop(key, None)
        return row

    def expect(self, kind: str, id: str, version: int) -> None:
        """Raise `ConflictError` unless a record is at this version, 0 meaning that it is not there."""
        row = self.row(kind, id)
        expect(kind, id, version, row.document["version"] if row else 0)

    def position(self) -> int:
        """That of the last change."""
        return self.journal[-1].position if self.journal else 0

    def behind(self, position: int) -> list[Change]:
        """The changes behind a position."""
        return self.journal[bisect_right(self.journal, position, key=lambda each: each.position) :]

    def record(self, change: Change) -> None:
        """Add a change to the journal."""
        position, delta = self.position() + 1, deepcopy(change.delta)
        self.journal.append(attrs.evolve(change, position=position, delta=delta))
        self.last[change.kind, change.id] = change.version


def expect(kind: str, id: str, expected: int, actual: int) -> None:
    """Raise `ConflictError` unless two versions of a record are the same."""
    if expected != actual:
        raise ConflictError(kind, id, expected, actual)


@attrs.frozen
class View(Scan):
    """The rows that a scope lets one see."""

    data: Data
    schema: Schema
    scope: Scope

    def sees(self, row: Row) -> bool:
        """Whether the scope shows a row; its conditions themselves are read without a scope."""
        conditions = self.scope.get(row.kind.name, ())
        return all(holds(row, each, attrs.evolve(self, scope=NO_SCOPE)) for each in conditions)

    def records(self, kind: str) -> Iterator[Row]:
        """Those of a kind."""
        return filter(self.sees, self.data.all(kind))

    def record(self, kind: str, id: str) -> Row | None:
        """One of them."""
        row = self.data.row(kind, id)
        return row if row and self.sees(row) else None


class Reader(Reads):
    """Every read, over the data that `_read` gives."""

    schema: Schema

    @abstractmethod
    def _read(self) -> Data:
        """The data as they are, or why they cannot be read."""

    def _view(self, scope: Scope) -> View:
        return View(self._read(), self.schema, scope)

    def get(self, kind: str, ids: Sequence[str], scope: Scope = NO_SCOPE) -> list[Record | None]:
        """Those that the scope shows."""
        view, name = self._view(scope), self.schema[kind].name
        rows = (view.record(name, id) for id in ids)
        return [row.record() if row else None for row in rows]

    def page(self, query: Query, scope: Scope = NO_SCOPE) -> Page:
        """What a scan finds."""
        return _shown(self._view(scope).page(query))

    def count(self, query: Query, scope: Scope = NO_SCOPE) -> int:
        """What a scan counts."""
        return self._view(scope).count(query)

    def totals(
        self,
        query: Query,
        by: Sequence[str] = (),
        measures: Sequence[Measure] = (),
        scope: Scope = NO_SCOPE,
    ) -> list[Total]:
        """What a scan adds up."""
        return list(self._view(scope).totals(query, by, measures))

    def search(
        self,
        text: str,
        kinds: Sequence[str],
        limit: int,
        after: str | None = None,
        scope: Scope = NO_SCOPE,
        hidden: Mapping[str, frozenset[str]] = NO_SCOPE,  # type: ignore[assignment]
    ) -> Page:
        """Look for the phrases in every row, newest stored first; a cursor is the number of the last one."""
        view, phrases = self._view(scope), search_phrases(text)
        asked = [text, *sorted(kinds)]
        below = float("inf") if after is None else unseal(asked, after, operator.index)
        found: list[Row] = []
        for kind in {self.schema[name].name: self.schema[name] for name in kinds}.values():
            fields = [f for f in kind.searchable if f.name not in hidden.get(kind.name, ())]
            rows = (row for row in view.records(kind.name) if phrases and row.number < below)
            found += [row for row in rows if self._has(row, fields, phrases)]
        found.sort(key=lambda row: -row.number)
        after = seal(asked, found[limit - 1].number) if 0 < limit < len(found) else None
        return _shown(Page(tuple(found[:limit]), after))  # type: ignore[arg-type]

    def _has(self, row: Row, fields: Sequence[Field], phrases: Sequence[Phrase]) -> bool:
        texts = [tokens for field in fields for tokens in _tokens(row.document.get(field.name))]
        return all(any(matches(phrase, tokens) for tokens in texts) for phrase in phrases)

    def history(self, kind: str, id: str) -> list[Change]:
        """Those of the journal that are about one record."""
        return [each for each in self.changes(kinds=[kind]) if each.id == id]

    def changes(
        self,
        after: int = 0,
        kinds: Sequence[str] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> list[Change]:
        """Part of the journal, which shares nothing with what is kept."""
        found = (
            each
            for each in self._read().behind(after)
            if (kinds is None or each.kind in kinds) and (since is None or each.at > since)
        )
        return copies(itertools.islice(found, limit))

    def position(self) -> int:
        """That of the last change."""
        return self._read().position()

    def versions(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        """From the last change of each."""
        last = self._read().last
        return {id: last[kind, id] for id in ids if (kind, id) in last}

    def state(self, key: str) -> Any:
        """From its JSON."""
        return json.loads(self._read().state.get(key, "null"))

    def states(self, prefix: str) -> dict[str, Any]:
        """Those under a prefix, sorted."""
        state = self._read().state
        return {key: json.loads(state[key]) for key in sorted(state) if key.startswith(prefix)}


def copies(changes: Iterable[Change]) -> list[Change]:
    """Changes that share nothing with those that are kept."""
    return [attrs.evolve(each, delta=deepcopy(each.delta)) for each in changes]


def _shown(page: Page) -> Page:
    return attrs.evolve(page, records=tuple(row.record() for row in page))  # type: ignore[attr-defined]


def _tokens(plain: Any) -> Iterator[list[str]]:
    """The tokens of a text, or of each text of a list: a phrase never crosses from one to the next."""
    left = TOKENS_PER_FIELD
    for each in plain if isinstance(plain, list) else [plain]:
        tokens = search_tokens(each)[:left] if isinstance(each, str) else []
        left -= len(tokens)
        yield tokens
