"""Faults of trimming the journal."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from crmkit.memory import MemoryTransaction
from crmkit.storage import Trimmable
from crmkit.testing.broken.fault import Faults

__all__ = ["FAULTS"]

FAULTS = Faults()


@FAULTS.caught_by(
    "test_the_journal_goes_on_behind_what_was_trimmed",
    "test_trimming_leaves_the_last_change_of_each_record",
)
class TrimsTheLast(MemoryTransaction):
    """The last change of a record that is gone is trimmed, too."""

    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        found = super().trim(through, after, limit)
        gone = {each for each in self._data.last if self._data.row(*each) is None}
        self._data.journal[:] = [
            each
            for each in self._data.journal
            if each.position > through or (each.kind, each.id) not in gone
        ]
        for each in gone:
            del self._data.last[each]
        return found


@FAULTS.caught_by(
    "test_redaction_reaches_what_trimming_left",
    "test_trimming_leaves_the_last_change_of_each_record",
)
class TrimsAndRemembers(MemoryTransaction):
    """The changes that stay keep their deltas."""

    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        deltas = {each.position: each.delta for each in self._data.journal}
        found = super().trim(through, after, limit)
        self._data.journal[:] = [
            attrs.evolve(each, delta=deltas[each.position]) for each in self._data.journal
        ]
        return found


@FAULTS.caught_by("test_trimming_goes_in_steps")
class TrimsStepByStep(MemoryTransaction):
    """Each step looks for the last change of a record in what it goes over only, not up to the end."""

    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        step = self._data.behind(after)[:limit]
        return super().trim(min(through, step[-1].position), after, limit)


@FAULTS.caught_by(
    "test_what_is_left_is_read_as_before", "test_the_past_since_the_moment_is_the_same"
)
class TrimsTheDeltas(MemoryTransaction):
    """The changes behind what is trimmed forget their deltas, too."""

    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        found = super().trim(through, after, limit)
        self._data.journal[:] = [attrs.evolve(each, delta=None) for each in self._data.journal]
        return found


@FAULTS.caught_by(
    "test_what_was_recorded_at_the_moment_stays", "test_what_trimming_will_take_out_can_be_told"
)
class TrimsTheMoment(MemoryTransaction):
    """What was recorded at the very moment is trimmed."""

    def trimmable(self, before: datetime) -> Trimmable:
        return super().trimmable(before + timedelta(microseconds=1))
