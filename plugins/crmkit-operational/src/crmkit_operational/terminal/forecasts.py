"""`crm forecast`: what deals are expected to bring, and how good such forecasts were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import click

from crmkit import ValueRefused
from crmkit.cli.app import App
from crmkit.cli.command import Group
from crmkit.cli.output import note, show, write_json
from crmkit_operational.finding import named
from crmkit_operational.sales.forecast import Forecast, Row, forecast, month_of, next_month
from crmkit_operational.sales.kinds import Pipeline
from crmkit_operational.sales.settings import Settings
from crmkit_operational.sales.snapshots import Period, accuracy, keep, wape
from crmkit_operational.words import _

__all__ = ["forecast_group"]

FIGURES = ("weighted", "commit", "best", "won")


class Month(click.ParamType[date]):
    """A month that a person writes, as in 2026-03; its first day."""

    name = "month"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """The first day of it."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(f"{value.strip()}-01")
        except ValueError:
            text = _("{value} is no month; write it as in 2026-03")
            self.fail(text.format(value=repr(value)[:60]), param, ctx)


PIPELINE = click.Option(["--pipeline"], metavar="NAME", help="Only this pipeline.")
EXPLAIN = click.Option(["--explain"], is_flag=True, help="What each figure is made of.")
MONTHS = click.IntRange(1, 120)

forecast_group = Group(
    "forecast", help="What deals are expected to bring, and how good such forecasts were."
)


def _month(app: App) -> date:
    return month_of(app.crm.clock().astimezone(app.timezone).date())


def _pipeline(app: App, name: str | None) -> Pipeline | None:
    return None if name is None else named(app.handle, Pipeline, name)


# What is expected -----------------------------------------------------------------------------------------------


@forecast_group.define(
    "show",
    PIPELINE,
    click.Option(["--won-from", "begin"], type=Month(), help="From which month on to show what was won; else this."),
    click.Option(["--commit-from"], type=click.IntRange(0, 100), help="The chance in percent from which on a deal is committed."),
    EXPLAIN,
)  # fmt: skip
def show_forecast(
    app: App, pipeline: str | None, begin: date | None, commit_from: int | None, explain: bool
) -> None:
    """What open deals are expected to bring by month and currency, and what was won there already."""
    settings = app.crm.settings(Settings)
    found = forecast(
        app.handle,
        begin or _month(app),
        next_month(_month(app)),
        commit_from=settings.commit_from if commit_from is None else commit_from,
        pipeline=_pipeline(app, pipeline),
    )
    if app.format == "json" and explain:
        write_json(_document(found))
        return
    if not (explain and app.format == "csv"):
        empty = _("no open deal has an amount, and none was won")
        show(app, [_row(app, each) for each in found.rows], _columns(), empty=empty)
    if explain:
        _explain(app, found)
    elif found.without_amount:
        note(_("{count} open deals have no amount").format(count=len(found.without_amount)))


def _columns() -> dict[str, str]:
    return {
        "month": _("Month"),
        "currency": _("Currency"),
        "deals": _("Deals"),
        "weighted": _("Weighted"),
        "commit": _("Commit"),
        "best": _("Best case"),
        "won_deals": _("Deals won"),
        "won": _("Won"),
    }


def _row(app: App, each: Row) -> dict[str, Any]:
    month = each.month and f"{each.month:%Y-%m}"
    if month is None and app.format == "table":
        month = _("without a date")
    own = {"month": month, "currency": each.currency, "deals": each.deals}
    return own | {"won_deals": each.won_deals} | {name: each.money(name) for name in FIGURES}


def _lines(found: Forecast) -> list[dict[str, Any]]:
    return [
        {
            "month": each.expected_close and f"{each.expected_close:%Y-%m}",
            "title": each.title,
            "stage": each.stage.name,
            "amount": each.amount,
            "probability": each.stage.probability,
            "weighted": each.weighted,
            "id": each.deal_id,
        }
        for each in sorted(
            found.lines, key=lambda each: (each.expected_close or date.max, each.deal_id)
        )
    ]


def _won(found: Forecast) -> list[dict[str, Any]]:
    return [
        {
            "closed_at": each.closed_at,
            "title": each.title,
            "amount": each.amount,
            "id": each.deal_id,
        }
        for each in found.won
    ]


def _explain(app: App, found: Forecast) -> None:
    columns = {"month": _("Month"), "title": _("Title"), "stage": _("Stage")}
    columns |= {"amount": _("Amount"), "probability": "%", "weighted": _("Weighted")}
    show(app, _lines(found), columns | {"id": _("Id")}, heading=_("Open deals"))
    if app.format == "table":
        columns = {"closed_at": _("Closed at"), "title": _("Title"), "amount": _("Amount")}
        show(app, _won(found), columns | {"id": _("Id")}, heading=_("Deals won"))
    for line in _rules(found):
        note(line)


