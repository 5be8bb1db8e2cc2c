"""What `crm deal` shows of many deals: the list, the board, what rots, what comes next, and where one has been."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import click

from crmkit import Reader, where
from crmkit.cli.app import App
from crmkit.cli.command import AS_OF, SKIP, define, limit, many
from crmkit.cli.conditions import condition
from crmkit.cli.output import document, note, plain, show, write_json
from crmkit.cli.records import ID
from crmkit_operational.finding import by_id, customer_called, named
from crmkit_operational.sales.board import Column, board, page_of
from crmkit_operational.sales.finding import only_pipeline, stages_of
from crmkit_operational.sales.history import Stay, stage_history
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage
from crmkit_operational.sales.rotting import Rot, rot_of, rotting
from crmkit_operational.terminal.reading import said, spoken
from crmkit_operational.words import _

__all__ = ["list_deals", "show_board", "show_history", "show_next", "show_rotting"]

PIPELINE = click.Option(["--pipeline"], metavar="NAME", help="Only this pipeline.")
STAGE = click.Option(["--stage"], metavar="NAME", help="Only this stage.")
OWNER = click.Option(["--owner"], metavar="ID", help="Only whose deals these are.")
WHERE = many(
    "--where", "where_", "CONDITION", help="Only those that fulfil it, as in 'amount>=100'."
)
CUSTOMER = click.Option(["--customer"], help="Only this customer's, by id or by the very name.")
STATE = click.Option(
    ["--state"], type=click.Choice(["open", "won", "lost"]), help="Only what is so."
)
ORDER = click.Option(
    ["--order"], metavar="FIELD", default="expected_close", show_default=True, help="Sort by; -FIELD goes down."
)  # fmt: skip


EXPLAIN = click.Option(["--explain"], is_flag=True, help="What counts as the last activity.")
MISSING = click.Option(["--missing"], is_flag=True, help="Only open deals without a next step.")
OVERDUE = click.Option(["--overdue"], is_flag=True, help="Only steps whose day has passed.")


def _within(
    reader: Reader, pipeline: str | None, stage: str | None, owner: str | None
) -> list[Any]:
    """Conditions on deals for what was named."""
    found: list[Any] = [] if owner is None else [where.owner == owner]
    within: list[Any] = []
    if pipeline is not None:
        own = named(reader, Pipeline, pipeline)
        within = [where.pipeline_id == own.id]
        if stage is None:
            return [*found, where.stage_id.in_([each.id for each in stages_of(reader, own)])]
    if stage is not None:
        found.append(where.stage_id == named(reader, Stage, stage, *within).id)
    return found


def _deal(app: App, each: Deal, stages: dict[str, Stage], **more: Any) -> dict[str, Any]:
    stage = stages.get(each.stage_id)
    own = {"stage": stage and stage.name, **more}
    if app.format == "json":
        return {**document(app.kind("deal"), each), **plain(own)}
    fields = ("title", "amount", "owner", "expected_close", "next_step", "next_step_on", "id")
    return {name: each[name] for name in fields} | own


def _columns(app: App, *names: str) -> dict[str, str]:
    kind = app.kind("deal")
    own = {"stage": _("Stage"), "id": _("Id")}
    return {name: own.get(name) or app.label(kind.field(name)) for name in names}


def _more(after: str | None) -> None:
    if after:
        note(_("there are more: --after {cursor}").format(cursor=after))


# The list -------------------------------------------------------------------------------------------------------


@define("list", STATE, PIPELINE, STAGE, OWNER, CUSTOMER, WHERE, ORDER, limit(50), SKIP, AS_OF)  # fmt: skip
def list_deals(
    app: App,
    state: str | None,
    pipeline: str | None,
    stage: str | None,
    owner: str | None,
    customer: str | None,
    where_: Sequence[str],
    **options: Any,
) -> None:
    """The deals, those that are expected first at the top."""
    reader = app.handle
    conditions = _within(reader, pipeline, stage, owner)
    conditions += [condition(app, app.kind("deal"), each) for each in where_]
    if state is not None:
        those = [each.id for each in reader.find(Stage, where.category == state)]
        conditions.append(where.stage_id.in_(those))
    if customer is not None:
        conditions.append(where.customer_id == customer_called(reader, customer).id)
    page = reader.page(Deal, *conditions, **options)
    stages = by_id(reader, Stage, [each.stage_id for each in page], options["as_of"])
    rows = [_deal(app, each, stages) for each in page]
    columns = _columns(app, "title", "stage", "amount", "expected_close", "owner", "id")
    show(app, rows, columns, empty=_("there are no such deals; `crm deal add` adds one"))
    _more(page.after)


# The board ------------------------------------------------------------------------------------------------------


@define("board", PIPELINE, STAGE, OWNER, WHERE, limit(10), SKIP)
def show_board(
    app: App,
    pipeline: str | None,
    stage: str | None,
    owner: str | None,
    where_: Sequence[str],
    limit: int,
    after: str | None,
) -> None:
    """The deals of a pipeline by stage: how many, what they add up to, and the first of each; of one stage, by pages."""
    reader, now = app.handle, app.crm.clock()
    conditions: list[Any] = [] if owner is None else [where.owner == owner]
    conditions += [condition(app, app.kind("deal"), each) for each in where_]
    stages = stages_of(reader, only_pipeline(reader, pipeline))
    if stage is None and after is not None:
        raise click.UsageError(_("--after goes on with one stage; name it with --stage"))
    if stage is not None:
        own = where.pipeline_id == stages[0].pipeline_id if stages else where.id.missing()
        one = named(reader, Stage, stage, own)
        page = page_of(reader, one, conditions, limit, after)
        rots = rot_of(reader, page, {one.id: one}, now)
        _page(app, [_card(app, each, one, rots.get(each.id), now) for each in page])
        _more(page.after)
        return
    columns = board(reader, stages, conditions, now, limit=limit)
    if app.format == "json":
        write_json([_column(app, each, now) for each in columns])
        return
    _heads(app, columns)
    for each in columns:
        cards = [_card(app, deal, each.stage, each.rots.get(deal.id), now) for deal in each.deals]
        if each.stage.category == "open" and cards and app.format == "table":
            _page(app, cards, heading=each.stage.name)


def _heads(app: App, columns: Sequence[Column]) -> None:
    rows = [
        {
            "stage": each.stage.name,
            "category": said(app, each.stage.category),
            "count": each.count,
            "sum": list(each.sums) if app.format == "table" else plain(each.sums),
        }
        for each in columns
    ]
    heads = {"stage": _("Stage"), "category": _("Category"), "count": _("Deals"), "sum": _("Sum")}
    show(app, rows, heads)


def _page(app: App, cards: Sequence[dict[str, Any]], heading: str = "") -> None:
    columns = _columns(app, "title", "amount", "expected_close", "owner", "next_step")
    columns |= {"rots": _("Rots"), "id": _("Id")}
    show(app, cards, columns, heading=heading, empty=_("no deal is in this stage"))


def _card(app: App, each: Deal, stage: Stage, rot: Rot | None, now: datetime) -> dict[str, Any]:
    begun = rot is not None and rot.has_begun(now)
    since = rot and rot.since
    if app.format == "table":
        return _deal(app, each, {stage.id: stage}, rots=since if begun else None)
    return _deal(app, each, {stage.id: stage}, rots=begun, rots_since=since)


def _column(app: App, each: Column, now: datetime) -> dict[str, Any]:
    cards = [_card(app, deal, each.stage, each.rots.get(deal.id), now) for deal in each.deals]
    stage = document(app.kind("stage"), each.stage)
    after = each.deals.after
    return {"stage": stage, "count": each.count, "sums": each.sums, "deals": cards, "after": after}


# What rots, and why ---------------------------------------------------------------------------------------------


def _what(name: str) -> str:
    words = {
        "entered": _("came into the stage"),
        "changed": _("was changed"),
        "contact": _("contact with the customer"),
    }
    return words[name]


@define("rotting", PIPELINE, OWNER, limit(50), EXPLAIN)
def show_rotting(
    app: App, pipeline: str | None, owner: str | None, limit: int, explain: bool
) -> None:
    """The open deals in whose stage no person has done anything for too long, the longest first."""
    now = app.crm.clock()
    found = rotting(app.handle, _within(app.handle, pipeline, None, owner), now)
    columns = {"title": _("Title"), "stage": _("Stage"), "since": _("Rots since")}
    columns |= {"last": _("Last activity")}
    if explain:
        columns |= {"what": _("What it was"), "by": _("By"), "record": _("Record")}
        columns |= {"rot_days": _("Days to rot")}
    rows = [_rot(app, each) for each in found[:limit]]
    show(app, rows, columns | {"owner": _("Owner"), "id": _("Id")}, empty=_("no deal rots"))
    if len(found) > limit:
        note(_("there are {count} in all: --limit shows more").format(count=len(found)))
    if explain:
        note(_rule())


def _rule() -> str:
    return _(
        "a deal rots so many days after the last human activity in its stage: coming into it, a change by a person, "
        "a contact with the customer (one that went out, if a person recorded it)"
    )


def _rot(app: App, each: Rot) -> dict[str, Any]:
    last = each.activity
    return {
        "id": each.deal.id,
        "title": each.deal.title,
        "stage": each.stage.name,
        "owner": each.deal.owner,
        "since": each.since,
        "last": last.at,
        "what": _what(last.what) if app.format == "table" else last.what,
        "by": last.by,
        "record": last.id,
        "rot_days": each.stage.rot_days,
    }


# What comes next ------------------------------------------------------------------------------------------------


@define("next", MISSING, OVERDUE, PIPELINE, OWNER, limit(50), SKIP)
def show_next(
    app: App,
    missing: bool,
    overdue: bool,
    pipeline: str | None,
    owner: str | None,
    **options: Any,
) -> None:
    """The next steps of open deals, the most urgent first, and how many deals have none."""
    reader = app.handle
    today = app.crm.clock().astimezone(app.timezone).date()
    of = [where.closed_at.missing(), *_within(reader, pipeline, None, owner)]
    none = where.next_step == ""
    narrowed = [none] if missing else [where.next_step != ""]
    narrowed += [where.next_step_on < today] if overdue else []
    page = reader.page(Deal, *of, *narrowed, order="next_step_on", **options)
    stages = by_id(reader, Stage, [each.stage_id for each in page])
    rows = [_deal(app, each, stages, state=said(app, _state(each, today))) for each in page]
    columns = _columns(app, "title", "stage", "next_step", "next_step_on")
    columns |= {"state": _("State"), "owner": _("Owner"), "id": _("Id")}
    show(app, rows, columns, empty=_("there is no such deal"))
    _more(page.after)
    total, without = reader.count(Deal, *of), reader.count(Deal, *of, none)
    if total:
        text = _("{with_step} of {total} open deals have a next step, {percent}%")
        percent = 100 * (total - without) // total
        note(text.format(with_step=total - without, total=total, percent=percent))


def _state(each: Deal, today: date) -> str:
    if not each.next_step:
        return "missing"
    if each.next_step_on is None:
        return "undated"
    return "overdue" if each.next_step_on < today else "planned"


# Where a deal has been ------------------------------------------------------------------------------------------


@define("history", ID)
def show_history(app: App, id: str) -> None:
    """The stages that a deal was in: from when to when, how long, who moved it there, and why it was lost."""
    now = app.crm.clock()
    rows = [_stay(app, each, now) for each in stage_history(app.handle, id)]
    columns = {"stage": _("Stage"), "entered": _("Entered"), "left": _("Left")}
    columns |= {"duration": _("Duration"), "by": _("By"), "reason": _("Lost reason")}
    show(app, rows, columns | {"note": _("Note")})


def _stay(app: App, each: Stay, now: datetime) -> dict[str, Any]:
    length = each.duration(now)
    found = {
        "stage": each.stage.name if each.stage else each.stage_id,
        "entered": each.entered,
        "left": each.left,
        "by": each.by.id if each.by else None,
        "reason": each.reason,
        "note": each.note or None,
    }
    if app.format == "table":
        return found | {"duration": length and spoken(length)}
    seconds = None if length is None else int(length.total_seconds())
    return found | {"stage_id": each.stage_id, "duration": seconds}
