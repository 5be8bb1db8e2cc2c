"""`crm pipeline`: pipelines, their stages, and what holds in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crmkit import where
from crmkit.cli.app import App
from crmkit.cli.command import many
from crmkit.cli.output import document, note, show
from crmkit_operational.finding import named
from crmkit_operational.sales.finding import only_pipeline, stages_of
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage
from crmkit_operational.sales.pipelines import (
    add_pipeline,
    decided,
    first_pipeline,
    put_at,
    read_step,
)
from crmkit_operational.sales.rules import SURE
from crmkit_operational.terminal.reading import DeskGroup, said
from crmkit_operational.words import _

__all__ = ["pipeline"]

PIPELINE, NAME = click.Argument(["pipeline"]), click.Argument(["name"])
PERCENT, DAYS = click.IntRange(0, 100), click.IntRange(1, 36_500)
CATEGORY = click.Choice(["open", "won", "lost"])

pipeline = DeskGroup("pipeline", help="Pipelines and their stages.")
stage = DeskGroup("stage", help="The stages of a pipeline.")
pipeline.add_command(stage)


# Looking --------------------------------------------------------------------------------------------------------


@pipeline.define("list")
def list_pipelines(app: App) -> None:
    """The pipelines, with how many stages and open deals each has."""
    stages = stages_of(app.handle)
    counts = {
        each.group[0]: each.count
        for each in app.handle.totals(Deal, where.closed_at.missing(), by="stage_id")
    }
    rows = []
    for each in app.handle.find(Pipeline, order="name"):
        own = [one.id for one in stages if one.pipeline_id == each.id]
        open_deals = sum(counts.get(id, 0) for id in own)
        rows.append({"name": each.name, "stages": len(own), "open": open_deals, "id": each.id})
    columns = {"name": _("Name"), "stages": _("Stages"), "open": _("Open deals"), "id": _("Id")}
    show(app, rows, columns, empty=_("there is no pipeline yet; `crm pipeline init` makes one"))


@pipeline.define("show", click.Argument(["pipeline"], required=False))
def show_pipeline(app: App, pipeline: str | None) -> None:
    """The stages of a pipeline and what holds in each; without a name, of the only one."""
    _shown(app, only_pipeline(app.handle, pipeline, how=""))


def _shown(app: App, found: Pipeline) -> None:
    stages = stages_of(app.handle, found)
    names = {each.id: each.name for each in stages}
    kind = app.kind("stage")
    fields = ("name", "category", "probability", "rot_days", "required", "allowed_next")
    labels = {"position": "#"} | {name: app.label(kind.field(name)) for name in fields}
    show(app, [_row(app, each, names) for each in stages], labels | {"id": _("Id")})


def _row(app: App, each: Stage, names: dict[str, str]) -> dict[str, Any]:
    if app.format != "table":
        return document(app.kind("stage"), each)
    deal = app.kind("deal")
    required = [app.label(deal.field(path)) for path in each.required if path in deal.fields]
    return {
        "position": each.position,
        "name": each.name,
        "category": said(app, each.category),
        "probability": f"{each.probability}%",
        "rot_days": each.rot_days,
        "required": required,
        "allowed_next": [names.get(id, id) for id in each.allowed_next],
        "id": each.id,
    }


# Making ---------------------------------------------------------------------------------------------------------


@pipeline.define("init")
def init(app: App) -> None:
    """Make a pipeline to begin with, and reasons for losing deals, in your language."""
    with app.handle.transaction() as tx:
        made = first_pipeline(tx, _)
    _shown(app, made)
    note(_("made the pipeline {name}; `crm pipeline stage set` changes it").format(name=made.name))


def _words() -> tuple[str, ...]:
    """What a pipeline to begin with is made of, for the catalogs."""
    open_ones = (_("Qualification"), _("Needs analysis"), _("Proposal"), _("Negotiation"))
    reasons = (_("Price"), _("Competitor"), _("No budget"), _("No decision"), _("No reply"))
    return (*open_ones, *reasons, _("Sales"), _("Other reason"))


@pipeline.define(
    "add",
    NAME,
    many("--stage", "steps", "'NAME, CHANCE'", help="An open stage, with its chance in percent."),
    click.Option(["--won"], metavar="NAME", help="What the stage is called where deals are won."),
    click.Option(["--lost"], metavar="NAME", help="What it is called where they are lost."),
)
def add(app: App, name: str, steps: Sequence[str], won: str | None, lost: str | None) -> None:
    """Add a pipeline with its stages in this order, and print it."""
    wanted = [read_step(each) for each in steps]
    if not wanted:
        raise click.UsageError("Missing option '--stage'; write it as in --stage 'Proposal, 50'.")
    with app.handle.transaction() as tx:
        made = add_pipeline(tx, name, [*wanted, *decided(won or _("Won"), lost or _("Lost"))])
    _shown(app, made)


# Stages ---------------------------------------------------------------------------------------------------------

STAGE = click.Argument(["stage"])
BEFORE = click.Option(["--before"], metavar="STAGE", help="Put it before this one; else last.")
OPTIONS = (
    click.Option(["--chance"], type=PERCENT, help="The chance in percent that a deal is won."),
    click.Option(["--category"], type=CATEGORY, help="Whether deals there are open, won or lost."),
    click.Option(["--rot-days"], type=DAYS, help="After how many days without activity deals rot."),
    many("--require", "require", "FIELD", help="A field of deals that must have a value there."),
    many("--next", "next_", "STAGE", help="To where deals may go on from there."),
)


@stage.define("add", PIPELINE, NAME, *OPTIONS, BEFORE)
def add_stage(app: App, pipeline: str, name: str, before: str | None, **given: Any) -> None:
    """Add a stage to a pipeline, and print the pipeline."""
    with app.handle.transaction() as tx:
        found = named(tx, Pipeline, pipeline)
        within = where.pipeline_id == found.id
        made = Stage(pipeline_id=found.id, name=name, position=len(stages_of(tx, found)) + 1)
        stored = tx.add(_set(tx, made, found, **given))
        put_at(tx, found, stored, named(tx, Stage, before, within) if before else None)
    _shown(app, found)


@stage.define(
    "set",
    PIPELINE,
    STAGE,
    *OPTIONS,
    click.Option(["--name"], help="Another name."),
    click.Option(["--never-rots"], is_flag=True, help="Deals do not rot there."),
    click.Option(["--require-nothing"], is_flag=True, help="No field is needed there."),
    click.Option(["--next-any"], is_flag=True, help="Deals may go on to any stage."),
)
def set_stage(app: App, pipeline: str, stage: str, **given: Any) -> None:
    """Change what holds in a stage, and print the pipeline."""
    if all(each in (None, False, ()) for each in given.values()):
        raise click.UsageError(_("nothing is to be changed; give an option"))
    with app.handle.transaction() as tx:
        found = named(tx, Pipeline, pipeline)
        one = named(tx, Stage, stage, where.pipeline_id == found.id)
        emptied = {
            "rot_days": None if given.pop("never_rots") else one.rot_days,
            "required": () if given.pop("require_nothing") else one.required,
            "allowed_next": () if given.pop("next_any") else one.allowed_next,
            "name": one.name if (name := given.pop("name")) is None else name,
        }
        tx.update(_set(tx, one.evolve(**emptied), found, **given))
    _shown(app, found)


def _set(
    tx: Any,
    one: Stage,
    found: Pipeline,
    *,
    chance: int | None,
    category: Any,
    rot_days: int | None,
    require: Sequence[str],
    next_: Sequence[str],
) -> Stage:
    within = where.pipeline_id == found.id
    names = {"required": tuple(require)} if require else {}
    if next_:
        names["allowed_next"] = tuple(named(tx, Stage, each, within).id for each in next_)
    sure = SURE.get(category or one.category)
    known = one.probability if sure is None else sure
    changes = {
        "probability": known if chance is None else chance,
        "category": category or one.category,
        "rot_days": rot_days or one.rot_days,
    }
    return one.evolve(**changes, **names)


@stage.define("move", PIPELINE, STAGE, BEFORE)
def move_stage(app: App, pipeline: str, stage: str, before: str | None) -> None:
    """Put a stage in another place of its pipeline, and print the pipeline."""
    with app.handle.transaction() as tx:
        found = named(tx, Pipeline, pipeline)
        within = where.pipeline_id == found.id
        one = named(tx, Stage, stage, within)
        put_at(tx, found, one, named(tx, Stage, before, within) if before else None)
    _shown(app, found)


@stage.define("remove", PIPELINE, STAGE)
def remove_stage(app: App, pipeline: str, stage: str) -> None:
    """Remove a stage in which no deals are, and print the pipeline."""
    with app.handle.transaction() as tx:
        found = named(tx, Pipeline, pipeline)
        tx.delete(named(tx, Stage, stage, where.pipeline_id == found.id))
    _shown(app, found)
