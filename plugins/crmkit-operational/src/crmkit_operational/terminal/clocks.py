"""What people read of the clocks of one ticket, and day by day what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from crmkit import where
from crmkit.cli.app import App
from crmkit.cli.output import note, show, write_json
from crmkit_operational.clock.business import WALL, BusinessClock, Pause
from crmkit_operational.clock.days import DayAccount, accounts
from crmkit_operational.clock.kinds import Holiday
from crmkit_operational.service.keeping import clocks_of
from crmkit_operational.service.kinds import MetricEvent, Policy, Ticket
from crmkit_operational.service.metrics import Timer, Timers, pauses, timers
from crmkit_operational.terminal.days import account_rows
from crmkit_operational.terminal.reading import said
from crmkit_operational.words import _, word

__all__ = ["show_clocks"]

HOUR = timedelta(hours=1)


@attrs.frozen
class Desk:
    """The clocks of a ticket, with the policy and the calendar by which they run."""

    timers: Timers
    policy: Policy | None
    clock: BusinessClock
    holidays: Sequence[Holiday]
    now: datetime

    @property
    def pauses(self) -> Sequence[str]:
        """The states in which the clock of a resolution stands still."""
        return self.policy.pauses if self.policy is not None else ()


@attrs.frozen
class Account:
    """What a time of a clock is made of: `elapsed` until it ended, or now, and `due` until when it was promised."""

    timer: Timer
    what: str
    since: datetime
    until: datetime
    stood: tuple[Pause, ...]
    days: tuple[DayAccount, ...]

    @property
    def passed(self) -> timedelta:
        """What passed on all days."""
        return self.days[-1].sum


def show_clocks(app: App, ticket: Ticket, explain: bool) -> None:
    """When each metric of a ticket ran, how long that was and, if wanted, day by day why; as CSV a row for each day."""
    desk = _desk(app, ticket)
    rows = [row for timer in desk.timers.values() for row in _stretches(app, desk, timer)]
    found = list(_accounts(desk, app.language.code)) if explain else []
    if explain and app.format == "json":
        write_json(
            {"clocks": rows, **_parameters(desk), "accounts": [_plain(app, e) for e in found]}
        )
    elif explain and app.format == "csv":
        days = [_named(each) | row for each in found for row in account_rows(app, each.days)]
        show(app, days, "metric instance what day hours passed sum closed because")
    else:
        _tables(app, desk, rows, found)


def _desk(app: App, ticket: Ticket) -> Desk:
    reader = app.handle
    [policy] = reader.get_many(Policy, [ticket.policy_id or ""])
    calendar = policy.calendar_id if policy is not None else None
    holidays = list(reader.find(Holiday, where.calendar_id == calendar)) if calendar else []
    events = reader.find(MetricEvent, where.ticket_id == ticket.id)
    return Desk(timers(events), policy, clocks_of(reader)(calendar), holidays, reader.now())


def _stretches(app: App, desk: Desk, timer: Timer) -> Iterator[dict[str, Any]]:
    for begins, ends in timer.ran:
        yield {
            "metric": said(app, timer.metric),
            "instance": timer.instance,
            "since": begins,
            "until": ends,
            "hours": _hours(WALL.elapsed(begins, ends or desk.now)),
            "business_hours": _hours(desk.clock.elapsed(begins, ends or desk.now)),
            "due": timer.due,
            "breached_at": timer.breached_at if timer.is_late else None,
        }


def _hours(length: timedelta) -> float:
    return round(length / HOUR, 2)


# What they are made of ------------------------------------------------------------------------------------------


def _accounts(desk: Desk, language: str) -> Iterator[Account]:
    for timer in desk.timers.values():
        is_whole = timer.metric == "resolution"
        ended = timer.fulfilled_at or timer.cancelled_at or desk.now
        yield _account(desk, timer, "elapsed", ended, () if is_whole else timer.gaps, language)
        stood = _known_pauses(desk, timer) if is_whole else ()
        # What was promised does not hold while the clock stands still: it moves.
        if timer.due is not None and not any(ends is None for _, ends in stood):
            yield _account(desk, timer, "due", timer.due, stood, language)


def _known_pauses(desk: Desk, timer: Timer) -> tuple[Pause, ...]:
    """The pauses that moved what was promised: one from which it was solved did not any more."""
    stood = pauses(desk.timers, desk.pauses)
    return tuple(each for each in stood if each[1] is None or each[1] != timer.fulfilled_at)


def _account(
    desk: Desk, timer: Timer, what: str, until: datetime, stood: Sequence[Pause], language: str
) -> Account:
    since = timer.started_at
    days = accounts(desk.clock, desk.holidays, since, until, stood, language)
    return Account(timer, what, since, until, tuple(each for each in stood), tuple(days))


def _named(found: Account) -> dict[str, Any]:
    timer = found.timer
    return {"metric": timer.metric, "instance": timer.instance, "what": found.what}


def _plain(app: App, found: Account) -> dict[str, Any]:
    return {
        **_named(found),
        "since": found.since,
        "until": found.until,
        "stood_still": [list(each) for each in found.stood],
        "passed": found.passed.total_seconds(),
        "days": account_rows(app, found.days),
    }


def _parameters(desk: Desk) -> dict[str, Any]:
    policy = desk.policy
    return {
        "policy": policy and policy.id,
        "calendar": policy and policy.calendar_id,
        "timezone": desk.clock.timezone,
        "pauses": list(desk.pauses),
        "now": desk.now,
    }


# As tables ------------------------------------------------------------------------------------------------------


def _tables(app: App, desk: Desk, rows: Sequence[dict[str, Any]], found: Sequence[Account]) -> None:
    columns = {"metric": _("Metric"), "instance": _("Instance"), "since": _("Since")}
    columns |= {"until": _("Until"), "hours": _("Hours"), "business_hours": _("Business hours")}
    show(app, rows, columns | {"due": _("Due"), "breached_at": _("Late since")})
    for each in found:
        _days_table(app, each)
    if app.format == "table":
        _rules(desk, bool(found))


def _days_table(app: App, found: Account) -> None:
    text = (
        _("{metric} {instance} is due at {until}, counted from {since}")
        if found.what == "due"
        else _("{metric} {instance} took what passed from {since} to {until}")
    )
    heading = text.format(
        metric=word(found.timer.metric),
        instance=found.timer.instance,
        since=app.local(found.since),
        until=app.local(found.until),
    )
    columns = {"day": _("Day"), "hours": _("Hours"), "passed": _("Passed"), "sum": _("In all")}
    rows = account_rows(app, found.days)
    columns |= {"because": _("Because")}
    columns |= {"id": _("Id")} if any(each["id"] for each in rows) else {}
    show(app, rows, columns, heading=heading)
    for begins, ends in found.stood:
        still = _("stood still from {since} to {until}")
        note(still.format(since=app.local(begins), until=app.local(ends) if ends else "…"))


def _rules(desk: Desk, is_explained: bool) -> None:
    if desk.policy is not None:
        text = _("by policy {name}; a resolution is whole, from first to last")
        note(text.format(name=desk.policy.name))
    if is_explained:
        note(_("days are those of {timezone}").format(timezone=desk.clock.timezone))
        note(
            _("a due time is where what passed reaches the target that stood when it was promised")
        )
