"""The commands of the clinic: the list that hangs at the reception, and a day to try it on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import click

from clinic.kinds import CHART_NO, Visit
from clinic.settings import Settings, local, span_of
from clinic.words import _
from crmkit import Customer, Handle, where
from crmkit.cli.app import App
from crmkit.cli.language import Word
from crmkit.cli.output import note, show


@click.command(help="The visits of a day: of today, or the next day that the clinic is open.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The visits of this day.")
@click.option("--branch", help="Only those at this branch.")
@click.pass_obj
def visits(app: App, day: datetime | None, branch: str | None) -> None:
    """Print the visits that the actor may see, in the order in which they begin."""
    handle = app.handle
    today = local(handle.now(), handle.company).date()
    chosen = day.date() if day else handle.settings(Settings).next_day(today)
    labels = {
        "time": _("Time"),
        "branch": _("Branch"),
        "doctor": _("Doctor"),
        "chart_no": _("Chart number"),
        "patient": _("Patient"),
        "note": _("Note"),
        "reason": _("Medical reason"),
        "fee": _("Fee"),
        "status": _("Status"),
    }
    rows = list(_rows(handle, chosen, branch))
    nobody = _("{actor} sees no visits on {day}; somebody else may: --actor name@branch")
    show(app, rows, labels, empty=nobody.format(actor=handle.actor, day=chosen))


def _rows(handle: Handle, day: date, branch: str | None) -> Iterator[dict[str, Any]]:
    """What the list says of each visit."""
    start, end = span_of(day, handle.company)
    here = [where.branch == branch] if branch else []
    times = (where.at >= start, where.at < end)
    found = list(handle.find(Visit, *times, *here, order=("at", "doctor")))
    patients = handle.get_many(Customer, [visit.customer_id for visit in found])
    for visit, patient in zip(found, patients, strict=True):
        yield {
            "id": visit.id,
            "at": visit.at,
            "time": f"{local(visit.at, handle.company):%H:%M}",
            "branch": visit.branch,
            "doctor": visit.doctor,
            "customer_id": visit.customer_id,
            "chart_no": patient and patient[CHART_NO],
            "patient": patient and patient.name,
            "note": visit.note,
            "reason": visit.reason,
            "fee": visit.fee,
            "status": Word(visit.status.value),
        }


@click.command(help="Book a day of visits to try things on.")
@click.pass_obj
def sample(app: App) -> None:
    """Write the sample, unless there are visits already."""
    from clinic.sample import book

    if app.crm.count(Visit):
        note(_("There are visits already; nothing was added."))
        return
    day, count = book(app.crm)
    note(_("Booked {count} visits on {day}.").format(count=count, day=day))
