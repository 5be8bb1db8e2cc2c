"""What people read of the service's figures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from crmkit.cli.app import App
from crmkit.cli.output import note, show
from crmkit_operational.service.reporting import Measured, measure
from crmkit_operational.terminal.reading import said, whole
from crmkit_operational.words import _, word

__all__ = ["show_report"]

HOUR = timedelta(hours=1)
QUANTILES = {"median": 0.5, "p75": 0.75, "p90": 0.9}


def _hours(length: timedelta | None) -> float | None:
    return None if length is None else round(length / HOUR, 2)


def show_report(app: App, since: datetime, until: datetime, explain: bool) -> None:
    """The figures of all metrics, and what each is made of; as CSV a row for each ticket then."""
    found = measure(app.handle, since, until)
    if explain and app.format == "csv":
        show(app, [row for each in found for row in _behind(each)], " ".join(BEHIND))
        return
    rows = [_row(app, each) | ({"spans": _behind(each)} if explain else {}) for each in found]
    columns = {"metric": _("Metric"), "done": _("Done"), "open": _("Open")}
    columns |= {"cancelled": _("Never"), "median": _("Median h"), "p75": "p75 h", "p90": "p90 h"}
    columns |= {
        "median_with_open": _("Median with open h"),
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


def _row(app: App, found: Measured) -> dict[str, Any]:
    promised = len(found.kept) + len(found.broken)
    return {
        "metric": said(app, found.metric),
        "done": len(found.done),
        "open": len(found.open),
        "cancelled": len(found.cancelled),
        **{name: _hours(found.quantile(share)) for name, share in QUANTILES.items()},
        "median_with_open": _hours(found.median_with_open()),
        **{
            f"business_{name}": _hours(found.quantile(share, business=True))
            for name, share in QUANTILES.items()
        },
        "kept": len(found.kept),
        "broken": len(found.broken),
        "in_time": round(len(found.kept) / promised, 4) if promised else None,
        "again": len(found.again),
    }


BEHIND = (
    *("metric", "ticket", "how", "since", "until", "hours", "business_hours"),
    *("due", "verdict", "again"),
)
"""What is said of each ticket behind the figures."""


def _behind(found: Measured) -> list[dict[str, Any]]:
    """The tickets by how long they took on the wall: the rank of each can be counted."""
    return [
        {
            "metric": found.metric,
            "ticket": each.ticket,
            "how": each.how,
            "since": each.since,
            "until": each.until,
            "hours": each.wall / HOUR,
            "business_hours": each.business / HOUR,
            "due": each.due,
            "verdict": each.verdict,
            "again": each.is_again,
        }
        for each in sorted(found.spans, key=lambda each: (each.wall, each.ticket))
    ]


def _explained(app: App, found: list[Measured], since: datetime, until: datetime) -> None:
    for each in found:
        rows = [whole(_short(app, row), "ticket") for row in _behind(each)]
        columns = {"id": _("Ticket"), "how": _("How it ended"), "since": _("Since")}
        columns |= {"until": _("Until"), "hours": _("Hours"), "business_hours": _("Business hours")}
        columns |= {"due": _("Due"), "verdict": _("Promise"), "again": _("Reopened")}
        show(app, rows, columns, heading=word(each.metric) if rows else "")
    _rules(app, since, until)


def _short(app: App, row: dict[str, Any]) -> dict[str, Any]:
    lengths = {name: round(row[name], 4) for name in ("hours", "business_hours")}
    return row | lengths | {name: said(app, row[name]) for name in ("how", "verdict")}


def _rules(app: App, since: datetime, until: datetime) -> None:
    """By what the figures follow from the tickets."""
    window = _("tickets opened from {since} on and before {until}")
    note(window.format(since=app.local(since), until=app.local(until)))
    note(_("median, p75 and p90 of those that are done: the value at rank ceil(share x number)"))
    note(_("the median of an even number is the mean of the two in the middle"))
    note(
        _(
            "with open: Kaplan-Meier; open and cancelled ones count as not done for as long as they took so far"
        )
    )
    note(_("business hours are those of the ticket's policy; on the wall without one"))
    note(_("share in time = kept / (kept + broken); without a promise a ticket is in neither"))
