"""The copy itself: records, then the journal, then the state, in batches that each keep how far they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs

from crmkit import Change, CrmError
from crmkit.catalogue import from_catalogue
from crmkit.opening import CATALOGUE, NORMALISERS
from crmkit.past import TRIMMED
from crmkit.schema import Schema
from crmkit.storage import Progress, Reads, Storage, Transaction
from crmkit_exchange.copying import COPY
from crmkit_exchange.copying.comparing import Compared, compare_reads, size
from crmkit_exchange.copying.records import Batches
from crmkit_exchange.copying.states import carried, check_settled, is_own

__all__ = ["Copied", "copy"]

RECORDS = 1_000
"""How many records are written together, those that they need apart."""

CHANGES = 2_000
"""How many changes are written together."""

NOT_EMPTY = (
    "a copy goes into an empty database, and the target holds something; name a new one, or see with --check whether "
    "both are the same already"
)


@attrs.frozen
class Copied:
    """What a copy did: whether it went on with one that had been broken off, and what both hold, compared.

    `since` is how many changes were written to the source meanwhile; they are not in the copy.
    """

    resumed: bool
    compared: Sequence[Compared]
    since: int = 0


@attrs.frozen
class _Reached:
    """How far a copy has come: of which source, behind which record of which kind, then behind which change.

    `changes` is how many there are in the target.
    """

    source: Any
    kind: int = 0
    after: str | None = None
    position: int = 0
    changes: int = 0


_Step: TypeAlias = Callable[[Transaction], tuple[_Reached, int]]
"""Writes something; says how far the copy has come with it, and how many records or changes that was."""


def copy(source: Storage, target: Storage, progress: Progress | None = None) -> Copied:
    """Write everything of a database into another, which is empty or holds the beginning of this copy, and compare.

    The source has its schema (see `opened_for_reading`), the target need not be prepared. One snapshot of the source is
    read. A copy that was broken off goes on behind its last batch, if the source is still as it was then. Raises
    `CrmError` if it is not, if the target holds anything else, and if another process copies into it.
    """
    told = progress or (lambda done, total: None)
    with source.transaction(write=False) as reads:
        check_settled(reads)
        total = size(reads)
        run = _Run(reads, target, lambda done: told(min(done, total), 3 * total))
        run.records()
        run.changes()
        run.states()
        with target.transaction(write=False) as there:
            compared = compare_reads(reads, there, lambda done, _: told(total + done, 3 * total))
        position = reads.position()
    if all(each.equal for each in compared):
        run.end()
    return Copied(run.resumed, compared, source.count_changes(position))


class _Run:
    """One run of a copy: what is read, where it goes, and how far it has come."""

    def __init__(self, reads: Reads, target: Storage, told: Callable[[int], None]) -> None:
        self._reads = reads
        self._target = target
        self._told = told
        kept = target.state(COPY)
        self.resumed = kept is not None
        self._reached = _Reached(**kept) if kept else _Reached(_fingerprint(reads))
        if kept is None:
            _check_empty(target)
        _prepare(reads, target)
        self._done = 0
        if kept is None:
            self._write(self._begin, None)
        else:
            self._check_unchanged()
            self._done = size(target)

    def _check_unchanged(self) -> None:
        """Refuse to go on if what is there is not the beginning of a copy of what the source is now."""
        if self._reached.source != _fingerprint(self._reads):
            raise CrmError(
                "the source was written to since this copy was broken off, so what is there is no beginning of it; "
                "drop the target or name a new one, and let nobody write to the source if it may be broken off again"
            )
        if self._target.count_changes() != self._reached.changes:
            raise CrmError(
                "the target was written to since this copy was broken off; drop it or name a new one"
            )

    def _begin(self, tx: Transaction) -> tuple[_Reached, int]:
        if tx.position():
            raise CrmError(NOT_EMPTY)
        tx.set_state(CATALOGUE, {**(tx.state(CATALOGUE) or {}), **self._reads.state(CATALOGUE)})
        tx.set_state(NORMALISERS, self._reads.state(NORMALISERS))
        return self._reached, 0

    def _write(self, step: _Step, before: Any = ...) -> None:
        """A transaction of the target: what a step writes, and how far the copy has come with it."""
        expected = attrs.asdict(self._reached) if before is ... else before
        with self._target.transaction() as tx:
            tx.lock(COPY)
            if tx.state(COPY) != expected:
                raise CrmError(
                    "another process copies into this database, too; let one of them finish"
                )
            reached, count = step(tx)
            tx.set_state(COPY, attrs.asdict(reached))
        self._reached = reached
        self._done += count
        self._told(self._done)

    def records(self) -> None:
        """Kind by kind, those that others refer to first."""
        batches = Batches(self._reads.schema, self._reads, RECORDS)
        while self._reached.kind < len(batches.order):
            name, number = batches.order[self._reached.kind], self._reached.kind

            def step(tx: Transaction, name: str = name, number: int = number) -> Any:
                read, after = batches.write(name, self._reached.after, tx)
                kind = number + (after is None)
                return attrs.evolve(self._reached, kind=kind, after=after), read

            self._write(step)

    def changes(self) -> None:
        """The journal in its order."""
        while page := self._reads.changes(self._reached.position, None, CHANGES):

            def step(tx: Transaction, page: list[Change] = page) -> Any:
                tx.restore([], page)
                changes = self._reached.changes + len(page)
                position = page[-1].position
                return attrs.evolve(self._reached, position=position, changes=changes), len(page)

            self._write(step)

    def states(self) -> None:
        """What is kept beside the records, as it is now: workers may have gone on since a copy was broken off."""

        def step(tx: Transaction) -> tuple[_Reached, int]:
            for key in tx.states(""):
                if not is_own(key):
                    tx.set_state(key, None)
            for key, value in carried(self._reads, tx):
                tx.set_state(key, value)
            return self._reached, 0

        self._write(step)

    def end(self) -> None:
        """Forget that it was a copy."""
        with self._target.transaction() as tx:
            tx.set_state(COPY, None, attrs.asdict(self._reached))


def _check_empty(target: Storage) -> None:
    if target.state(CATALOGUE) is not None and target.position():
        raise CrmError(NOT_EMPTY)


def _prepare(reads: Reads, target: Storage) -> None:
    """Make the tables of all kinds, those that the target was made with too."""
    kept, known = reads.state(CATALOGUE), target.state(CATALOGUE) or {}
    if kept.keys() != reads.schema.kinds.keys():
        raise CrmError("another process brought kinds into the source just now; copy again")
    more = [from_catalogue(name, entry) for name, entry in known.items() if name not in kept]
    target.prepare(Schema.of([*reads.schema, *more]))


def _fingerprint(reads: Reads) -> Any:
    """What tells one state of one database from another: its last change, and back to when its journal goes."""
    position = reads.position()
    last = reads.changes(position - 1, None, 1) if position else []
    names = [[each.transaction, each.kind, each.id] for each in last]
    return [position, names, reads.state(TRIMMED)]
