"""What a batch of rows is going to write, and writing it in an order in which references lead to what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TypeAlias

import attrs

from crmkit import Record, Schema, Transaction
from crmkit_exchange.kinds import ExternalId

__all__ = ["Staged"]

_RANKS = {"customer": 0, "identity": 1, "participant": 3, "external_id": 4}
_OTHERS = 2


_Rank: TypeAlias = tuple[int, int, str]


def _depth(schema: Schema, name: str, above: tuple[str, ...] = ()) -> int:
    """How many kinds a kind refers to one through the other: those that it refers to are written before it."""
    wanted = {str(each.refers_to) for each in schema[name].references} - {*_RANKS, name, *above}
    return max((_depth(schema, each, (*above, name)) + 1 for each in wanted), default=0)


def _rank(schema: Schema, name: str) -> _Rank:
    return _RANKS.get(name, _OTHERS), 0 if name in _RANKS else _depth(schema, name), name


@attrs.frozen
class Staged:
    """New records and changed ones, by id; what is staged twice is written once, as it was staged last."""

    new: dict[str, Record] = attrs.field(factory=dict)
    changed: dict[str, Record] = attrs.field(factory=dict)

    def add(self, record: Record) -> None:
        """Stage a new record."""
        self.new[record.id] = record

    def change(self, record: Record) -> None:
        """Stage another state of a record that is there, or is staged."""
        (self.new if record.id in self.new else self.changed)[record.id] = record

    def latest(self, record: Record) -> Record:
        """The record as it is staged, as it is if it is not."""
        return self.new.get(record.id) or self.changed.get(record.id) or record

    def write(self, tx: Transaction) -> dict[str, int]:
        """Write everything: customers, their addresses, other records, then the external ids with their versions.

        Returns the versions by the ids of records.
        """
        versions: dict[str, int] = {}
        kinds = {each.__kind__ for each in (*self.new.values(), *self.changed.values())}
        ranks = {each: _rank(tx.schema, each) for each in kinds}

        def rank_of(record: Record) -> _Rank:
            return ranks[record.__kind__]

        for rank, run in groupby(sorted(self.new.values(), key=rank_of), rank_of):
            # Those before it, so that external ids know the version that their records have by then.
            ready = [each for each in self.changed.values() if rank_of(each) < rank]
            self._change(tx, ready, rank_of, versions)
            for stored in tx.add_all(_with_versions(run, versions)):
                versions[stored.id] = stored.version
            ready = [each for each in self.changed.values() if rank_of(each) <= rank]
            self._change(tx, ready, rank_of, versions)
        self._change(tx, [*self.changed.values()], rank_of, versions)
        return versions

    def _change(
        self,
        tx: Transaction,
        ready: Sequence[Record],
        rank_of: Callable[[Record], _Rank],
        versions: dict[str, int],
    ) -> None:
        """Write these of the changed records."""
        for record in ready:
            del self.changed[record.id]
        for _, run in groupby(sorted(ready, key=rank_of), rank_of):
            for stored in tx.update_all(_with_versions(run, versions)):
                versions[stored.id] = stored.version


def _with_versions(records: Iterable[Record], versions: dict[str, int]) -> list[Record]:
    """The records; an external id with the version that its record has by now."""
    return [
        each.evolve(record_version=versions.get(each.record_id, each.record_version))
        if isinstance(each, ExternalId)
        else each
        for each in records
    ]
