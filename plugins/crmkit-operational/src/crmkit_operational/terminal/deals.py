"""`crm deal`: adding deals, moving them, and how they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from crmkit import Customer, Reader, Record
from crmkit.cli.app import App
from crmkit.cli.command import Time, many
from crmkit.cli.conditions import assignments
from crmkit.cli.output import note
from crmkit.cli.records import ID, SET
from crmkit.declarations import read_kind
from crmkit_operational.finding import NoneYet, by_id, customer_called, named
from crmkit_operational.sales.finding import only_pipeline, stage_for, stages_of
from crmkit_operational.sales.kinds import Deal, LostReason, Stage
from crmkit_operational.sales.moving import lose, move, past, reopen, win
from crmkit_operational.sales.orders import convert, read_item
from crmkit_operational.terminal import boards
from crmkit_operational.terminal.reading import RecordGroup, called, said
from crmkit_operational.words import _

__all__ = ["deal"]

PIPELINE = click.Option(["--pipeline"], metavar="NAME", help="The pipeline, if there are several.")
AT = click.Option(["--at"], type=Time(), help="When it was; else now.")


class DealGroup(RecordGroup):
    """The commands of deals, which are printed with the name of their stage."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """The names of what the deal refers to, in a table in place of their ids, and what its stage means."""
        names: dict[str, Any] = {
            "customer_id": by_id(app.handle, Customer, [record["customer_id"]]),
            "stage_id": by_id(app.handle, Stage, [record["stage_id"]]),
            "lost_reason_id": by_id(app.handle, LostReason, [record["lost_reason_id"]]),
        }
        is_table, kind = app.format == "table", app.kind("deal")
        found: dict[str, tuple[str, Any]] = {}
        if is_table:
            found |= called(app, record, "customer_id", Customer, with_id=True)
        for path, others in names.items():
            for each in others.values():
                key = path if is_table else path.removesuffix("_id")
                found[key] = app.label(kind.field(path)), each.name
        for stage in names["stage_id"].values():
            found["category"] = _("Category"), said(app, stage.category)
            found["probability"] = _("Chance in percent"), stage.probability
        return found


deal = DealGroup(
    read_kind(Deal), help="Deals: where they are, what comes next, how they end.", adding="deal add"
)
for _name in ("add", "list"):
    del deal.commands[_name]
for _command in map(boards.__dict__.__getitem__, boards.__all__):
    deal.add_command(_command)


# Adding and moving ----------------------------------------------------------------------------------------------


@deal.define(
    "add",
    click.Argument(["title"]),
    click.Option(["--customer"], help="The customer, by id or by the very name."),
    click.Option(["--stage"], metavar="NAME", help="The stage; else the first."),
    PIPELINE,
    click.Option(["--amount"], metavar="MONEY", help="What it would bring, as in 1200000."),
    click.Option(["--close"], metavar="DATE", help="When it is expected to be won."),
    click.Option(["--owner"], metavar="ID", help="Whose deal it is; else yours."),
    click.Option(["--next"], metavar="TEXT", help="The next step."),
    click.Option(["--next-on"], metavar="DATE", help="When that is to happen."),
    click.Option(["--at"], type=Time(), help="When it began; else now."),
    SET,
)
def add(
    app: App,
    title: str,
    customer: str | None,
    stage: str | None,
    pipeline: str | None,
    owner: str | None,
    at: datetime | None,
    sets: Sequence[str],
    **given: str | None,
) -> None:
    """Add a deal, and print it."""
    kind = app.kind("deal")
    fields = {"amount": "amount", "close": "expected_close", "next": "next_step"}
    fields |= {"next_on": "next_step_on"}
    values = assignments(app, kind, [f"{fields[k]}={v}" for k, v in given.items() if v is not None])
    values |= assignments(app, kind, sets)
    past(app.handle, at)
    with app.handle.transaction(effective=at) as tx:
        made = Deal(
            title=title,
            stage_id=_first(tx, stage, pipeline).id,
            customer_id=customer_called(tx, customer).id if customer else None,
            owner=app.handle.actor.id if owner is None else owner,
            opened_at=at or app.crm.clock(),
        )
        for path, value in values.items():
            made = made.set(path, value)
        tx.add(made)
    deal.written(made.id, app)


def _first(reader: Reader, stage: str | None, pipeline: str | None) -> Stage:
    if stage is not None:
        return stage_for(reader, stage, None, pipeline)
    found = only_pipeline(reader, pipeline)
    for each in stages_of(reader, found):
        return each
    text = f"pipeline {found.name!r} has no stage yet; `crm pipeline stage add` adds one"
    raise NoneYet("stage", text)


@deal.define("move", ID, click.Argument(["stage"]), PIPELINE, SET, AT)
def move_deal(
    app: App,
    id: str,
    stage: str,
    pipeline: str | None,
    sets: Sequence[str],
    at: datetime | None,
) -> None:
    """Move a deal to a stage, and print it; --set gives what is needed there."""
    values = assignments(app, app.kind("deal"), sets)
    past(app.handle, at)
    with app.handle.transaction(effective=at) as tx:
        found = tx.get(Deal, id)
        for path, value in values.items():
            found = found.set(path, value)
        move(tx, found, stage_for(tx, stage, found, pipeline), at)
    deal.written(found.id, app)


# How they end ---------------------------------------------------------------------------------------------------


@deal.define(
    "win",
    ID,
    AT,
    click.Option(["--order"], is_flag=True, help="Make an order of it."),
    many("--line", "lines", "'PRODUCT, QUANTITY, PRICE'", help="A line of that order; else the deal itself."),
)  # fmt: skip
def win_deal(app: App, id: str, at: datetime | None, order: bool, lines: Sequence[str]) -> None:
    """Win a deal, and print it; with --order, what it brings becomes an order."""
    currency = app.config.company.currency
    items = [read_item(each, currency) for each in lines]
    past(app.handle, at)
    with app.handle.transaction(effective=at) as tx:
        found = win(tx, tx.get(Deal, id), at)
        if order or items:
            made = convert(tx, found, items, at or app.crm.clock())
    deal.written(found.id, app)
    if order or items:
        note(_("made order {id}; `crm order show {id}` prints it").format(id=made.id))


@deal.define(
    "lose",
    ID,
    click.Option(["--reason"], required=True, metavar="NAME", help="Why; `crm record lost_reason list` has the reasons."),
    click.Option(["--note"], default="", metavar="TEXT", help="Why, in words of your own."),
    AT,
)  # fmt: skip
def lose_deal(app: App, id: str, reason: str, note: str, at: datetime | None) -> None:
    """Lose a deal for a reason, and print it."""
    past(app.handle, at)
    with app.handle.transaction(effective=at) as tx:
        found = tx.get(Deal, id)
        lose(tx, found, named(tx, LostReason, reason), note, at)
    deal.written(found.id, app)


@deal.define(
    "reopen", ID, click.Option(["--stage"], metavar="NAME", help="Into this stage; else the last open one it was in."), AT
)  # fmt: skip
def reopen_deal(app: App, id: str, stage: str | None, at: datetime | None) -> None:
    """Open a deal again that was won or lost, and print it."""
    past(app.handle, at)
    with app.handle.transaction(effective=at) as tx:
        found = tx.get(Deal, id)
        reopen(tx, found, stage_for(tx, stage, found, None) if stage else None)
    deal.written(found.id, app)
