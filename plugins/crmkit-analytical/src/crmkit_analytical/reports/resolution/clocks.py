"""Business time of many moments at once: how much open time of a calendar has passed before each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import numpy as np

from crmkit_analytical.statistics.arrays import Integers

if TYPE_CHECKING:
    from crmkit_operational.clock.business import BusinessClock

__all__ = ["OpenTime"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@attrs.frozen(eq=False)
class OpenTime:
    """The open time of a calendar between two moments: what passes from a to b is `passed(b) - passed(a)`.

    All in microseconds; moments since 1970. Outside of the two nothing passes.
    """

    begins: Integers
    ends: Integers
    before: Integers

    @classmethod
    def of(cls, clock: BusinessClock, start: int, end: int) -> OpenTime:
        """That of a clock from `start` to `end`."""
        moments = (EPOCH + each * MICROSECOND for each in (start, end))
        found = [*clock.stretches(*moments)]
        begins, ends = (
            (_microseconds(each) for each in zip(*found, strict=True))
            if found
            else (
                np.zeros(1, np.int64),
                np.zeros(1, np.int64),
            )
        )
        lengths = ends - begins
        return cls(begins, ends, np.cumsum(lengths) - lengths)

    def passed(self, moments: Integers) -> Integers:
        """How much of it has passed before each moment."""
        place = np.searchsorted(self.begins, moments, side="right") - 1
        known = np.maximum(place, 0)
        since = np.minimum(moments, self.ends[known]) - self.begins[known]
        return np.where(place < 0, 0, self.before[known] + since)


def _microseconds(moments: Iterable[datetime]) -> Integers:
    return np.array([(each - EPOCH) // MICROSECOND for each in moments], np.int64)
