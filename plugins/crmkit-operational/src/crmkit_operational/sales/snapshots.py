"""Forecasts that are kept, line by line, and how far they were from what was won."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import attrs

from crmkit import Money, Reader, Transaction, where
from crmkit_operational.sales.forecast import (
    Won,
    lines,
    month_of,
    month_starts,
    next_month,
    won_between,
)
from crmkit_operational.sales.kinds import ForecastLine, Pipeline
from crmkit_operational.sales.money import weighted
from crmkit_operational.sales.settings import Settings

__all__ = ["Period", "accuracy", "keep", "keep_if_due", "taken", "wape"]

BATCH = 1_000


# Keeping --------------------------------------------------------------------------------------------------------


def keep(tx: Transaction, now: datetime) -> int:
    """Keep the forecast of now, a line for each open deal with an amount; returns how many lines that are."""
    found, _ = lines(tx)
    kept = [
        ForecastLine(
            taken_at=now,
            deal_id=each.deal_id,
            pipeline_id=each.stage.pipeline_id,
            amount=each.amount,
            probability=each.stage.probability,
            expected_close=each.expected_close,
        )
        for each in found
    ]
    for start in range(0, len(kept), BATCH):
        tx.add_all(kept[start : start + BATCH])
    return len(kept)


def keep_if_due(tx: Transaction, now: datetime) -> None:
    """The worker `sales-forecast`: keep one, unless one was kept in this day or week, as the settings say."""
    often = tx.settings(Settings).keep_forecast
    if often == "never":
        return
    tx.lock("operational/forecast")
    begin = _began(now, often, ZoneInfo(tx.company.timezone))
    if not any(tx.find(ForecastLine, where.taken_at >= begin, limit=1)):
        keep(tx, now)


def _began(now: datetime, often: str, zone: ZoneInfo) -> datetime:
    """When the day or the week of a moment began where the company is; a week begins on Monday."""
    day = now.astimezone(zone).date()
    first = day - timedelta(days=day.weekday() if often == "week" else 0)
    return datetime.combine(first, time(), zone)


def taken(reader: Reader) -> list[datetime]:
    """When forecasts were kept, oldest first, of which the actor may see a line."""
    return [each.group[0] for each in reader.totals(ForecastLine, by="taken_at")]


# Measuring ------------------------------------------------------------------------------------------------------


@attrs.frozen
class Period:
    """A month in one currency: what was forecast, by the lines of one snapshot, and what was won.

    `taken_at` is None if no forecast had been kept by then; then the month is in no error.
    """

    month: date
    currency: str
    taken_at: datetime | None
    lines: tuple[ForecastLine, ...]
    won: tuple[Won, ...]

    @property
    def forecast(self) -> Money:
        """The weighted lines, added up."""
        minor = sum(weighted(each.amount, each.probability).minor for each in self.lines)
        return Money(minor, self.currency)

    @property
    def actual(self) -> Money:
        """What was won, added up."""
        return Money(sum(each.amount.minor for each in self.won if each.amount), self.currency)

    @property
    def error(self) -> Money | None:
        """The distance between the two; None without a forecast."""
        if self.taken_at is None:
            return None
        return Money(abs(self.actual.minor - self.forecast.minor), self.currency)


def accuracy(
    reader: Reader, begin: date, end: date, pipeline: Pipeline | None = None
) -> list[Period]:
    """The months from `begin` until before `end`, each with the last forecast kept before it began, by currency.

    Where none was kept before, it is the first one kept in that month.
    """
    kept = taken(reader)
    zone = ZoneInfo(reader.company.timezone)
    found: list[Period] = []
    month = month_of(begin)
    while month < end:
        edges = month_starts(month, zone), month_starts(next_month(month), zone)
        at = _snapshot(kept, *edges)
        won = won_between(reader, *edges, pipeline)
        found += _periods(month, at, list(_lines(reader, at, month, pipeline)), won)
        month = next_month(month)
    return found


def _snapshot(kept: Sequence[datetime], begin: datetime, end: datetime) -> datetime | None:
    before = [each for each in kept if each <= begin]
    within = [each for each in kept if begin < each < end]
    return before[-1] if before else within[0] if within else None


def _lines(
    reader: Reader, at: datetime | None, month: date, pipeline: Pipeline | None
) -> Iterator[ForecastLine]:
    if at is not None:
        own = [] if pipeline is None else [where.pipeline_id == pipeline.id]
        days = (where.expected_close >= month, where.expected_close < next_month(month))
        yield from reader.find(ForecastLine, where.taken_at == at, *days, *own)


def _periods(
    month: date, at: datetime | None, kept: Sequence[ForecastLine], won: Sequence[Won]
) -> Iterator[Period]:
    amounts = [each.amount for each in kept] + [each.amount for each in won if each.amount]
    currencies = {each.currency for each in amounts}
    for currency in sorted(currencies):
        own = tuple(each for each in kept if each.amount.currency == currency)
        brought = tuple(each for each in won if each.amount and each.amount.currency == currency)
        yield Period(month, currency, at, own, brought)


def wape(periods: Iterable[Period]) -> Decimal | None:
    """The weighted absolute percentage error of periods in one currency: sum |actual - forecast| / sum actual.

    Kolassa and Schuetz (2007), "Advantages of the MAD/Mean ratio over the MAPE". Periods without a forecast are left
    out. None if nothing was won in the others: then it is undefined.
    """
    measured = [each for each in periods if each.error is not None]
    actual = sum(each.actual.minor for each in measured)
    error = sum(each.error.minor for each in measured if each.error)
    return Decimal(error) / actual if actual else None
