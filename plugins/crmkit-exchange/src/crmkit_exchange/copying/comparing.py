"""Whether two databases hold the same: counts and a digest of each kind, and of the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain

import attrs

from crmkit import CRM, Query
from crmkit.codec import dump_document
from crmkit.schema import Schema
from crmkit.storage import Progress, Reads
from crmkit_exchange.full.lines import change_line, record_line

__all__ = ["JOURNAL", "Compared", "compare"]

JOURNAL = "journal"
PAGE = 2_000
"""How many changes are read together."""


@attrs.frozen
class Side:
    """One kind in one database: how many records, and the SHA-256 of their lines in the order of ids."""

    count: int
    digest: str


@attrs.frozen
class Compared:
    """One kind, or the journal, in both."""

    name: str
    source: Side
    target: Side

    @property
    def equal(self) -> bool:
        """Whether they are the same."""
        return self.source == self.target


def compare(source: CRM, target: CRM, progress: Progress | None = None) -> list[Compared]:
    """Each kind that one of them has, and the journal, compared in a snapshot of each.

    The lines are those of a full export: the whole document, and a change without its position.
    """
    told = progress or (lambda done, total: None)
    with (
        source.storage.transaction(write=False) as left,
        target.storage.transaction(write=False) as right,
    ):
        names = sorted({*source.schema.kinds, *target.schema.kinds})
        found = []
        for number, name in enumerate([*names, JOURNAL]):
            told(number, len(names) + 1)
            sides = [_side(each, name) for each in (left, right)]
            found.append(Compared(name, *sides))
    told(1, 1)
    return found


def _side(reads: Reads, name: str) -> Side:
    lines = _changes(reads) if name == JOURNAL else _records(reads.schema, reads, name)
    digest, count = hashlib.sha256(), 0
    for line in lines:
        digest.update(line.encode())
        count += 1
    return Side(count, digest.hexdigest())


def _records(schema: Schema, reads: Reads, name: str) -> Iterator[str]:
    if name in schema.kinds:
        kind = schema[name]
        for record in reads.find(Query(name), batch=PAGE):
            yield record_line(name, dump_document(kind, record))


def _changes(reads: Reads) -> Iterator[str]:
    after = 0
    while page := reads.changes(after, limit=PAGE):
        after = page[-1].position
        yield from chain(map(change_line, page))
