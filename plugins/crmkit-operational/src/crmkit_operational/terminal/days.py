"""Days, hours and amounts of time as commands read and show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import click

from crmkit import ValueRefused
from crmkit.cli.app import App, app_of
from crmkit_operational.clock.amounts import amount_text, read_amount
from crmkit_operational.clock.business import FIRST, LAST
from crmkit_operational.clock.days import DayAccount, Origin
from crmkit_operational.clock.hours import Span
from crmkit_operational.words import _

__all__ = [
    "Amount",
    "Day",
    "Moment",
    "account_rows",
    "day_text",
    "origin_text",
    "spans_text",
    "weekday",
]


class Day(click.ParamType[date]):
    """A day that a person writes, as in 2026-03-01."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """The day."""
        try:
            day = value if isinstance(value, date) else date.fromisoformat(value.strip())
        except ValueError:
            text = _("{value} is no day; write it as in 2026-03-01")
            self.fail(text.format(value=repr(value)[:60]), param, ctx)
        if not FIRST.year <= day.year < LAST.year:
            self.fail(_far(), param, ctx)
        return day


class Moment(click.ParamType[datetime]):
    """A time that a person writes, within the years that calendars know."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """The time in UTC."""
        try:
            moment = value if isinstance(value, datetime) else app_of(ctx).time(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not FIRST <= moment < LAST:
            self.fail(_far(), param, ctx)
        return moment


class Amount(click.ParamType[timedelta]):
    """An amount of open time that a person writes, as in 4h or 1h30m."""

    name = "amount"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        """The amount."""
        try:
            return value if isinstance(value, timedelta) else read_amount(value)
        except ValueRefused as error:
            self.fail(str(error), param, ctx)


def _far() -> str:
    text = _("calendars know the years from {first} to {last}; give a time between them")
    return text.format(first=FIRST.year, last=LAST.year - 1)


# Showing --------------------------------------------------------------------------------------------------------


def weekday(place: int) -> str:
    """The weekday in short, Monday being 0."""
    return (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))[place]


def day_text(day: date) -> str:
    """A day with its weekday."""
    return f"{day.isoformat()} {weekday(day.weekday())}"


def spans_text(spans: Iterable[Span]) -> list[str]:
    """Hours as people write them."""
    return [f"{_clock(begins)}-{_clock(ends)}" for begins, ends in spans]


def _clock(since: timedelta) -> str:
    minutes = since // timedelta(minutes=1)
    minutes -= 1440 if minutes > 1440 else 0
    return f"{minutes // 60:02}:{minutes % 60:02}"


def origin_text(origin: Origin) -> str:
    """What makes a day a holiday, or lets it work, and where that comes from."""
    if origin.record is None:
        return _("{name} (public)").format(name=origin.name)
    text = _("works: {name} ({id})") if origin.works else _("{name} ({id})")
    return text.format(name=origin.name or _("holiday"), id=origin.record.id)


def account_rows(app: App, found: Sequence[DayAccount]) -> list[dict[str, Any]]:
    """Days with what passed on each: in a table in words, else in seconds."""
    return [_table_row(each) if app.format == "table" else _plain_row(each) for each in found]


def _table_row(found: DayAccount) -> dict[str, Any]:
    return {
        "day": day_text(found.day),
        "hours": spans_text(found.hours),
        "passed": amount_text(found.passed),
        "sum": amount_text(found.sum),
        "because": _because(found),
    }


def _because(found: DayAccount) -> str:
    reasons = "; ".join(map(origin_text, found.origins))
    if found.is_holiday:
        return _("closed: {reasons}").format(reasons=reasons)
    return reasons or ("" if found.hours else _("no hours on this weekday"))


def _plain_row(found: DayAccount) -> dict[str, Any]:
    return {
        "day": found.day,
        "hours": spans_text(found.hours),
        "passed": found.passed.total_seconds(),
        "sum": found.sum.total_seconds(),
        "closed": found.is_holiday,
        "because": [_plain_origin(each) for each in found.origins],
    }


def _plain_origin(origin: Origin) -> dict[str, Any]:
    return {
        "name": origin.name,
        "works": origin.works,
        "source": "public" if origin.record is None else "record",
        "id": origin.record and origin.record.id,
    }
