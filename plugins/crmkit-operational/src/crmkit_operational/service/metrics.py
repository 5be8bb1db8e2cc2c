"""What a ticket's metric events say: how long each metric ran, and whether that was in time. Pure folds.

The semantics are those of Zendesk's ticket metric events, which exist whether or not anything was promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

import attrs

from crmkit_operational.clock.business import WALL, BusinessClock, Pause
from crmkit_operational.service.kinds import MetricEvent

__all__ = ["Timer", "Timers", "in_order", "pauses", "timers"]

NOTHING = timedelta()


@attrs.frozen
class Timer:
    """One instance of a metric: the stretches in which it `ran`, the last of which may last, and how it ended.

    `due` is the latest promise, `breached_at` when one was broken.
    """

    metric: str
    instance: int
    ran: tuple[Pause, ...] = ()
    fulfilled_at: datetime | None = None
    cancelled_at: datetime | None = None
    due: datetime | None = None
    breached_at: datetime | None = None

    @property
    def started_at(self) -> datetime:
        """When it first began."""
        return self.ran[0][0]

    @property
    def is_running(self) -> bool:
        """Whether time passes for it."""
        return bool(self.ran) and self.ran[-1][1] is None

    @property
    def is_over(self) -> bool:
        """Whether it was reached, or will not be any more."""
        return self.fulfilled_at is not None or self.cancelled_at is not None

    @property
    def is_late(self) -> bool:
        """Whether a promise was broken; not if it turned out later that it was reached by then."""
        if self.breached_at is None:
            return False
        return self.fulfilled_at is None or self.fulfilled_at > self.breached_at

    @property
    def gaps(self) -> tuple[Pause, ...]:
        """When it stood still between its beginning and its end; the last one may last."""
        stops = [ends for _, ends in self.ran if ends is not None]
        end = self.fulfilled_at or self.cancelled_at
        starts: list[datetime | None] = [*(begins for begins, _ in self.ran[1:]), end]
        return tuple(
            (stop, start)
            for stop, start in zip(stops, starts, strict=False)
            if start is None or stop < start
        )

    def elapsed(self, until: datetime, clock: BusinessClock = WALL) -> timedelta:
        """The time of a clock in which it ran, at most until a moment; a resolution is whole, from first to last."""
        if self.metric == "resolution":
            end = self.fulfilled_at or self.cancelled_at or until
            return clock.elapsed(self.started_at, min(end, until))
        spans = ((begins, until if ends is None else min(ends, until)) for begins, ends in self.ran)
        return sum((clock.elapsed(*span) for span in spans), NOTHING)

    def after(self, event: MetricEvent) -> Timer:
        """The timer once an event has happened."""
        ran = self.ran
        if event.type in ("pause", "fulfill", "cancel") and self.is_running:
            ran = (*ran[:-1], (ran[-1][0], event.at))
        match event.type:
            case "activate":
                ran = (*ran, (event.at, None))
                return attrs.evolve(self, ran=ran, fulfilled_at=None, cancelled_at=None)
            case "fulfill":
                if self.cancelled_at is not None and ran:
                    ran = (*ran[:-1], (ran[-1][0], event.at))
                return attrs.evolve(self, ran=ran, fulfilled_at=event.at, cancelled_at=None)
            case "cancel" if self.fulfilled_at is None:
                return attrs.evolve(self, ran=ran, cancelled_at=event.at)
            case "apply_sla":
                return attrs.evolve(self, due=event.due)
            case "breach":
                return attrs.evolve(self, breached_at=event.at)
        return attrs.evolve(self, ran=ran)


Timers: TypeAlias = Mapping[tuple[str, int], Timer]
"""(metric, instance) -> its timer."""


def in_order(events: Iterable[MetricEvent]) -> list[MetricEvent]:
    """Events as they happened; ids of one moment rise in the order in which they were made."""
    return sorted(events, key=lambda each: (each.at, each.id))


def timers(events: Iterable[MetricEvent]) -> dict[tuple[str, int], Timer]:
    """The timers of one ticket from its events, in any order."""
    found: dict[tuple[str, int], Timer] = {}
    for event in in_order(events):
        key = event.metric, event.instance
        found[key] = found.get(key, Timer(*key)).after(event)
    return found


def pauses(known: Timers, states: Sequence[str]) -> tuple[Pause, ...]:
    """When the clock of a resolution stood still that pauses in these states, and while the ticket was solved.

    Read off `requester_wait`, which stands still while it is pending, and `agent_work`, which does on hold, too.
    """
    wait, work = known[("requester_wait", 1)], known[("agent_work", 1)]
    if "on_hold" not in states:
        return wait.gaps if "pending" in states else _while_solved(known)
    if "pending" in states:
        return work.gaps
    return (*_while_solved(known), *_both(work.gaps, wait.ran))


def _while_solved(known: Timers) -> tuple[Pause, ...]:
    return known[("resolution", 1)].gaps


def _both(some: Iterable[Pause], others: Sequence[Pause]) -> Iterator[Pause]:
    """The stretches that are in one of both."""
    for begins, ends in some:
        for first, last in others:
            start, stops = max(begins, first), [each for each in (ends, last) if each is not None]
            if not stops or start < min(stops):
                yield start, min(stops, default=None)
