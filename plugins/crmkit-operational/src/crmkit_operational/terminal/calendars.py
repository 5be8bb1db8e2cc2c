"""`crm calendar`: when the company works, how much of that passes, and what is due when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import attrs
import click

from crmkit import Record, RestrictedError, ValueRefused, where
from crmkit.cli.app import App
from crmkit.cli.command import many
from crmkit.cli.output import document, note, show, write_json
from crmkit.cli.records import KindGroup
from crmkit_operational.clock.amounts import amount_text
from crmkit_operational.clock.business import BusinessClock
from crmkit_operational.clock.days import DayAccount, Origin, accounts, origins
from crmkit_operational.clock.finding import calendar_named
from crmkit_operational.clock.hours import DAYS, read_hours
from crmkit_operational.clock.kinds import Calendar, Holiday
from crmkit_operational.clock.reading import clock_with
from crmkit_operational.clock.zones import zone_of
from crmkit_operational.terminal.days import (
    Amount,
    Moment,
    account_rows,
    day_text,
    spans_text,
    weekday,
)
from crmkit_operational.terminal.holidays import holidays
from crmkit_operational.terminal.reading import DeskGroup
from crmkit_operational.words import _

__all__ = ["calendar"]

NAME = click.Argument(["name"])
START = click.Argument(["start"], metavar="FROM", type=Moment())
END = click.Argument(["end"], metavar="TO", type=Moment())
EXPLAIN = click.Option(["--explain"], is_flag=True, help="Say day by day what it is made of.")
SOON = timedelta(days=366)
"""How far ahead the next openings are looked for."""
OPENINGS = 3

calendar = DeskGroup("calendar", help="When the company works, and what is due when.")
calendar.add_command(holidays)


@attrs.frozen
class Opened:
    """A calendar with its holidays and the clock that they make."""

    calendar: Calendar
    holidays: Sequence[Holiday]
    clock: BusinessClock

    def local(self, moment: datetime) -> datetime:
        """A moment on the calendar's clock."""
        return moment.astimezone(zone_of(self.clock.timezone))


def _opened(app: App, found: Calendar) -> Opened:
    records = list(app.handle.find(Holiday, where.calendar_id == found.id))
    return Opened(found, records, clock_with(found, records, app.config.company.timezone))


HOURS = many("--hours", "hours", "HOURS", help="When it is open, as in 'mon-fri 09:00-18:00'.")
ZONE = click.Option(["--timezone"], metavar="ZONE", help="Else the company's, as in Asia/Seoul.")
COUNTRY = click.Option(["--country"], help="Whose public holidays are closed, as in KR.")
PART = click.Option(["--subdivision"], help="The part of it with holidays of its own, as in BE.")


@calendar.define("add", NAME, HOURS, ZONE, COUNTRY, PART)
def add_calendar(app: App, hours: Sequence[str], **given: Any) -> None:
    """Add a calendar, and print it."""
    with app.handle.transaction() as tx:
        made = tx.add(Calendar(hours=read_hours(hours), **given))
    _written(app, made)
    if not hours:
        note(_("it has no hours, so it is never open; `crm calendar edit` sets them"))


@calendar.define("edit", NAME, HOURS, ZONE, COUNTRY, PART)
def edit_calendar(app: App, name: str, hours: Sequence[str], **given: Any) -> None:
    """Change a calendar, and print it; an empty value, as in --country "", takes one away."""
    changed: dict[str, Any] = {
        each: text or None for each, text in given.items() if text is not None
    }
    if hours:
        changed["hours"] = read_hours(hours)
    if not changed:
        raise click.UsageError(_("nothing is to be changed; give an option"))
    found = calendar_named(app.handle, name)
    with app.handle.transaction() as tx:
        tx.update(tx.get(Calendar, found.id).evolve(**changed))
    _written(app, found)


