"""Faults of the journal, of state, and of plans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit.changes import Change, Stamp, Write
from crmkit.memory import MemoryStorage, MemoryTransaction
from crmkit.schema import Schema
from crmkit.testing.broken.fault import Faults

__all__ = ["FAULTS"]

FAULTS = Faults()


@FAULTS.caught_by(
    "test_changes_come_in_the_order_of_writing", "test_writes_of_one_call_share_a_stamp"
)
class ForgetsChanges(MemoryTransaction):
    """Only the first record of a batch leaves a change."""

    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        super().insert(kind, writes, stamp)
        del self._data.journal[len(self._data.journal) - len(writes) + 1 :]


@FAULTS.caught_by("test_many_changes_are_handed_back")
class HandsBackOneChange(MemoryTransaction):
    """Whoever observes a commit is told of its last change only."""

    def committed(self) -> list[Change]:
        return super().committed()[-1:]


@FAULTS.caught_by("test_redaction_leaves_nothing", "test_redacted_deltas_keep_their_shape")
class RedactionForgetsDeltas(MemoryTransaction):
    """A redaction blanks the record and leaves its past."""

    def redact(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str], stamp: Stamp
    ) -> None:
        before = list(self._data.journal)
        super().redact(kind, writes, fields, stamp)
        self._data.journal[: len(before)] = before


@FAULTS.caught_by("test_changes_keep_who_when_and_why", "test_changes_recorded_since")
class RoundsTheJournal(MemoryTransaction):
    """The journal keeps times to the second."""

    def insert(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        cut: datetime = stamp.at.replace(microsecond=0)
        super().insert(kind, writes, attrs.evolve(stamp, at=cut))


@FAULTS.caught_by("test_a_delete_keeps_the_document")
class DeletesWithoutADocument(MemoryTransaction):
    """A delete's change says only that something was deleted."""

    def delete(self, kind: str, writes: Sequence[Write], stamp: Stamp) -> None:
        super().delete(kind, writes, stamp)
        for place in range(len(self._data.journal) - len(writes), len(self._data.journal)):
            self._data.journal[place] = attrs.evolve(self._data.journal[place], delta=None)


@FAULTS.caught_by("test_state_is_compared_and_set")
class SetsWithoutComparing(MemoryTransaction):
    """State is set whatever was expected."""

    def set_state(self, key: str, value: Any, expected: Any = ...) -> bool:
        return super().set_state(key, value)


@FAULTS.caught_by("test_a_plan_changes_nothing")
class PlansAndActs(MemoryStorage):
    """A plan is carried out at once."""

    def prepare(self, schema: Schema, *, plan: bool = False) -> list[str]:
        return super().prepare(schema)
