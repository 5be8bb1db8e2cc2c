"""`crm rule test|runs|retry|report`: what a rule would have done, what it did, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from crmkit import ValueRefused, where
from crmkit.cli.app import App
from crmkit.cli.command import define, limit
from crmkit.cli.output import note, show
from crmkit_operational.automation.durations import duration
from crmkit_operational.automation.finding import rule_named
from crmkit_operational.automation.kinds import Rule, RuleRun
from crmkit_operational.automation.ready import Ready, ready
from crmkit_operational.automation.rehearsing import Tried, rehearse
from crmkit_operational.automation.reporting import Reported, report
from crmkit_operational.automation.retrying import retry
from crmkit_operational.automation.wording import action_text, condition_text
from crmkit_operational.terminal.reading import said, whole
from crmkit_operational.words import _, word

__all__ = ["COMMANDS", "moment_of"]

NAME = click.Argument(["name"])
MAYBE = click.Argument(["name"], required=False)
SINCE = click.Option(
    ["--since"], default="30d", show_default=True, metavar="TIME", help="From then on, as in 30d."
)
EXPLAIN = click.Option(["--explain"], is_flag=True, help="Show what each figure is made of.")
SHOWN = 20
"""How many rows of a trial are printed in a table unless it is to be explained."""


def moment_of(app: App, text: str) -> datetime:
    """The time that a person wrote: so long ago, as in 30d, or a date or time."""
    try:
        return app.crm.clock() - duration(text)
    except ValueRefused:
        try:
            return app.time(text)
        except ValueRefused:
            said = f"{text!r} is not a time; write it as in 30d, or as in 2026-03-01"
            raise ValueRefused(said) from None
    except OverflowError:
        raise ValueRefused(_("{text} is too long ago").format(text=repr(text))) from None


@define("test", NAME, SINCE, EXPLAIN)
def test(app: App, name: str, since: str, explain: bool) -> None:
    """What a rule would have done; nothing is written. Each record is seen as it was then."""
    rule = ready(app.handle, rule_named(app.handle, name))
    begun, end = moment_of(app, since), app.crm.clock()
    tried = list(rehearse(app.handle, rule, begun, end))
    ran = [each for each in tried if each.would_run]
    if app.format != "table":
        show(
            app,
            [_tried_row(app, rule, each) for each in tried],
            "at id version would_run trouble missed do",
        )
        return
    shown = tried if explain else ran[:SHOWN]
    columns = _tried_columns(explain, any(each.trouble for each in shown))
    show(app, [_tried_row(app, rule, each) for each in shown], columns)
    if len(ran) > len(shown):
        note(_("{count} more; --explain shows all").format(count=len(ran) - len(shown)))
    _summed(app, rule, tried, ran, begun, end)


def _tried_row(app: App, rule: Ready, each: Tried) -> dict[str, Any]:
    missed = [
        condition_text(rule.rule.conditions[n]) for n, held in enumerate(each.held) if not held
    ]
    return {
        "at": each.at,
        "record": rule.kind.title_of(each.record),
        "id": each.record.id,
        "version": each.record.version,
        "would_run": each.would_run,
        "trouble": each.trouble or None,
        "text": each.trouble,  # in a table, which cuts other columns
        "missed": missed,
        "do": [action_text(one) for one in each.actions],
        "cause": each.key,
    }


def _tried_columns(explain: bool, troubled: bool) -> dict[str, str]:
    more = {"version": _("Version"), "missed": _("Did not hold")} if explain else {}
    if troubled:
        more["text"] = _("Would fail")
    return {"at": _("At"), "record": _("Record"), "do": _("Would do"), **more, "id": _("Id")}


def _summed(
    app: App,
    rule: Ready,
    tried: Sequence[Tried],
    ran: Sequence[Tried],
    begun: datetime,
    end: datetime,
) -> None:
    text = _(
        "{name}, {begun} to {end}: set off: {tried}; would have run: {ran}; records: {records}"
    )
    note(
        text.format(
            name=rule.rule.name,
            begun=app.local(begun),
            end=app.local(end),
            tried=len(tried),
            ran=len(ran),
            records=len({each.record.id for each in ran}),
        )
    )
    missed: Counter[int] = Counter(
        n for each in tried for n, held in enumerate(each.held) if not held
    )
    for number in sorted(missed):
        said = condition_text(rule.rule.conditions[number])
        note(_("{condition}: did not hold: {count}").format(condition=said, count=missed[number]))
    failing = sum(bool(each.trouble) for each in ran)
    if failing:
        text = _("would have failed, as far as can be told: {count}; see `Would fail`")
        note(text.format(count=failing))
    if rule.rule.minutes_saved:
        saved = rule.rule.minutes_saved * (len(ran) - failing)
        note(_("minutes that it would have saved: {minutes}").format(minutes=saved))


@define(
    "runs",
    MAYBE,
    click.Option(["--record"], metavar="ID", help="Only those for this record."),
    click.Option(["--outcome"], type=click.Choice(["done", "failed", "loop"]), help="Only those."),
    limit(20),
)
def runs(app: App, name: str | None, record: str | None, outcome: str | None, limit: int) -> None:
    """What rules did, newest first."""
    asked: list[Any] = [where.rule_id == rule_named(app.handle, name).id] if name else []
    asked += [where.subject_id == record] if record else []
    asked += [where.outcome == outcome] if outcome else []
    found = app.handle.find(RuleRun, *asked, order="-at", limit=limit)
    _runs_shown(app, found, _("no rule has run for this yet; `crm work` runs them"))


def _runs_shown(app: App, found: Iterable[RuleRun], empty: str) -> None:
    names = {each.id: each.name for each in app.handle.find(Rule)}
    rows = [
        {
            "at": each.at,
            "rule": names.get(each.rule_id, each.rule_id),
            "outcome": said(app, each.outcome),
            "kind": each.subject_kind,
            "record": each.subject_id,
            "version": each.seen_version,
            "do": [action_text(one) for one in each.actions],
            "fields": each.fields,
            "error": each.error,
            "attempts": each.attempts,
            "again_at": each.again_at,
            "transaction": each.transaction,
            "cause": each.cause_key,
            "id": each.id,
        }
        for each in found
    ]
    columns = {"at": _("At"), "rule": _("Rule"), "outcome": _("Outcome"), "kind": _("Kind")}
    columns |= {"record": _("Record"), "do": _("Do"), "error": _("Error")}
    if any(each["again_at"] for each in rows):
        columns["again_at"] = _("Next try")
    if app.format == "table":
        rows, columns = [whole(each, "record") for each in rows], whole(columns, "record")
    show(app, rows, columns, empty=empty)
    if app.format == "table":  # a table cuts what half of is no answer
        for said_once in dict.fromkeys(
            (each["rule"], each["error"]) for each in rows if each["error"]
        ):
            note("{}: {}".format(*said_once))


@define("retry", NAME)
def try_again(app: App, name: str) -> None:
    """Try failed runs of a rule again."""
    found = retry(app.crm, app.handle, rule_named(app.handle, name))
    _runs_shown(app, found, _("no run of it has failed"))
    if any(each.outcome == "failed" for each in found):
        click.get_current_context().exit(1)


@define(
    "report",
    SINCE,
    click.Option(
        ["--within"],
        default=7,
        show_default=True,
        type=click.IntRange(1, 365),
        help="In how many days a person's change of the same field is a correction.",
    ),
    EXPLAIN,
)
def report_runs(app: App, since: str, within: int, explain: bool) -> None:
    """Runs, minutes saved, and corrections by people afterwards."""
    begun, end = moment_of(app, since), app.crm.clock() + timedelta.resolution
    found = list(report(app.handle, begun, end, timedelta(days=within)))
    rows = [
        _figures(each) | (_behind(each, begun, end, within) if explain else {}) for each in found
    ]
    columns = {"name": _("Rule"), "done": _("Done"), "failed": _("Failed"), "loops": _("Loops")}
    columns |= {"minutes": _("Minutes saved"), "changing": _("Runs that changed fields")}
    columns |= {"corrected": _("Corrected runs"), "rate": _("Rate")}
    show(app, rows, columns, empty=_("no rules yet; add one with `crm rule add`"))
    if explain and app.format == "table":
        _explained(app, found, begun, end, within)


def _figures(each: Reported) -> dict[str, Any]:
    return {
        "name": each.rule.name,
        "done": len(each.done),
        "failed": len(each.failed),
        "loops": len(each.loops),
        "minutes": each.minutes,
        "changing": len(each.changing),
        "corrected": each.corrected,
        "rate": None if each.rate is None else round(each.rate, 4),
    }


def _behind(each: Reported, begun: datetime, end: datetime, within: int) -> dict[str, Any]:
    return {
        "parameters": {
            "since": begun,
            "until": end,
            "within_days": within,
            "minutes_saved": each.rule.minutes_saved,
        },
        "done_ids": each.done,
        "failed_ids": each.failed,
        "loop_ids": each.loops,
        "changing_ids": each.changing,
        "young_ids": each.young,
        "corrections": [
            {"run": c.run, "kind": c.kind, "id": c.id, "fields": c.fields, "by": c.by, "at": c.at}
            for c in each.corrections
        ],
    }


def _explained(
    app: App, found: Sequence[Reported], begun: datetime, end: datetime, within: int
) -> None:
    text = _(
        "{begun} to {end}; a correction is a person's change of a field that the run had changed, within {days} days; "
        "rate = corrected runs / runs that changed fields"
    )
    note(text.format(begun=app.local(begun), end=app.local(end), days=within))
    for each in found:
        text = _(
            "{name}: {minutes} minutes x {count} = {product}; {young} runs are younger than that"
        )
        note(
            text.format(
                name=each.rule.name,
                minutes=each.rule.minutes_saved,
                count=len(each.done),
                product=each.minutes,
                young=len(each.young),
            )
        )
        for label, ids in (("done", each.done), ("failed", each.failed), ("loop", each.loops)):
            if ids:
                note(f"  {word(label)}: {' '.join(ids)}")
        for one in each.corrections:
            text = _("  {by} corrected {fields} of {kind} {id} after run {run}")
            fields = ", ".join(one.fields)
            note(text.format(by=one.by, fields=fields, kind=one.kind, id=one.id, run=one.run))


COMMANDS = (test, runs, try_again, report_runs)