class CalendarGroup(KindGroup):
    """Prints calendars with their hours as people give them."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """The hours of each weekday; a mapping for scripts."""
        hours = record["hours"]
        if app.format != "table" or not isinstance(hours, Mapping):
            return {}
        label = app.label(app.kind(Calendar.__kind__).field("hours"))
        return {"hours": (label, _week_text(hours))}


def _written(app: App, record: Record) -> None:
    kind = app.kind(record.__kind__)
    CalendarGroup(kind, app.label(kind)).written(record.id, app)


def _week_text(hours: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(
        f"{weekday(place)} {','.join(hours[day])}"
        for place, day in enumerate(DAYS)
        if hours.get(day)
    )


@calendar.define("list")
def list_calendars(app: App) -> None:
    """The calendars, and whether each is open now."""
    rows = [_listed(app, each) for each in app.handle.find(Calendar, order="name")]
    columns = {"name": _("Name"), "timezone": _("Time zone"), "country": _("Country")}
    columns |= {"open": _("Open now"), "next": _("Next opening"), "id": _("Id")}
    show(app, rows, columns, empty=_("there are no calendars yet; `crm calendar add` makes one"))


def _listed(app: App, record: Calendar) -> dict[str, Any]:
    row, now = document(app.kind(Calendar.__kind__), record), app.crm.clock()
    try:
        found = _opened(app, record)
        coming = [begins for begins, _ends in _openings(found, now) if begins > now]
        row["open"] = found.clock.is_open(now)
    except (RestrictedError, ValueRefused):
        return row  # what is masked, or of a zone that this machine does not know, is neither open nor closed
    return {**row, "timezone": found.clock.timezone, "next": coming[0] if coming else None}


def _openings(found: Opened, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The openings from now on; the one that is under way begins now."""
    for place, stretch in enumerate(found.clock.stretches(now, now + SOON)):
        if place == OPENINGS:
            return
        yield stretch


# Showing one ----------------------------------------------------------------------------------------------------


@calendar.define(
    "show",
    NAME,
    click.Option(["--year"], type=click.IntRange(1900, 2199), help="Its holidays; else this year."),
)
def show_calendar(app: App, name: str, year: int | None) -> None:
    """The week of a calendar, when it opens next, and the holidays of a year with where each comes from."""
    found, now = _opened(app, calendar_named(app.handle, name)), app.crm.clock()
    wanted = year or found.local(now).year
    language = app.language.code
    days = origins(found.clock, found.holidays, date(wanted, 1, 1), date(wanted, 12, 31), language)
    kind = app.kind(Calendar.__kind__)
    row = {**document(kind, found.calendar), **_state(app, found, now), "year": wanted}
    free = [
        {
            "day": day_text(each.day) if app.format == "table" else each.day,
            "name": each.name,
            "works": each.works,
            "source": _source(app, each),
            "id": each.record and each.record.id,
        }
        for each in days
    ]
    if app.format == "json":
        write_json({**row, "holidays": free})
        return
    columns = {"name": _("Name"), "timezone": _("Time zone"), "country": _("Country")}
    columns |= {"subdivision": _("Part of it"), "week": _("Week"), "open": _("Open now")}
    if app.format == "table":
        show(app, [row], columns | {"openings": _("Next openings"), "id": _("Id")}, one=True)
    headings = {"day": _("Day"), "name": _("Holiday"), "works": _("Works"), "source": _("Source")}
    title = _("Holidays of {year}").format(year=wanted)
    show(app, free, headings | {"id": _("Id")}, heading=title, empty=_("no holidays in that year"))


def _source(app: App, origin: Origin) -> str:
    names = {"record": _("record"), "public": _("public")}
    name = "record" if origin.record else "public"
    return names[name] if app.format == "table" else name


