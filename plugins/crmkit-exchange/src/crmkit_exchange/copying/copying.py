"""The copy itself: records, then the journal, then the state, in batches that each keep how far they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from crmkit import CRM, CrmError, Query
from crmkit.catalogue import catalogue
from crmkit.storage import Progress, Reads, Transaction
from crmkit_exchange.copying.places import Places
from crmkit_exchange.copying.records import Batches
from crmkit_exchange.copying.states import carried, followed

__all__ = ["COPY", "Copied", "copy"]

COPY = "crmkit/copy"
"""Where the target keeps how far a copy has come; forgotten when it is whole."""

CHANGES = 2_000
"""How many changes are written together."""

RECORDS = 1_000
"""How many records are written together, those that they need apart."""


@attrs.frozen
class Copied:
    """How many records and changes there are now, and whether a copy that had been broken off was gone on with."""

    records: int
    changes: int
    resumed: bool


@attrs.frozen
class _State:
    """How far a copy has come: of which source, behind which record of which kind, then behind which change."""

    source: Any
    kind: int = 0
    after: str | None = None
    position: int = 0
    places: Mapping[str, int] = attrs.field(factory=dict)


def copy(source: CRM, target: CRM, progress: Progress | None = None) -> Copied:
    """Write everything of one app's database into another's, which is empty or holds the beginning of this copy.

    What is read is one snapshot of the source. A copy that was broken off goes on behind its last batch, if the source
    is still as it was then. Raises `CrmError` if it is not, if the target holds anything else, and if another process
    copies into it.
    """
    told = progress or (lambda done, total: None)
    with source.storage.transaction(write=False) as reads:
        kept = _begun(source, target, reads)
        target.adopt(catalogue(source.schema))
        run = _Run(source, target, reads, kept, told)
        run.records()
        run.changes()
        run.states()
    target.reload_fields()
    return Copied(run.total - run.changes_there, run.changes_there, kept is not None)


def _begun(source: CRM, target: CRM, reads: Reads) -> Any:
    """What the target keeps of the beginning of this copy; None if it is empty."""
    with target.storage.transaction(write=False) as there:
        kept, position = there.state(COPY), there.position()
        if kept is None and not position:
            found = {each.name: there.count(Query(each.name)) for each in target.schema}
            held = [name for name, count in found.items() if count]
        else:
            held = [] if kept else ["journal"]
    if held:
        raise CrmError(
            f"a copy goes into an empty database, and the target holds {', '.join(held)}; name a new one"
        )
    if kept and kept["source"] != fingerprint(reads):
        raise CrmError(
            "the source is not as it was when this copy began, so what is there is no part of it; copy into a new "
            "database, and let nobody write meanwhile if it is to be gone on with"
        )
    return kept


def fingerprint(reads: Reads) -> Any:
    """What tells one state of one database from another: its last change."""
    position = reads.position()
    last = reads.changes(position - 1, None, 1) if position else []
    return [position, *([last[0].transaction, last[0].kind, last[0].id] if last else [])]


class _Run:
    """One run of a copy."""

    def __init__(self, source: CRM, target: CRM, reads: Reads, kept: Any, told: Progress) -> None:
        self._source = source
        self._target = target
        self._reads = reads
        self._kept = kept
        self._state = self._next = _State(**kept) if kept else _State(fingerprint(reads))
        self._told = told
        counts = [reads.count(Query(each.name)) for each in source.schema]
        self.changes_there = _count(reads)
        self.total = sum(counts) + self.changes_there
        self._done = 0

    @contextmanager
    def _batch(self) -> Iterator[Transaction]:
        """A transaction of the target, in which nobody else copies and everything is as the last batch left it."""
        with self._target.storage.transaction() as tx:
            tx.lock(COPY)
            if tx.state(COPY) != self._kept:
                raise CrmError(
                    "another process copies into this database, too; let one of them finish"
                )
            yield tx

    def _keep(self, tx: Transaction, **reached: Any) -> None:
        """Keep how far it came, in the transaction that came so far."""
        state = attrs.evolve(self._state, **reached)
        tx.set_state(COPY, attrs.asdict(state))
        self._next = state

    def _tell(self, more: int) -> None:
        self._done += more
        self._told(min(self._done, self.total), self.total)

    def _kept_now(self) -> None:
        """The batch was committed."""
        self._state, self._kept = self._next, attrs.asdict(self._next)

    def records(self) -> None:
        """Kind by kind, those that others refer to first."""
        batches = Batches(self._source.schema, self._reads, RECORDS)
        for number, name in enumerate(batches.order):
            if number < self._state.kind:
                self._tell(self._reads.count(Query(name)))
            while number == self._state.kind:
                with self._batch() as tx:
                    documents, read, after = batches.batch(name, self._state.after, tx)
                    tx.restore(documents, [])
                    self._keep(tx, kind=number + (after is None), after=after)
                self._kept_now()
                self._tell(read)

    def changes(self) -> None:
        """The journal in its order; positions of the source that somebody keeps are looked up on the way."""
        places = Places(followed(self._reads), self._state.places)
        while page := self._reads.changes(self._state.position, None, CHANGES):
            with self._batch() as tx:
                watched = places.within(page)
                before = tx.position() if watched else 0
                tx.restore([], page)
                if watched:
                    places.learn(page, tx.changes(before))
                self._keep(tx, position=page[-1].position, places=dict(places.known))
            self._kept_now()
            self._tell(len(page))

    def states(self) -> None:
        """What is kept beside the records; with it, the copy is whole."""
        with self._batch() as tx:
            for key, value in carried(self._reads.states(""), self._state.places):
                tx.set_state(key, value)
            tx.set_state(COPY, None)
        self._told(self.total, self.total)


def _count(reads: Reads) -> int:
    return reads.count_changes() if reads.position() else 0
