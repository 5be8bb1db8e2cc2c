"""Metric events from what happens to a ticket: which metrics start, stop and end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

import attrs

from crmkit_operational.service.kinds import EventType, Metric, MetricEvent, Ticket
from crmkit_operational.service.metrics import Timer, Timers

__all__ = ["RESTING", "SOLVED", "Moment", "Recorder", "moments"]

SOLVED = frozenset({"solved", "closed"})
"""The states in which nobody works on a ticket any more."""

RESTING = frozenset({"pending", "on_hold", *SOLVED})
"""The states in which a ticket waits for nobody here."""

STANDS_STILL: Mapping[Metric, frozenset[str]] = {
    "requester_wait": frozenset({"pending"}),
    "agent_work": RESTING - SOLVED,
}
"""The states in which a metric is paused."""


@attrs.frozen
class Moment:
    """Something that happened to a ticket: it was opened, the customer asked, somebody answered, it changed state.

    `solved` is since when it is solved: who closes a ticket may say that it was solved before, or that it never was.
    """

    at: datetime
    what: Literal["opened", "asked", "answered", "state", "solved"]
    state: str = ""
    solved: datetime | None = None


def moments(before: Ticket | None, after: Ticket) -> list[Moment]:
    """What happened between two versions of a ticket, in order; all of it for a new one."""
    found = []
    if before is None:
        found.append(Moment(after.opened_at, "opened"))
    said = before and (before.asked_at, before.answered_at)
    if after.asked_at and after.asked_at != (said and said[0]) and not _is_past(before, after):
        found.append(Moment(after.asked_at, "asked"))
    if after.answered_at and after.answered_at != (said and said[1]):
        found.append(Moment(after.answered_at, "answered"))
    since = after.state_since or after.opened_at
    if after.state != (before.state if before else "new"):
        found.append(Moment(since, "state", after.state, after.solved_at))
    if before is not None and before.solved_at != after.solved_at and _rests(before, after):
        found.append(Moment(since, "solved", after.state, after.solved_at))
    return sorted(found, key=lambda each: each.at)


def _rests(*versions: Ticket) -> bool:
    return all(each.state in SOLVED for each in versions)


def _is_past(before: Ticket | None, after: Ticket) -> bool:
    """Whether a question that became known late was answered, or the ticket solved, since it was asked."""
    if before is None or after.asked_at is None:
        return False
    ends = (before.answered_at, before.state_since if before.state in SOLVED else None)
    return any(end is not None and after.asked_at <= end for end in ends)


class Recorder:
    """The timers of one ticket; `events` are those that were added to them."""

    def __init__(self, ticket: Ticket, known: Timers) -> None:
        self.ticket = ticket
        self.known: dict[tuple[str, int], Timer] = dict(known)
        self.events: list[MetricEvent] = []
        self._newest = {metric: each for (metric, _), each in sorted(known.items())}

    def happen(self, found: Sequence[Moment]) -> None:
        """Record what happened, in order."""
        for each in found:
            for metric, type in list(self._follows(each)):
                is_end = metric == "resolution" and type == "fulfill"
                self.add(metric, type, each.solved if is_end and each.solved else each.at)

    def last(self, metric: str) -> Timer | None:
        """The newest instance of a metric."""
        return self._newest.get(metric)

    def add(
        self, metric: Metric, type: EventType, at: datetime, due: datetime | None = None
    ) -> None:
        """Add one event to the newest instance of a metric, or begin the next one."""
        last = self.last(metric)
        is_next = last is None or (type == "activate" and metric == "next_reply" and last.is_over)
        number = (last.instance if last else 0) + is_next
        event = MetricEvent(
            ticket_id=self.ticket.id,
            customer_id=self.ticket.customer_id,
            metric=metric,
            instance=number,
            type=type,
            at=at,
            due=due,
        )
        timer = Timer(metric, number) if is_next or last is None else last
        self.known[metric, number] = self._newest[metric] = timer.after(event)
        self.events.append(event)

    def _follows(self, moment: Moment) -> Iterator[tuple[Metric, EventType]]:
        match moment.what:
            case "opened":
                for metric in ("first_response", "resolution", *STANDS_STILL):
                    yield metric, "activate"
            case "asked":
                if not self._runs("first_response") and not self._runs("next_reply"):
                    yield "next_reply", "activate"
            case "answered":
                waiting: list[Metric] = [
                    each for each in ("first_response", "next_reply") if self._runs(each)
                ]
                yield from ((each, "fulfill") for each in waiting[:1])
                first = self.last("first_response")
                if first and first.cancelled_at and moment.at <= first.cancelled_at:
                    yield "first_response", "fulfill"  # said before it was solved, known since
            case "state" if moment.state in SOLVED:
                yield from self._ends(moment.solved)
            case "state":
                yield from self._goes_on(moment.state)
            case "solved":
                yield "resolution", "fulfill" if moment.solved else "cancel"

    def _runs(self, metric: str) -> bool:
        last = self.last(metric)
        return last is not None and last.is_running

    def _ends(self, solved: datetime | None) -> Iterator[tuple[Metric, EventType]]:
        for metric in ("first_response", "next_reply"):
            if self._runs(metric):
                yield metric, "cancel"
        for metric in ("resolution", *STANDS_STILL):
            last = self.last(metric)
            if last is not None and not last.is_over:
                never = metric == "resolution" and solved is None
                yield metric, "cancel" if never else "fulfill"

    def _goes_on(self, state: str) -> Iterator[tuple[Metric, EventType]]:
        if not self._runs("resolution"):
            yield "resolution", "activate"
        for metric, states in STANDS_STILL.items():
            last, stops = self.last(metric), state in states
            if not self._runs(metric) and (not stops or (last is not None and last.is_over)):
                yield metric, "activate"
            if stops and (self._runs(metric) or (last is not None and last.is_over)):
                yield metric, "pause"
