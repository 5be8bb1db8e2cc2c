"""How fast and how well tickets were answered and solved, in calendar and in business time: folds over their events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median

import attrs

from crmkit import Reader, where
from crmkit_operational.clock.business import WALL, BusinessClock
from crmkit_operational.service.keeping import clocks_of, known_timers
from crmkit_operational.service.kinds import Policy, Ticket
from crmkit_operational.service.metrics import Timer, Timers

__all__ = ["METRICS", "Measured", "Span", "measure", "nearest_rank"]

METRICS = ("first_response", "resolution", "requester_wait", "agent_work")
"""What is reported of each ticket; replies after the first are promised, and seen in its events."""

PAGE = 500


@attrs.frozen
class Span:
    """How long one metric of one ticket took, on the wall and in business hours."""

    ticket: str
    wall: timedelta
    business: timedelta


@attrs.frozen
class Measured:
    """One metric over the tickets opened in a window.

    `done` are those that reached it, `open` the ids of those that did not yet, `cancelled` of those that never will.
    `kept` and `broken` are the ids of those for which something was promised.
    """

    metric: str
    done: tuple[Span, ...]
    open: tuple[str, ...]
    cancelled: tuple[str, ...]
    kept: tuple[str, ...]
    broken: tuple[str, ...]
    again: tuple[str, ...]

    def quantile(self, share: float, business: bool = False) -> timedelta | None:
        """The time within which a share of those that are done were; None if there are none."""
        times = [each.business if business else each.wall for each in self.done]
        return nearest_rank(times, share)


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
    done, ids = [], {name: list[str]() for name in ("open", "cancelled", "kept", "broken", "again")}
    for ticket, timers, clock in found:
        timer = timers.get((metric, 1))
        if timer is None:
            continue
        for name in _verdicts(timer):
            ids[name].append(ticket.id)
        if timer.fulfilled_at is not None:
            done.append(Span(ticket.id, timer.elapsed(now), timer.elapsed(now, clock)))
    return Measured(metric, tuple(done), **{name: tuple(each) for name, each in ids.items()})


def _verdicts(timer: Timer) -> Iterator[str]:
    if not timer.is_over:
        yield "open"
    if timer.cancelled_at is not None:
        yield "cancelled"
    if timer.breached_at is not None:
        yield "broken"
    elif timer.due is not None and timer.fulfilled_at is not None:
        yield "kept"
    if timer.metric == "resolution" and len(timer.ran) > 1:
        yield "again"
