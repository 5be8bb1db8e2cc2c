"""The forecast: what open deals are expected to bring, month by month, and what was won there already."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

from crmkit import Money, Reader, ValueRefused, where
from crmkit_operational.sales.finding import stages_of
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage
from crmkit_operational.sales.money import weighted

__all__ = [
    "Forecast",
    "Line",
    "Row",
    "Won",
    "added_up",
    "forecast",
    "lines",
    "month_of",
    "month_starts",
    "next_month",
    "won_between",
]

READ = ("id", "title", "stage_id", "amount", "expected_close")
READ_OF_WON = ("id", "title", "amount", "closed_at")


@attrs.frozen
class Line:
    """What one deal adds: its amount, the chance of its stage in percent, and the two multiplied, rounded half up."""

    deal_id: str
    title: str
    stage: Stage
    amount: Money
    expected_close: date | None

    @property
    def weighted(self) -> Money:
        """Amount x probability / 100."""
        return weighted(self.amount, self.stage.probability)


@attrs.frozen
class Won:
    """A deal that was won: what it brought, if that was said, and when."""

    deal_id: str
    title: str
    amount: Money | None
    closed_at: datetime


@attrs.frozen
class Row:
    """One month (None: no date was said) in one currency.

    `best` is all open deals at full amount, `commit` those whose chance is at the threshold or above, `weighted` each
    at its chance. `won` is what was won in the month already, which is in none of the others.
    """

    month: date | None
    currency: str
    deals: int = 0
    weighted: int = 0
    commit: int = 0
    best: int = 0
    won_deals: int = 0
    won: int = 0

    def money(self, name: str) -> Money:
        """One of the figures as money."""
        return Money(getattr(self, name), self.currency)


@attrs.frozen
class Forecast:
    """A forecast: its rows, the lines and the deals won that they are made of, and the deals left out, by id."""

    rows: tuple[Row, ...]
    lines: tuple[Line, ...]
    won: tuple[Won, ...]
    without_amount: tuple[str, ...]
    commit_from: int


# Months, in the company's time zone -----------------------------------------------------------------------------


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after it. Raises `ValueRefused` at the end of the calendar."""
    try:
        return (month.replace(day=1) + timedelta(days=32)).replace(day=1)
    except OverflowError:
        raise ValueRefused("no calendar goes that far; give an earlier month") from None


def month_starts(month: date, zone: ZoneInfo) -> datetime:
    """When a month begins where the company is."""
    return datetime.combine(month, time(), zone)


# What it is made of ---------------------------------------------------------------------------------------------


def lines(reader: Reader, pipeline: Pipeline | None = None) -> tuple[list[Line], list[str]]:
    """A line for each open deal with an amount, and the ids of those without one. Lost deals never count."""
    stages = {each.id: each for each in stages_of(reader, pipeline) if each.category == "open"}
    found: list[Line] = []
    bare: list[str] = []
    if stages:
        for columns in reader.columns(Deal, READ, where.stage_id.in_(list(stages))):
            for id, title, stage_id, amount, close in zip(*columns, strict=True):
                if amount is None:
                    bare.append(id)
                else:
                    found.append(Line(id, title, stages[stage_id], amount, close))
    return found, bare


def won_between(
    reader: Reader, begin: datetime, end: datetime, pipeline: Pipeline | None = None
) -> list[Won]:
    """The deals won from one moment until before another, in the order in which they were."""
    stages = [each.id for each in stages_of(reader, pipeline) if each.category == "won"]
    conditions = (where.closed_at >= begin, where.closed_at < end, where.stage_id.in_(stages))
    batches = reader.columns(Deal, READ_OF_WON, *conditions) if stages else ()
    found = (Won(*row) for columns in batches for row in zip(*columns, strict=True))
    return sorted(found, key=lambda each: (each.closed_at, each.deal_id))


def forecast(
    reader: Reader,
    begin: date,
    end: date,
    *,
    commit_from: int,
    pipeline: Pipeline | None = None,
) -> Forecast:
    """The forecast with what was won from the month of `begin` until before that of `end`; open deals are all in it."""
    zone = ZoneInfo(reader.company.timezone)
    found, bare = lines(reader, pipeline)
    won = won_between(
        reader, month_starts(month_of(begin), zone), month_starts(month_of(end), zone), pipeline
    )
    rows = added_up(found, won, commit_from, zone)
    return Forecast(tuple(rows), tuple(found), tuple(won), tuple(bare), commit_from)


def added_up(
    found: Iterable[Line], won: Iterable[Won], commit_from: int, zone: ZoneInfo
) -> list[Row]:
    """The rows of lines and of deals won, by month and currency; those without a date come last."""
    sums: dict[tuple[date | None, str], Counter[str]] = defaultdict(Counter)
    for each in found:
        month = None if each.expected_close is None else month_of(each.expected_close)
        row = sums[month, each.amount.currency]
        row["deals"] += 1
        row["weighted"] += each.weighted.minor
        row["best"] += each.amount.minor
        if each.stage.probability >= commit_from:
            row["commit"] += each.amount.minor
    for deal in won:
        if deal.amount is not None:
            month = month_of(deal.closed_at.astimezone(zone).date())
            row = sums[month, deal.amount.currency]
            row["won_deals"] += 1
            row["won"] += deal.amount.minor
    rows = [Row(month, currency, **figures) for (month, currency), figures in sums.items()]
    return sorted(rows, key=lambda row: (row.month or date.max, row.currency))