def _state(app: App, found: Opened, now: datetime) -> dict[str, Any]:
    is_table, week = app.format == "table", found.clock.week or ()
    hours = {day: spans_text(week[place]) for place, day in enumerate(DAYS)}
    openings = [(found.local(a), found.local(b)) for a, b in _openings(found, now)]
    return {
        "timezone": found.clock.timezone,
        "week": _week_text(hours) if is_table else hours,
        "open": found.clock.is_open(now),
        "openings": [f"{_local(a)} - {_local(b)}" for a, b in openings]
        if is_table
        else [{"from": a.isoformat(), "to": b.isoformat()} for a, b in openings],
    }


def _local(moment: datetime) -> str:
    return moment.isoformat(" ")[:16]


# Time -----------------------------------------------------------------------------------------------------------


@calendar.define("elapsed", NAME, START, END, EXPLAIN)
def elapsed(app: App, name: str, start: datetime, end: datetime, explain: bool) -> None:
    """How much open time passes between two times; without a zone they are in the company's."""
    if end < start:
        raise click.UsageError(_("TO is before FROM; give the earlier time first"))
    found = _opened(app, calendar_named(app.handle, name))
    passed = found.clock.elapsed(start, end)
    amount = amount_text(passed) if app.format == "table" else passed.total_seconds()
    row = {**_asked(app, found, start), "to": _shown(app, found, end), "elapsed": amount}
    columns = {"calendar": _("Business calendar"), "timezone": _("Time zone")}
    columns |= {"from": _("From"), "to": _("To"), "elapsed": _("Business time")}
    _answer(app, row, columns, _account(app, found, start, end) if explain else None)


@calendar.define(
    "due", NAME, START, click.Argument(["amount"], metavar="AMOUNT", type=Amount()), EXPLAIN
)
def due(app: App, name: str, start: datetime, amount: timedelta, explain: bool) -> None:
    """When an amount of open time, as in 4h or 1h30m, has passed since a time."""
    found = _opened(app, calendar_named(app.handle, name))
    until = found.clock.due(start, amount)
    asked = amount_text(amount) if app.format == "table" else amount.total_seconds()
    row = {**_asked(app, found, start), "amount": asked, "due": until and _shown(app, found, until)}
    columns = {"calendar": _("Business calendar"), "timezone": _("Time zone")}
    columns |= {"from": _("From"), "amount": _("Business time"), "due": _("Due")}
    days = _account(app, found, start, until) if explain and until else None
    _answer(app, row, columns, days)
    if until is None:
        note(_("never: the calendar is not open for so long before the year 2200"))


def _asked(app: App, found: Opened, start: datetime) -> dict[str, Any]:
    return {
        "calendar": found.calendar.name,
        "timezone": found.clock.timezone,
        "from": _shown(app, found, start),
    }


def _shown(app: App, found: Opened, moment: datetime) -> str:
    """A time on the calendar's clock, with how far that is ahead of UTC: it may come twice."""
    local = found.local(moment)
    if app.format != "table":
        return local.isoformat()
    return local.isoformat(" ", "minutes" if not (local.second or local.microsecond) else "auto")


def _account(app: App, found: Opened, start: datetime, end: datetime) -> list[DayAccount]:
    language = app.language.code
    return list(accounts(found.clock, found.holidays, start, end, language=language))


def _answer(
    app: App, row: dict[str, Any], columns: dict[str, str], days: list[DayAccount] | None
) -> None:
    """The answer and, where it is to be explained, the days; as CSV one row for each of them."""
    rows = account_rows(app, days or [])
    if app.format == "json":
        write_json(row if days is None else {**row, "days": rows})
    elif app.format == "csv" and days is not None:
        show(app, rows, "day hours passed sum closed because")
    else:
        show(app, [row], columns, one=app.format == "table")
        headings = {"day": _("Day"), "hours": _("Hours"), "passed": _("Passed")}
        headings |= {"sum": _("In all"), "because": _("Because")}
        headings |= {"id": _("Id")} if any(each["id"] for each in rows) else {}
        show(app, rows, headings, heading=_("Day by day"))
