"""`crm report`: the reports there are, and asking one."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import click

from crmkit.cli.app import App, app_of
from crmkit.cli.command import Group, Time, adopt, define
from crmkit.cli.output import show
from crmkit_analytical.report.definition import Parameter, Report
from crmkit_analytical.report.registry import named, reports
from crmkit_analytical.words import _

__all__ = ["report"]

FORMATS = ("table", "json", "csv", "svg", "html")


class Reports(Group):
    """`list`, and a command for each report that there is."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """`list`, or the report of that name."""
        found = super().get_command(ctx, cmd_name)
        return found or adopt(_command(named(app_of(ctx).crm, cmd_name)))

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The questions that the reports answer."""
        own = super().summaries(ctx)
        return [*own, *((each.name, each.question) for each in reports(app_of(ctx).crm).values())]


report = Reports("report", help="Answers that can be checked.")


@report.define("list")
def show_list(app: App) -> None:
    """The reports there are, and what each answers."""
    rows = [
        {"report": each.name, "text": _(each.question), "window": _(each.window)}
        for each in reports(app.crm).values()
    ]
    columns = {"report": _("Report"), "text": _("Question")}  # a text is never cut
    if app.format == "csv":
        columns["window"] = _("Window")
    show(app, rows, columns)


# Asking one -----------------------------------------------------------------------------------------------------


class Moment(Time):
    """A day, or a time; see `App.time`."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """A day as it is, a time in UTC."""
        with suppress(ValueError, AttributeError):
            return date.fromisoformat(value.strip())
        return super().convert(value, param, ctx)


class Day(click.ParamType[date]):
    """A day that a person writes, as in 2026-03-01."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """The day."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value.strip())
        except ValueError:
            text = _("{value} is no day; write it as in 2026-03-01")
            self.fail(text.format(value=repr(value)[:60]), param, ctx)


TYPES: dict[str, click.ParamType[Any]] = {
    "text": click.STRING,
    "whole": click.IntRange(0),
    "number": click.FLOAT,
    "share": click.FloatRange(0, 1),
    "days": click.FloatRange(0, min_open=True),
    "date": Day(),
    "flag": click.BOOL,
}


def _command(found: Report) -> click.Command:
    options = [
        click.Option(["--since"], type=Moment(), help=_("From when on: a day, or a time.")),
        click.Option(
            ["--until"], type=Moment(), help=_("Until when: a day, which is in it, or a time.")
        ),
        *map(_option, found.all_parameters),
        click.Option(["--explain"], is_flag=True, help=_("How each figure came about.")),
        click.Option(
            ["--format", "shape"], type=click.Choice(FORMATS), help=_("How to print the answer.")
        ),
    ]

    def run(app: App, shape: str | None, explain: bool, **given: Any) -> None:
        from crmkit_analytical.terminal.answering import answer

        answer(app, found, shape or app.format, explain, given)

    run.__doc__ = _(found.question)
    return define(found.name, *options)(run)


def _option(parameter: Parameter) -> click.Option:
    kind = click.Choice(parameter.choices) if parameter.choices else TYPES[parameter.takes]
    is_flag = parameter.takes == "flag" and not parameter.choices
    return click.Option(
        [f"--{parameter.name.replace('_', '-')}", parameter.name],
        type=None if is_flag else kind,
        is_flag=is_flag,
        help=_(parameter.help),
    )