def _rules(found: Forecast) -> list[str]:
    commit = _("commit: open deals with a chance of {percent}% or more, at full amount")
    said = [
        _("weighted: amount x chance / 100 of each open deal, rounded half up to the minor unit"),
        commit.format(percent=found.commit_from),
        _("best case: all open deals at full amount; lost deals are in no figure"),
        _("won: deals by the month in which they were won; they are in no other figure"),
    ]
    if found.without_amount:
        text = _("left out, since they have no amount: {ids}")
        said.append(text.format(ids=", ".join(found.without_amount)))
    if bare := [each.deal_id for each in found.won if each.amount is None]:
        text = _("won without an amount, so in no figure: {ids}")
        said.append(text.format(ids=", ".join(bare)))
    return said


def _document(found: Forecast) -> dict[str, Any]:
    rows = [
        {
            "month": each.month and f"{each.month:%Y-%m}",
            "currency": each.currency,
            "deals": each.deals,
        }
        | {"won_deals": each.won_deals}
        | {name: each.money(name) for name in FIGURES}
        for each in found.rows
    ]
    return {
        "parameters": {"commit_from": found.commit_from},
        "rows": rows,
        "lines": _lines(found),
        "won": _won(found),
        "without_amount": found.without_amount,
    }


# Keeping and measuring ------------------------------------------------------------------------------------------


@forecast_group.define("keep")
def keep_forecast(app: App) -> None:
    """Keep the forecast of now, so that its accuracy can be measured; `crm work` does it by itself."""
    now = app.crm.clock()
    with app.handle.transaction() as tx:
        tx.lock("operational/forecast")
        count = keep(tx, now)
    show(app, [{"taken_at": now, "lines": count}], {"taken_at": _("Taken at"), "lines": _("Lines")}, one=True)  # fmt: skip


@forecast_group.define(
    "accuracy",
    click.Option(["--from", "begin"], type=Month(), help="From this month on; else six months back."),
    click.Option(["--months"], type=MONTHS, default=6, show_default=True, help="How many months."),
    PIPELINE,
    EXPLAIN,
)  # fmt: skip
def show_accuracy(
    app: App, begin: date | None, months: int, pipeline: str | None, explain: bool
) -> None:
    """How far the forecasts that were kept were from what was won: the WAPE of the months that are over."""
    begin = begin or _back(_month(app), months)
    end = begin
    for _each in range(months):
        end = next_month(end)
    periods = accuracy(app.handle, begin, end, _pipeline(app, pipeline))
    rows = [_period(app, each, explain) for each in periods]
    if app.format == "json":
        write_json({"periods": rows, "wape": _wapes(periods)})
        return
    columns = {"month": _("Month"), "currency": _("Currency"), "taken_at": _("Taken at")}
    columns |= {"forecast": _("Forecast"), "actual": _("Won"), "error": _("Error")}
    if explain:
        columns |= {"lines": _("Forecast lines"), "won": _("Deals won")}
    show(app, rows, columns, empty=_("nothing was forecast or won in these months"))
    for currency, value in _wapes(periods).items():
        note(_wape(currency, value))
    if explain:
        note(_explained())


def _explained() -> str:
    return _(
        "WAPE: the sum of the errors / the sum of what was won, over the months with a forecast; the forecast is the "
        "weighted one of the last snapshot before the month began, else of the first one in it"
    )


def _back(month: date, count: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 - count, 12)
    if year < 1:
        raise ValueRefused("no calendar goes that far; give fewer --months")
    return date(year, index + 1, 1)


def _period(app: App, each: Period, explain: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "month": f"{each.month:%Y-%m}",
        "currency": each.currency,
        "taken_at": each.taken_at or (_("none was kept") if app.format == "table" else None),
        "forecast": each.forecast if each.taken_at else None,
        "actual": each.actual,
        "error": each.error,
    }
    if explain or app.format == "json":
        row["lines"] = [one.id for one in each.lines]
        row["won"] = [one.deal_id for one in each.won]
    return row


def _wapes(periods: Sequence[Period]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for currency in sorted({each.currency for each in periods}):
        value = wape([each for each in periods if each.currency == currency])
        found[currency] = None if value is None else round(float(value), 4)
    return found


def _wape(currency: str, value: float | None) -> str:
    if value is None:
        text = _("{currency}: WAPE is undefined, for nothing was won in a month with a forecast")
        return text.format(currency=currency)
    return _("{currency}: WAPE {percent}%").format(currency=currency, percent=f"{100 * value:.1f}")
