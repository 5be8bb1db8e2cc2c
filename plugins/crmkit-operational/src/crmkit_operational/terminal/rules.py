"""`crm rule`: what is done by itself; its trial on the past, runs and report are in `rule_runs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click

from crmkit import ConfigError, CrmError, Kind, Where, where
from crmkit.cli.app import App
from crmkit.cli.command import many
from crmkit.cli.conditions import condition
from crmkit.cli.output import note, show
from crmkit.cli.width import escaped
from crmkit_operational.automation.finding import rule_named
from crmkit_operational.automation.kinds import Rule
from crmkit_operational.automation.ready import ready
from crmkit_operational.automation.triggers import Reached
from crmkit_operational.automation.wording import action_text, condition_text, trigger_text
from crmkit_operational.automation.writing import Written, read_file, values_of
from crmkit_operational.terminal.reading import DeskGroup, said
from crmkit_operational.terminal.triggers import trigger_words
from crmkit_operational.words import _

__all__ = ["NAME", "rule"]

rule = DeskGroup("rule", help="What is done by itself, and what it did.")

NAME = click.Argument(["name"])


@rule.define(
    "add",
    NAME,
    click.Option(["--on"], required=True, metavar="KIND", help="Of which kind the records are."),
    click.Option(
        ["--when"],
        required=True,
        metavar="TRIGGER",
        help="created, changed FIELD [from A] [to B], every 1h, at 09:00, 3d after FIELD, 7d before FIELD.",
    ),
    many("--if", "if_", "CONDITION", help="Only if it fulfils this, as in 'priority=urgent'."),
    many(
        "--do", "do", "ACTION", help="What is done, as in 'set team=vip'; see `crm rule actions`."
    ),
    click.Option(["--position"], type=int, default=100, help="Rules run in this order."),
    click.Option(
        ["--minutes", "minutes_saved"],
        type=click.IntRange(0, 10_000),
        default=0,
        help="How much work a run saves.",
    ),
    click.Option(["--enable", "enabled"], is_flag=True, help="Switch it on at once."),
)
def add(app: App, **given: Any) -> None:
    """Add a rule; it does nothing until it is enabled."""
    values = values_of(app.handle, Written(**given), _reader(app))
    with app.handle.transaction() as tx:
        made = tx.add(Rule(**values))
    _shown(app, made)
    _said_of_index(app, made)


def _reader(app: App) -> Any:
    def read(kind: Kind, text: str) -> Where:
        return condition(app, kind, text)

    return read


def _said_of_index(app: App, made: Rule) -> None:
    trigger = ready(app.handle, made).trigger
    if isinstance(trigger, Reached):
        kind = app.kind(made.on)
        paths = {each["path"] for each in made.conditions if each.get("op") in {"eq", "in"}}
        if not any(_serves(columns, trigger.field, paths) for columns in kind.indexes):
            text = _(
                "{kind} has no index on {field}: each minute looks through what fulfils the conditions"
            )
            note(text.format(kind=kind.name, field=trigger.field))


def _serves(columns: Sequence[str], path: str, fixed: set[str]) -> bool:
    return path in columns and set(columns[: columns.index(path)]) <= fixed


def _row(app: App, each: Rule) -> dict[str, Any]:
    return {
        "name": each.name,
        "enabled": each.enabled,
        "on": each.on,
        "when": _when(app, each),
        "if": [condition_text(one) for one in each.conditions],
        "do": [action_text(one) for one in each.actions],
        "position": each.position,
        "minutes_saved": each.minutes_saved,
        "since": each.since,
        "id": each.id,
    }


def _when(app: App, each: Rule) -> str:
    if app.format != "table" or each.on not in app.crm.schema.kinds:
        return trigger_text(each.trigger)
    return trigger_words(app, app.kind(each.on), each.trigger)


def _columns() -> dict[str, str]:
    return {
        "name": _("Name"),
        "enabled": _("Enabled"),
        "on": _("Kind"),
        "when": _("When"),
        "if": _("If"),
        "do": _("Do"),
        "position": _("Position"),
        "minutes_saved": _("Minutes saved by a run"),
        "since": _("Enabled since"),
        "id": _("Id"),
    }


def _shown(app: App, each: Rule) -> None:
    row, written = _row(app, each), trigger_text(each.trigger)
    if row["when"] != written:  # what a rule is written with is typed again, in whatever language
        row["when"] = f"{row['when']} ({written})"
    show(app, [row], _columns(), one=True)


@rule.define("list")
def list_rules(app: App) -> None:
    """The rules, in the order in which they run."""
    rows = [_row(app, each) for each in app.handle.find(Rule, order=("position", "name"))]
    names = ("position", "name", "enabled", "on", "when", "if", "do")
    columns = {name: _columns()[name] for name in names}
    show(app, rows, columns, empty=_("no rules yet; add one with `crm rule add`"))


@rule.define("show", NAME)
def show_rule(app: App, name: str) -> None:
    """A rule, as one would write it."""
    _shown(app, rule_named(app.handle, name))


@rule.define("actions")
def list_actions(app: App) -> None:
    """What rules can do, and which plugin brings it."""
    from crmkit_operational.automation.registry import actions

    rows = [
        {
            "name": name,
            "takes": [
                each.name if each.name != "values" else "FIELD=VALUE"
                for each in attrs.fields(brought.action.parameters)
            ],
            "summary": _(brought.action.summary),
            "plugin": brought.plugin.name,
        }
        for name, brought in actions(app.crm.plugins).items()
    ]
    columns = {"name": _("Name"), "takes": _("Takes"), "summary": _("What it does")}
    show(app, rows, {**columns, "plugin": _("Plugin")})


@rule.define(
    "enable",
    NAME,
    click.Option(
        ["--since"], metavar="TIME", help="For times that are reached: from then on, as in 30d."
    ),
)
def enable(app: App, name: str, since: str | None) -> None:
    """Switch a rule on, for what happens from now on."""
    found = rule_named(app.handle, name)
    changes: dict[str, Any] = {"enabled": True}
    if since is not None:
        if found.trigger.get("type") != "reached":
            raise click.UsageError(_("--since is for rules on a time that is reached"))
        from crmkit_operational.terminal.rule_runs import moment_of

        changes["since"] = moment_of(app, since)
    with app.handle.transaction() as tx:
        tx.update(found.evolve(**changes))
    note(_("{name} is enabled").format(name=escaped(name)))


@rule.define("disable", NAME)
def disable(app: App, name: str) -> None:
    """Switch a rule off."""
    with app.handle.transaction() as tx:
        tx.update(rule_named(tx, name).evolve(enabled=False))
    note(_("{name} is disabled").format(name=escaped(name)))


@rule.define("remove", NAME, click.Option(["--yes"], is_flag=True, help="Do not ask."))
def remove(app: App, name: str, yes: bool) -> None:
    """Delete a rule and the records of its runs; what it did stays."""
    found = rule_named(app.handle, name)
    if not yes:
        click.confirm(_("Delete {title}?").format(title=escaped(name)), abort=True, err=True)
    with app.handle.transaction() as tx:
        tx.delete(found)
    note(_("deleted {title}").format(title=escaped(name)))


@contextmanager
def _named(file: Path, name: str) -> Iterator[None]:
    """What is wrong with one rule of a file says which."""
    try:
        yield
    except CrmError as error:
        raise ConfigError(f"{file} rule {name!r}: {error}") from error


@rule.define("load", click.Argument(["file"], type=click.Path(path_type=Path)))
def load(app: App, file: Path) -> None:
    """Bring in the rules of a TOML file: new ones are added, those of a known name changed; all or none."""
    read = _reader(app)
    rows, found = [], read_file(file)
    with app.handle.transaction() as tx:
        for each in found:
            with _named(file, each.name):
                values = values_of(tx, each, read)
                known = next(iter(tx.find(Rule, where.name == each.name, limit=1)), None)
                made = (
                    tx.add(Rule(**values)) if known is None else tx.update(known.evolve(**values))
                )
            did = "added" if known is None else "changed"
            same = known is not None and known.version == made.version
            rows.append({"name": made.name, "result": said(app, "as it was" if same else did)})
    show(app, rows, {"name": _("Name"), "result": _("Result")}, empty=_("the file has no rules"))


def _with_runs() -> None:
    from crmkit_operational.terminal import rule_runs

    for each in rule_runs.COMMANDS:
        rule.add_command(each)


_with_runs()
