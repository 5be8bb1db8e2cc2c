"""The past: the present undone step by step, by the journal, back to where it was trimmed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit.changes import Change, Document
from crmkit.codec import dump_document, load_document
from crmkit.errors import TrimmedError
from crmkit.query import Query
from crmkit.records import Record
from crmkit.scan import Scan
from crmkit.schema import Kind
from crmkit.storage import NO_SCOPE, Reads, Scope
from crmkit.values import format_time, parse_time

__all__ = ["TRIMMED", "Horizon", "Past", "before", "changes_behind", "undone", "version_of"]

TRIMMED = "crmkit/trimmed"
"""Under what a database keeps its `Horizon`."""


@attrs.frozen
class Horizon:
    """Back to when the past is known: what was recorded `before` that moment is trimmed, up to a position of the journal.

    It is kept before anything is taken out; `reached` is the position up to which that is done.
    """

    before: datetime
    position: int
    reached: int = 0

    @classmethod
    def of(cls, reads: Reads) -> Horizon | None:
        """That of a database; None while its journal is whole."""
        kept = reads.state(TRIMMED)
        return kept and cls(**{**kept, "before": parse_time(kept["before"])})

    def plain(self) -> dict[str, Any]:
        """What is kept."""
        return {**attrs.asdict(self), "before": format_time(self.before)}

    @classmethod
    def check(cls, reads: Reads, at: datetime) -> None:
        """Raise `TrimmedError` for a moment that is not known any more."""
        horizon = cls.of(reads)
        if horizon and at < horizon.before:
            since = horizon.before.isoformat()
            why = f"the past is known from {since} on, where the journal was trimmed"
            raise TrimmedError(f"{why}; ask for that time or a later one", horizon.before)


def changes_behind(reads: Reads, after: int, *asked: Any) -> list[Change]:
    """What `Reads.changes` gives, none missing: from 0 on, what is behind that which was trimmed.

    Raises `TrimmedError` if some of them are trimmed.
    """
    start = after
    while True:
        found = reads.changes(start, *asked)
        # None is missing where all positions are there: then nobody needs to ask for the horizon.
        if start and found and found[-1].position - start == len(found):
            return found
        horizon = Horizon.of(reads)
        if horizon is None or start >= horizon.position:
            return found
        if after:
            raise TrimmedError(
                f"changes behind position {after} are trimmed from the journal; begin again with 0, "
                f"for what is left behind position {horizon.position}",
                horizon.before,
            )
        start = horizon.position


def before(document: Document | None, change: Change) -> Document | None:
    """The document as it was before a change; None if there was none."""
    if change.action == "insert":
        return None
    if change.action == "delete":
        return dict(change.delta or {})
    if document is None:
        return None
    undone = {**document, **{name: old for name, (old, _) in (change.delta or {}).items()}}
    return {name: value for name, value in undone.items() if value is not None}


def undone(document: Document | None, changes: Sequence[Change], at: datetime) -> Document | None:
    """The document as it was at a time: its `changes`, oldest first, that came later are undone."""
    later = [change for change in changes if change.at > at]
    for change in reversed(later):
        document = before(document, change)
    if document is None or not later:
        return document
    earlier = [change for change in changes if change.at <= at]
    if earlier:
        return _as_version(document, earlier[-1])
    return {**document, "version": later[0].version - 1}


def _as_version(document: Document, change: Change) -> Document:
    return {**document, "version": change.version, "updated_at": format_time(change.at)}


def version_of(document: Document, changes: Sequence[Change], version: int) -> Document | None:
    """The document at a version, going back from the present; None if it was not there then."""
    found: Document | None = document
    for change in reversed(changes):
        if change.version == version:
            return None if found is None else _as_version(found, change)
        found = before(found, change)
    return None


class Past(Scan):
    """Reads of one moment: what `scope` lets through now, as it was then."""

    def __init__(self, reads: Reads, at: datetime, scope: Scope = NO_SCOPE) -> None:
        self.schema = reads.schema
        self._reads = reads
        self._at = at
        self._scope = scope
        self._kinds: dict[str, dict[str, Record]] = {}
        Horizon.check(reads, at)

    def get(self, name: str, id: str) -> Record | None:
        """One record as it was."""
        kind = self.schema[name]
        now = self._reads.get(name, [id], self._scope)[0]
        if now is None and name in self._scope:
            return None
        changes = self._reads.history(name, id)
        document = undone(None if now is None else dump_document(kind, now), changes, self._at)
        Horizon.check(self._reads, self._at)  # it may have been trimmed meanwhile
        return None if document is None else load_document(kind, document)

    def all(self, name: str) -> Mapping[str, Record]:
        """Every record of a kind as it was, by id."""
        if name not in self._kinds:
            self._kinds[name] = {each.id: each for each in self._rebuilt(self.schema[name])}
            Horizon.check(self._reads, self._at)  # it may have been trimmed meanwhile
        return self._kinds[name]

    def _rebuilt(self, kind: Kind) -> Iterator[Record]:
        later: dict[str, list[Change]] = {}
        for change in self._reads.changes(kinds=[kind.name], since=self._at):
            later.setdefault(change.id, []).append(change)
        for record in self._reads.find(Query(kind.name), self._scope):
            changes = later.pop(record.id, None)
            if changes is None:
                yield record
            else:
                yield from self._back(kind, dump_document(kind, record), record.id)
        if kind.name not in self._scope:
            for id in later:
                yield from self._back(kind, None, id)

    def _back(self, kind: Kind, document: Document | None, id: str) -> Iterator[Record]:
        then = undone(document, self._reads.history(kind.name, id), self._at)
        if then is not None:
            yield load_document(kind, then)

    def records(self, kind: str) -> Iterable[Record]:
        """Every record of a kind as it was."""
        return self.all(kind).values()

    def record(self, kind: str, id: str) -> Record | None:
        """One of them: conditions that lead to other records lead to what those were."""
        return self.all(kind).get(id)
