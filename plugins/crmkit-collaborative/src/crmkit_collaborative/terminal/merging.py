"""`crm merge`: making customers one, saying before what that would do, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from crmkit import AnyOf, Customer, NotFound, where
from crmkit.cli.app import App
from crmkit.cli.command import Group, limit, many
from crmkit.cli.output import note, show, values
from crmkit.cli.records import KindGroup
from crmkit_collaborative.kinds import Merge
from crmkit_collaborative.merging.applying import apply
from crmkit_collaborative.merging.options import POLICIES, MergeOptions, read_takes
from crmkit_collaborative.merging.planning import MergePlan, check_group, plan
from crmkit_collaborative.merging.splitting import read_records, split
from crmkit_collaborative.merging.standing import check_seen
from crmkit_collaborative.merging.undoing import Undone, undo
from crmkit_collaborative.terminal.merged import (
    note_kept,
    plan_row,
    show_plan,
    undone_columns,
    undone_row,
)
from crmkit_collaborative.words import _

__all__ = ["merge"]

merge = Group("merge", help="Making customers one, and taking that back.")
KEEP = click.Argument(["keep"])
LOSE = click.Argument(["lose"], nargs=-1, required=True)
MERGES = click.Argument(["merges"], nargs=-1, required=True)
POLICY = click.Option(
    ["--policy"],
    type=click.Choice(POLICIES),
    default="newest",
    show_default=True,
    help="Whose value wins where both have one.",
)
TAKE = many("--take", "take", "FIELD=keep|lose", help="Whose value wins in this field.")
ANYWAY = click.Option(
    ["--anyway"], is_flag=True, help="Merge those too of whom somebody said they are not the same."
)
MOVE = many("--move", "move", "KIND:ID", help="A record that goes with the one who comes back.")
REASON = click.Option(["--reason"], default="", help="Why the two are not the same.")
PLAN = click.Option(["--plan"], is_flag=True, help="Only say what would be undone.")


def _merge(app: App, id: str) -> Merge:
    """The merge; where there is none, the error says where to look, which is not where customers are found."""
    [found] = app.handle.get_many(Merge, [id])
    if found is None:
        raise NotFound(Merge.__kind__, id, "`crm merge list` shows those that there are")
    return found


def _options(policy: Any, take: Sequence[str], anyway: bool) -> MergeOptions:
    return MergeOptions(policy, read_takes(take), anyway)


@merge.define("plan", KEEP, LOSE, POLICY, TAKE, ANYWAY)
def plan_merge(
    app: App, keep: str, lose: Sequence[str], policy: str, take: Sequence[str], anyway: bool
) -> None:
    """Say what a merge would do: which values stay, what moves, what stands against it. Nothing is written."""
    check_group(app.handle, lose)
    options = _options(policy, take, anyway)
    _show(app, [(plan(app.handle, keep, each, options), {}) for each in lose])


@merge.define("apply", KEEP, LOSE, POLICY, TAKE, ANYWAY)
def apply_merge(
    app: App, keep: str, lose: Sequence[str], policy: str, take: Sequence[str], anyway: bool
) -> None:
    """Make customers one: what belongs to LOSE belongs to KEEP, and its id leads there."""
    options = _options(policy, take, anyway)
    done = apply(app.crm, app.handle.actor, keep, lose, options)
    _show(app, [(each.plan, {"merge": each.merge.id}) for each in done])
    for each in done:
        note(_("to take it back: crm merge undo {merge}").format(merge=each.merge.id))


def _show(app: App, plans: Sequence[tuple[MergePlan, Mapping[str, Any]]]) -> None:
    rows = [{**more, **plan_row(app, each)} for each, more in plans]
    if app.format == "table":
        for each, _more in plans:
            show_plan(app, each)
    else:
        columns = [*plans[0][1], "keep", "lose", "problems"]
        show(app, rows, columns=" ".join(columns), one=len(rows) == 1 and app.format == "json")


@merge.define("undo", MERGES, PLAN)
def undo_merges(app: App, merges: Sequence[str], plan: bool) -> None:
    """Take merges back: both customers are there again; what people did since stays."""
    newest_first = sorted(merges, reverse=True)
    for each in newest_first:
        _merge(app, each)
    _tell(app, [undo(app.crm, app.handle.actor, each, plan=plan) for each in newest_first])


@merge.define("split", click.Argument(["merge"]), MOVE, REASON)
def split_merge(app: App, merge: str, move: Sequence[str], reason: str) -> None:
    """Bring the customer back who went in a merge, with what is named; everything else stays where it is."""
    records = read_records(move)
    _merge(app, merge)
    _tell(app, [split(app.crm, app.handle.actor, merge, records, reason)])


def _tell(app: App, done: Sequence[Undone]) -> None:
    rows = [undone_row(app, each) for each in done]
    is_one = len(rows) == 1
    show(app, rows, undone_columns(), one=is_one and app.format == "json")
    for each in done:
        note_kept(app, each.kept)


@merge.define(
    "list", click.Option(["--customer"], metavar="ID", help="Only those of this one."), limit(20)
)
def list_merges(app: App, customer: str | None, limit: int) -> None:
    """The merges, newest first."""
    conditions = []
    if customer:
        found = app.handle.get(Customer, customer)
        conditions.append(AnyOf((where.customer_id == found.id, where.other_id == found.id)))
    rows = [
        values(app.kind("merge"), each)
        for each in app.handle.find(Merge, *conditions, order="-id")
        if _is_seen(app, each)
    ][:limit]
    empty = _("nobody was merged yet; `crm merge apply KEEP LOSE` does")
    columns = {"id": _("Id"), "created_at": _("At"), "keep_id": _("Kept")}
    show(app, rows, {**columns, "lose_id": _("Merged away"), "status": _("Status")}, empty=empty)


def _is_seen(app: App, merge: Merge) -> bool:
    with suppress(NotFound):
        check_seen(app.crm, app.handle, merge)
        return True
    return False


@merge.define("show", click.Argument(["merge"]))
def show_merge(app: App, merge: str) -> None:
    """One merge: who went into whom, when, by what policy."""
    found = _merge(app, merge)
    check_seen(app.crm, app.handle, found)
    kind = app.kind("merge")
    KindGroup(kind, app.label(kind)).print(found, app, {})
