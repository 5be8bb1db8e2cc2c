"""`crm calendar holidays`: the days on which a calendar is closed, or open though it is a public holiday."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from crmkit import Record, ValueRefused, where
from crmkit.cli.app import App
from crmkit.cli.output import note, show
from crmkit_operational.clock.finding import calendar_named
from crmkit_operational.clock.kinds import Calendar, Holiday
from crmkit_operational.terminal.days import Day
from crmkit_operational.terminal.reading import DeskGroup, RecordGroup, called
from crmkit_operational.words import _

__all__ = ["holidays"]

CALENDAR = click.Argument(["calendar"])
YEARS_AHEAD = 5

holidays = DeskGroup(
    "holidays", help="The days on which a calendar is closed, or open all the same."
)


class HolidayGroup(RecordGroup):
    """Prints holidays with the name of their calendar."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """The calendar by name; its id for scripts."""
        return called(app, record, "calendar_id", Calendar) if app.format == "table" else {}


@holidays.define(
    "add",
    CALENDAR,
    click.Argument(["day"], type=Day()),
    click.Option(["--until"], type=Day(), help="The last of several days."),
    click.Option(["--name"], default="", help="What is on that day."),
    click.Option(["--works"], is_flag=True, help="The company works though it is a holiday."),
)
def add_holiday(app: App, calendar: str, **given: Any) -> None:
    """Close a calendar on a day or several, or let it be open on a public holiday, and print that."""
    found = calendar_named(app.handle, calendar)
    with app.handle.transaction() as tx:
        made = tx.add(Holiday(calendar_id=found.id, **given))
    kind = app.kind(Holiday.__kind__)
    HolidayGroup(kind, app.label(kind)).written(made.id, app)


@holidays.define(
    "list", CALENDAR, click.Option(["--year"], type=click.IntRange(1900, 2199), help="Only of it.")
)
def list_holidays(app: App, calendar: str, year: int | None) -> None:
    """The holidays that were added or imported; `crm calendar show` has the public ones, too."""
    found = calendar_named(app.handle, calendar)
    records = app.handle.find(Holiday, where.calendar_id == found.id, order="day")
    rows = [
        {"day": each.day, "until": each.until, "name": each.name, "works": each.works}
        | {"uid": each.uid, "id": each.id}
        for each in records
        if year is None or each.day.year <= year <= (each.until or each.day).year
    ]
    columns = {"day": _("Day"), "until": _("Until"), "name": _("Name"), "works": _("Works")}
    empty = _("no holidays of its own; `crm calendar holidays add` makes one")
    show(app, rows, columns | {"uid": _("Event"), "id": _("Id")}, empty=empty)


@holidays.define(
    "import",
    CALENDAR,
    click.Argument(["file"], type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    click.Option(
        ["--from", "first"],
        type=click.IntRange(1900, 2199),
        help="The first year of what recurs; else this one.",
    ),
    click.Option(
        ["--to", "last"],
        type=click.IntRange(1900, 2199),
        help="The last year of it; else five years on.",
    ),
    click.Option(["--dry-run"], is_flag=True, help="Only say what would change."),
)
def import_holidays(
    app: App, calendar: str, file: Path, first: int | None, last: int | None, dry_run: bool
) -> None:
    """Take the all-day events of an iCalendar file as holidays; a second time it changes them."""
    from crmkit_operational.clock.ical import read_events
    from crmkit_operational.clock.importing import apply, compare

    found = calendar_named(app.handle, calendar)
    begin, end = _window(app, first, last)
    try:
        events, skipped = read_events(file.read_bytes(), begin, end)
    except ValueRefused as error:
        raise ValueRefused(f"{file} {error}") from error
    with app.handle.transaction() as tx:
        # Two imports at once would each add what neither finds.
        tx.lock(f"operational/holidays/{found.id}")
        changes = compare(tx, found, events, skipped, begin, end)
        if not dry_run:
            apply(tx, changes)
    counts = {
        name: len(getattr(changes, name)) for name in ("added", "changed", "removed", "unchanged")
    }
    row = counts | {"skipped": len(skipped), "from_year": begin.year, "to_year": end.year}
    columns = {"added": _("Added"), "changed": _("Changed"), "removed": _("Removed")}
    columns |= {"unchanged": _("Unchanged"), "skipped": _("Skipped")}
    columns |= {"from_year": _("From year"), "to_year": _("To year")}
    show(app, [row], columns, one=app.format != "csv")
    for each in skipped:
        note(_("skipped: {name}: {reason}").format(name=each.name, reason=each.reason))
    if dry_run:
        note(_("nothing was written; leave out --dry-run to do it"))


def _window(app: App, first: int | None, last: int | None) -> tuple[date, date]:
    begin = first or app.crm.clock().astimezone(app.timezone).year
    end = last or max(begin, min(begin + YEARS_AHEAD, 2199))
    if end < begin:
        raise click.UsageError(_("--to is before --from; give a later year"))
    return date(begin, 1, 1), date(end, 12, 31)
