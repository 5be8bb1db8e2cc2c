"""Whether two databases hold the same: counts and a digest of each kind, and of the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack

import attrs

from crmkit import Query
from crmkit.codec import dump_document
from crmkit.storage import Progress, Reads, Storage
from crmkit_exchange.full.lines import change_line, record_line

__all__ = ["JOURNAL", "Compared", "Side", "compare", "compare_reads", "size"]

JOURNAL = "journal"
PAGE = 1_000
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


def size(reads: Reads) -> int:
    """How many records and changes there are."""
    counts = [reads.count(Query(each.name)) for each in reads.schema]
    return sum(counts) + (reads.count_changes() if reads.position() else 0)


def compare(source: Storage, target: Storage, progress: Progress | None = None) -> list[Compared]:
    """What `compare_reads` finds in a snapshot of each."""
    with ExitStack() as both:
        left, right = (
            both.enter_context(each.transaction(write=False)) for each in (source, target)
        )
        return compare_reads(left, right, progress)


def compare_reads(left: Reads, right: Reads, progress: Progress | None = None) -> list[Compared]:
    """Each kind that one of them has, and the journal.

    The lines are those of a full export: the whole document, and a change without its position.
    """
    told = progress or (lambda done, total: None)
    total, done = size(left) + size(right), 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        told(min(done, total), total)

    def side(reads: Reads, name: str) -> Side:
        lines = _changes(reads) if name == JOURNAL else _records(reads, name)
        digest, count = hashlib.sha256(), 0
        for line in lines:
            digest.update(line.encode())
            count += 1
            if count % PAGE == 0:
                tell(PAGE)
        tell(count % PAGE)
        return Side(count, digest.hexdigest())

    names = [*sorted({*left.schema.kinds, *right.schema.kinds}), JOURNAL]
    return [Compared(name, side(left, name), side(right, name)) for name in names]


def _records(reads: Reads, name: str) -> Iterator[str]:
    if name in reads.schema.kinds:
        kind = reads.schema[name]
        for record in reads.find(Query(name)):
            yield record_line(name, dump_document(kind, record))


def _changes(reads: Reads) -> Iterator[str]:
    after = 0
    while page := reads.changes(after, limit=PAGE):
        after = page[-1].position
        yield from map(change_line, page)
