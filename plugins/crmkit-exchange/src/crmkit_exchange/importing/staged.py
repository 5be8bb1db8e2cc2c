"""What a batch of rows is going to write, and writing it in an order in which references lead to what is there."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import attrs

from crmkit import Record, Transaction
from crmkit_exchange.kinds import ExternalId

__all__ = ["Staged"]

_RANKS = {"customer": 0, "identity": 1, "participant": 3, "external_id": 4}
_OTHERS = 2
_LAST = chr(0x10FFFF)
"""Sorts behind the name of every kind."""


def _rank(record: Record) -> tuple[int, str]:
    return _RANKS.get(record.__kind__, _OTHERS), record.__kind__


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

    def write(self, tx: Transaction) -> None:
        """Write everything: customers, their addresses, other records, then the external ids with their versions."""
        versions: dict[str, int] = {}
        for rank, run in groupby(sorted(self.new.values(), key=_rank), _rank):
            # An external id has the version that its record has by then, also where that is changed and not new.
            self._change(tx, (rank[0] - 1, _LAST), versions)
            for stored in tx.add_all(_with_versions(run, versions)):
                versions[stored.id] = stored.version
            self._change(tx, rank, versions)
        self._change(tx, None, versions)

    def _change(
        self, tx: Transaction, rank: tuple[int, str] | None, versions: dict[str, int]
    ) -> None:
        """Write the changed records up to a rank: all of them if none is given."""
        ready = [each for each in self.changed.values() if rank is None or _rank(each) <= rank]
        for record in ready:
            del self.changed[record.id]
        for _, run in groupby(sorted(ready, key=_rank), _rank):
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
