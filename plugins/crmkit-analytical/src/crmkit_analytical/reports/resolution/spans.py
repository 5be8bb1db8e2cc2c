"""How long each metric of each ticket took, on the wall and in business hours: the stretches of the engine, added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from crmkit_analytical.reports.resolution.clocks import OpenTime
from crmkit_analytical.reports.resolution.folding import SPEEDS, opened, stretches
from crmkit_analytical.reports.resolution.groups import Tickets, microseconds
from crmkit_analytical.statistics.arrays import Booleans, Floats, Integers

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["Spans", "spans"]

SECOND = 1e6
RESOLUTION = SPEEDS.index("resolution")


@attrs.frozen(eq=False)
class Spans:
    """One metric of some tickets, arrays of one length: the ticket's `place`, and how long it took so far, in seconds.

    What is neither `is_done` nor `is_never` is open. Seconds are whole microseconds: as floats they are exact to the
    microsecond for 140 years.
    """

    place: Integers
    wall: Floats
    business: Floats
    is_done: Booleans
    is_never: Booleans

    def of(self, those: Booleans) -> Spans:
        """Some of them."""
        return Spans(*(getattr(self, each.name)[those] for each in attrs.fields(Spans)))


def spans(ask: Ask, tickets: Tickets) -> dict[str, Spans]:
    """The spans of each metric of `SPEEDS`, by its name."""
    found = _Stretches.read(ask.arrow(stretches(ask, opened(ask))))
    now = microseconds(ask.now)
    wall = _elapsed(found, now, lambda moments, of: moments)
    business = _elapsed(
        found, now, partial(_passed, _open_times(ask, found, tickets, now), tickets)
    )
    size = len(SPEEDS) * len(tickets.ids)
    is_done, is_never, is_there = (np.zeros(size, bool) for _ in range(3))
    is_there[found.key] = True
    is_done[found.key[found.is_done]] = True
    is_never[found.key[found.is_never]] = True
    result = {}
    for metric, name in enumerate(SPEEDS):
        (place,) = np.nonzero(is_there[metric :: len(SPEEDS)])
        key = place * len(SPEEDS) + metric
        result[name] = Spans(
            place, wall[key] / SECOND, business[key] / SECOND, is_done[key], is_never[key]
        )
    return result


@attrs.frozen(eq=False)
class _Stretches:
    """The stretches as arrays; `key` is the place of the ticket and the number of the metric in one number."""

    key: Integers
    begins: Integers
    ends: Integers
    is_last: Booleans
    is_done: Booleans
    is_never: Booleans
    done_at: Integers

    @classmethod
    def read(cls, table: Any) -> _Stretches:
        def numbers(name: str) -> Integers:
            column = table[name].cast("int64").fill_null(0)
            return np.asarray(column.to_numpy(), np.int64)

        last = numbers("is_last") > 0
        return cls(
            key=numbers("place") * len(SPEEDS) + numbers("metric"),
            begins=numbers("begins"),
            ends=numbers("ends"),
            is_last=last,
            is_done=last & table["done_at"].is_valid().to_numpy(),
            is_never=last & (numbers("is_cancelled") > 0),
            done_at=numbers("done_at"),
        )

    def whole(self, now: int) -> tuple[Integers, Integers, Integers]:
        """Of each resolution its key, its beginning and its end: it is whole, from first to last."""
        last = self.is_last & (self.key % len(SPEEDS) == RESOLUTION)
        begins = np.full(self.key.max(initial=0) + 1, np.iinfo(np.int64).max)
        np.minimum.at(begins, self.key, self.begins)
        ends = np.where(self.is_done, np.minimum(self.done_at, now), now)
        return self.key[last], begins[self.key[last]], ends[last]


Passed = Callable[[Integers, Integers], Integers]
"""Given moments and the keys they are of, how much time has passed before each on the clock that counts for it."""


def _elapsed(found: _Stretches, now: int, passed: Passed) -> Integers:
    """How long each key ran, in microseconds."""
    total = np.zeros(found.key.max(initial=0) + 1, np.int64)
    parts = found.key % len(SPEEDS) != RESOLUTION
    key, begins, ends = (each[parts] for each in (found.key, found.begins, found.ends))
    np.add.at(total, key, np.maximum(passed(ends, key) - passed(begins, key), 0))
    key, begins, ends = found.whole(now)
    total[key] = np.maximum(passed(ends, key) - passed(begins, key), 0)
    return total


def _open_times(
    ask: Ask, found: _Stretches, tickets: Tickets, now: int
) -> Sequence[OpenTime | None]:
    """The open time of each calendar; None for time on the wall."""
    from crmkit_operational.clock.reading import clock_of

    made: list[OpenTime | None] = []
    of = tickets.calendar[found.key // len(SPEEDS)]
    for number, calendar in enumerate(tickets.calendars):
        those = found.begins[of == number]
        if calendar is None or not len(those):
            made.append(None)
            continue
        clock = clock_of(ask.reader, calendar)
        # No time passes behind now, nor before any of them began.
        made.append(OpenTime.of(clock, int(those.min()), max(now, int(those.min()))))
    return made


def _passed(
    open_times: Sequence[OpenTime | None], tickets: Tickets, moments: Integers, keys: Integers
) -> Integers:
    of, found = tickets.calendar[keys // len(SPEEDS)], moments.copy()
    for number, each in enumerate(open_times):
        if each is not None:
            those = of == number
            found[those] = each.passed(moments[those])
    return found
