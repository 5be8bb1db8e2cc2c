"""Metric events folded by the engine: in which stretches a metric ran, and how each instance of it ended.

The semantics are those of `crmkit_operational.service.metrics.Timer`, for many tickets at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crmkit_analytical.report.asking import naive

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["SPEEDS", "endings", "opened", "stretches"]

SPEEDS = ("first_response", "resolution", "requester_wait", "agent_work")
"""The metrics of which is told how long they took, in the order of rows."""

STOPS = ("pause", "fulfill", "cancel")
"""What ends a stretch."""


def opened(ask: Ask) -> Any:
    """The tickets opened in the window; `place` numbers them by their ids, from 0 on."""
    import ibis

    ticket = ask.table("ticket")
    found = ticket.filter(ask.within(ticket.opened_at))
    # A number is hashed and sorted in a fraction of the time of an id.
    return found.mutate(place=ibis.row_number().over(ibis.window(order_by=found.id)))


def stretches(ask: Ask, tickets: Any) -> Any:
    """Each stretch in which the first instance of a metric ran: `place` of the ticket, `metric` as its number in `SPEEDS`.

    `begins` and `ends` are cut at now, `is_last` marks the last stretch: only there `done_at` and `is_cancelled` say
    how it ended.
    """
    import ibis

    event = ask.table("metric_event")
    wanted = event.filter(
        event.instance == 1, event.metric.isin(SPEEDS), event.type.isin(("activate", *STOPS))
    )
    run = _backwards(wanted, tickets)
    found = run.group_by("place", "metric", "later").agg(
        begins=run.at.max(where=run.type == "activate"),
        stopped=run.at.min(where=run.type.isin(STOPS)),
        first_done_at=run.at.min(where=run.type == "fulfill"),
        done_at=run.at.max(where=run.type == "fulfill"),
        done=run.step.max(where=run.type == "fulfill"),
        cancelled=run.step.max(where=run.type == "cancel"),
    )
    now = naive(ask.now)
    # Said before it was cancelled, known since: then it ran until it was reached.
    ends = ibis.ifelse(found.cancelled > found.done, found.first_done_at, found.stopped)
    return found.filter(found.begins.notnull()).select(
        "place",
        "begins",
        "done_at",
        metric=found.metric.cases(*((name, place) for place, name in enumerate(SPEEDS))),
        ends=ibis.least(ibis.coalesce(ends, now), now),
        is_last=found.later == 0,
        is_cancelled=found.cancelled.notnull() & found.done.isnull(),
    )


def endings(ask: Ask, tickets: Any, metrics: Sequence[str]) -> Any:
    """How each instance of some metrics ended, by `place` of the ticket, `metric` and `instance`.

    `done_at` is when it was reached for good and `first_done_at` for the first time, `is_again` that it began once more
    after that, `is_cancelled` that it never will be reached. `is_promised` and `verdict` (`kept`, `broken`, or null
    while it is not known) are of the last promise.
    """
    import ibis

    event = ask.table("metric_event")
    run = _backwards(event.filter(event.metric.isin(metrics)), tickets)
    is_last = run.later == 0
    is_left = (run.type == "fulfill") & ~is_last
    found = run.group_by("place", "metric", "instance").agg(
        turns=(run.type == "activate").sum(),
        left=run.later.min(where=is_left),
        first_done_at=run.at.min(where=run.type == "fulfill"),
        done_at=run.at.max(where=is_last & (run.type == "fulfill")),
        cancelled_at=run.at.max(where=is_last & (run.type == "cancel")),
        promise=run.due.notnull().argmin(run.step, where=run.type == "apply_sla"),
        breached_at=run.at.max(where=run.type == "breach"),
    )
    is_promised = ibis.coalesce(found.promise, False)
    is_late = found.breached_at.notnull() & (
        found.done_at.isnull() | (found.done_at > found.breached_at)
    )
    is_kept = is_promised & found.done_at.notnull()
    return found.filter(found.turns > 0).select(
        "place",
        "metric",
        "instance",
        "first_done_at",
        "done_at",
        # Two beginnings with nothing reached in between, as histories from elsewhere have them, are no return.
        is_again=ibis.coalesce(found.left < found.turns, False),
        is_cancelled=found.cancelled_at.notnull() & found.done_at.isnull(),
        is_promised=is_promised,
        verdict=ibis.cases((is_late, "broken"), (is_kept, "kept")),
    )


def _backwards(events: Any, tickets: Any) -> Any:
    """The events of these tickets, the latest first: `step` counts them, `later` how often each began after it.

    What has the same `later` is one turn: it begins with the last `activate` before the next. Of one moment the ids
    rise in the order in which they were made.
    """
    import ibis

    numbers = tickets.select("place", ticket=tickets.id)
    own = events.inner_join(numbers, events.ticket_id == numbers.ticket)
    order = [own.at.desc(), own.id.desc()]
    past = ibis.window(group_by=[own.place, own.metric, own.instance], order_by=order)
    begins = (own.type == "activate").cast("int32")
    return own.mutate(
        step=ibis.row_number().over(past), later=begins.sum().over(past.copy(end=0)) - begins
    )
