"""How fast and how well tickets were answered and solved, in calendar and in business time: folds over their events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

import attrs

from crmkit import Reader, where
from crmkit_operational.clock.business import WALL, BusinessClock
from crmkit_operational.service.keeping import clocks_of, known_timers
from crmkit_operational.service.kinds import Policy, Ticket
from crmkit_operational.service.metrics import Timer, Timers
from crmkit_operational.service.survival import median_with_open

__all__ = ["METRICS", "Measured", "Span", "measure", "nearest_rank"]

METRICS = ("first_response", "resolution", "requester_wait", "agent_work")
"""What is reported of each ticket; replies after the first are promised, and seen in its events."""

PAGE = 500


@attrs.frozen
class Span:
    """How long one metric of one ticket took, on the wall and in business hours; until now if it is `open`.

    `due` is what was promised last, `verdict` whether that was kept: `kept`, `broken`, or None if nothing was promised
    or it is not known yet.
    """

    ticket: str
    wall: timedelta
    business: timedelta
    since: datetime
    until: datetime | None
    how: Literal["done", "open", "cancelled"]
    due: datetime | None
    verdict: Literal["kept", "broken"] | None
    is_again: bool


@attrs.frozen
class Measured:
    """One metric over the tickets opened in a window: what became of each.

    `done` are those that reached it, `open` the ids of those that did not yet, `cancelled` of those that never will.
    `kept` and `broken` are the ids of those for which something was promised, `again` of those that came back.
    """

    metric: str
    spans: tuple[Span, ...]

    @property
    def done(self) -> tuple[Span, ...]:
        """Those that reached it."""
        return tuple(each for each in self.spans if each.how == "done")

    @property
    def open(self) -> tuple[str, ...]:
        """Those that did not reach it yet."""
        return tuple(each.ticket for each in self.spans if each.how == "open")

    @property
    def cancelled(self) -> tuple[str, ...]:
        """Those that never will."""
        return tuple(each.ticket for each in self.spans if each.how == "cancelled")

    @property
    def kept(self) -> tuple[str, ...]:
        """Those that were in time."""
        return tuple(each.ticket for each in self.spans if each.verdict == "kept")

    @property
    def broken(self) -> tuple[str, ...]:
        """Those that were late, or are."""
        return tuple(each.ticket for each in self.spans if each.verdict == "broken")

    @property
    def again(self) -> tuple[str, ...]:
        """Those that were solved and came back."""
        return tuple(each.ticket for each in self.spans if each.is_again)

    def quantile(self, share: float, business: bool = False) -> timedelta | None:
        """The time within which a share of those that are done were; None if there are none."""
        times = [each.business if business else each.wall for each in self.done]
        return nearest_rank(times, share)

    def median_with_open(self) -> timedelta | None:
        """The median on the wall in which those that are open, or were cancelled, count as long as they took so far."""
        return median_with_open((each.wall, each.how == "done") for each in self.spans)


def nearest_rank(times: Iterable[timedelta], share: float) -> timedelta | None:
    """The value at rank ceil(share x n); the median of an even number is the mean of both in the middle."""
    known = sorted(times)
    if not known:
        return None
    if share == 0.5:
        return timedelta(seconds=median(each.total_seconds() for each in known))
    return known[max(math.ceil(share * len(known)), 1) - 1]


def measure(reader: Reader, since: datetime, until: datetime) -> list[Measured]:
    """Every metric over the tickets that were opened from `since` on and before `until`, as far as they may be read."""
    clocks, now = clocks_of(reader), reader.now()
    calendars = {each.id: each.calendar_id for each in reader.find(Policy)}
    found: list[tuple[Ticket, Timers, BusinessClock]] = []
    window = (where.opened_at >= since, where.opened_at < until)
    tickets = reader.find(Ticket, *window, order="opened_at")
    for page in _pages(tickets):
        known = known_timers(reader, [each.id for each in page])
        for each in page:
            calendar = calendars.get(each.policy_id or "")
            found.append((each, known.get(each.id, {}), clocks(calendar) if calendar else WALL))
    return [_measured(metric, found, now) for metric in METRICS]


def _pages(tickets: Iterator[Ticket]) -> Iterator[Sequence[Ticket]]:
    page: list[Ticket] = []
    for each in tickets:
        page.append(each)
        if len(page) == PAGE:
            yield page
            page = []
    yield page


def _measured(
    metric: str, found: Sequence[tuple[Ticket, Timers, BusinessClock]], now: datetime
) -> Measured:
    spans = [
        _span(ticket.id, timer, clock, now)
        for ticket, timers, clock in found
        if (timer := timers.get((metric, 1))) is not None
    ]
    return Measured(metric, tuple(spans))


def _span(ticket: str, timer: Timer, clock: BusinessClock, now: datetime) -> Span:
    return Span(
        ticket=ticket,
        wall=timer.elapsed(now),
        business=timer.elapsed(now, clock),
        since=timer.started_at,
        until=timer.fulfilled_at or timer.cancelled_at,
        how="cancelled" if timer.cancelled_at else "done" if timer.fulfilled_at else "open",
        due=timer.due,
        verdict=_verdict(timer),
        is_again=timer.metric == "resolution" and len(timer.ran) > 1,
    )


def _verdict(timer: Timer) -> Literal["kept", "broken"] | None:
    if timer.is_late:
        return "broken"
    return "kept" if timer.due is not None and timer.fulfilled_at is not None else None
