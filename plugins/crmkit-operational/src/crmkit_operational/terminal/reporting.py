"""What people read of the service's figures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from crmkit import where
from crmkit.cli.app import App
from crmkit.cli.output import note, show
from crmkit_operational.clock.business import WALL
from crmkit_operational.service.keeping import clocks_of
from crmkit_operational.service.kinds import MetricEvent, Policy, Ticket
from crmkit_operational.service.metrics import timers
from crmkit_operational.service.reporting import Measured, measure
from crmkit_operational.words import _

__all__ = ["show_clocks", "show_report"]

HOUR = timedelta(hours=1)
QUANTILES = {"median": 0.5, "p75": 0.75, "p90": 0.9}


def _hours(length: timedelta | None) -> float | None:
    return None if length is None else round(length / HOUR, 2)


def show_report(app: App, since: datetime, until: datetime, explain: bool) -> None:
    """The figures of all metrics, and what each is made of."""
    found = measure(app.handle, since, until)
    rows = [_row(each) | (_behind(each) if explain else {}) for each in found]
    columns = {"metric": _("Metric"), "done": _("Done"), "open": _("Open")}
    columns |= {"cancelled": _("Never"), "median": _("Median h"), "p75": "p75 h", "p90": "p90 h"}
    columns |= {
        "business_median": _("Business median h"),
        "business_p75": _("Business p75 h"),
        "business_p90": _("Business p90 h"),
        "kept": _("In time"),
        "broken": _("Late"),
        "in_time": _("Share in time"),
        "again": _("Reopened"),
    }
    show(app, rows, columns)
    if explain and app.format == "table":
        _explained(app, found, since, until)


def _row(found: Measured) -> dict[str, Any]:
    promised = len(found.kept) + len(found.broken)
    return {
        "metric": found.metric,
        "done": len(found.done),
        "open": len(found.open),
        "cancelled": len(found.cancelled),
        **{name: _hours(found.quantile(share)) for name, share in QUANTILES.items()},
        **{
            f"business_{name}": _hours(found.quantile(share, business=True))
            for name, share in QUANTILES.items()
        },
        "kept": len(found.kept),
        "broken": len(found.broken),
        "in_time": round(len(found.kept) / promised, 4) if promised else None,
        "again": len(found.again),
    }


def _behind(found: Measured) -> dict[str, Any]:
    spans = [
        {"ticket": each.ticket, "hours": each.wall / HOUR, "business_hours": each.business / HOUR}
        for each in found.done
    ]
    names = ("open", "cancelled", "kept", "broken", "again")
    return {
        "spans": spans,
        "ids": {name: list(found_) for name in names for found_ in [getattr(found, name)]},
    }


def _explained(app: App, found: list[Measured], since: datetime, until: datetime) -> None:
    note(
        _(
            "tickets opened from {since} to {until}; quantiles of those that are done, by nearest rank"
        ).format(since=app.local(since), until=app.local(until))
    )
    note(
        _(
            "business hours are those of the ticket's policy; share in time = in time / (in time + late)"
        )
    )
    for each in found:
        for span in each.done:
            note(f"  {each.metric} {span.ticket}: {_hours(span.wall)} h, {_hours(span.business)} h")
        for name in ("open", "cancelled", "broken", "again"):
            if ids := getattr(each, name):
                note(f"  {each.metric} {name}: {', '.join(ids)}")


def show_clocks(app: App, ticket: Ticket) -> None:
    """When each metric of a ticket ran, and how long that was."""
    [policy] = app.handle.get_many(Policy, [ticket.policy_id or ""])
    calendar = policy.calendar_id if policy is not None else None
    clock, now = clocks_of(app.handle)(calendar), app.crm.clock()
    events = list(app.handle.find(MetricEvent, where.ticket_id == ticket.id))
    rows = []
    for timer in timers(events).values():
        for begins, ends in timer.ran:
            rows.append(
                {
                    "metric": timer.metric,
                    "instance": timer.instance,
                    "since": begins,
                    "until": ends,
                    "hours": _hours(WALL.elapsed(begins, ends or now)),
                    "business_hours": _hours(clock.elapsed(begins, ends or now)),
                    "due": timer.due,
                    "breached_at": timer.breached_at,
                }
            )
    columns = {"metric": _("Metric"), "instance": _("Instance"), "since": _("Since")}
    columns |= {"until": _("Until"), "hours": _("Hours"), "business_hours": _("Business hours")}
    show(app, rows, columns | {"due": _("Due"), "breached_at": _("Late since")})
    if app.format == "table" and policy is not None:
        note(
            _("by policy {name}; a resolution is whole, from first to last").format(
                name=policy.name
            )
        )
