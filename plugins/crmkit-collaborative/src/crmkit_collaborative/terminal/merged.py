"""What people see of a merge: its plan, and what undoing it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmkit.cli.app import App
from crmkit.cli.output import cell, note, show
from crmkit_collaborative.merging.planning import MergePlan
from crmkit_collaborative.merging.undoing import Kept, Undone
from crmkit_collaborative.words import _

__all__ = ["note_kept", "plan_row", "show_plan", "undone_columns", "undone_row"]

MOST = 20
"""How many records that stayed as they are a person is told of."""


def _reasons() -> dict[str, str]:
    return {
        "stated": _("as you said"),
        "only one has it": _("only one has it"),
        "united": _("both together"),
        "newest": _("stated last"),
        "complete": _("the fuller one"),
        "written": _("the same, with capitals"),
        "keep": _("of the one who stays"),
        "hidden": _("hidden from you: stays"),
        "was moved since": _("was moved since"),
        "was changed since": _("was changed since"),
        "its place is taken": _("stays away: another has its place by now"),
    }


def plan_row(app: App, plan: MergePlan) -> dict[str, Any]:
    """A plan as scripts get it."""
    return {
        "keep": plan.keep.id,
        "lose": plan.lose.id,
        "fields": [
            {
                "field": each.field,
                "keep": each.keep,
                "lose": each.lose,
                "value": each.value,
                "source": each.source,
                "reason": each.reason,
                "conflict": each.conflict,
            }
            for each in plan.choices
        ],
        "references": [
            {"kind": each.kind, "field": each.field, "count": each.count} for each in plan.moving
        ],
        "gone": [
            {"kind": each.goes.__kind__, "id": each.goes.id, "for": each.stays.id}
            for each in plan.clashes
        ]
        + [{"kind": each.__kind__, "id": each.id, "for": None} for each in plan.pairs.goes],
        "problems": list(plan.problems),
    }


def show_plan(app: App, plan: MergePlan) -> None:
    """A plan as people read it."""
    kind, reasons = app.kind("customer"), _reasons()
    rows = [
        {
            "field": app.label(kind.field(each.field)),
            "keep": each.keep,
            "lose": each.lose,
            "value": each.value,
            "why": reasons[each.reason],
            "conflict": _("yes") if each.conflict else "",
        }
        for each in plan.choices
    ]
    columns = {
        "field": _("Field"),
        "keep": f"{_('Kept')}: {cell(app, plan.keep.name)}",
        "lose": f"{_('Merged away')}: {cell(app, plan.lose.name)}",
        "value": _("Becomes"),
        "why": _("Why"),
        "conflict": _("Conflict"),
    }
    show(app, rows, columns, empty=_("the two have the same values"))
    moving = [
        {
            "kind": app.label(app.kind(each.kind)),
            "field": app.label(app.kind(each.kind).field(each.field)),
            "count": each.count,
        }
        for each in plan.moving
    ]
    moved = {"kind": _("Kind"), "field": _("Field"), "count": _("Moves")}
    show(app, moving, moved, heading=_("What moves"), empty=_("nothing refers to the one who goes"))
    for clash in plan.clashes:
        named = app.label(app.kind(clash.goes.__kind__))
        text = _("{kind} {goes} gives way to {stays}; it comes back when the merge is undone")
        note(text.format(kind=named, goes=clash.goes.id, stays=clash.stays.id))
    for each in plan.problems:
        note(_("stands against it: {problem}").format(problem=each))


def undone_columns() -> Mapping[str, str]:
    """The columns of what undoing did."""
    return {
        "merge": _("Merge"),
        "status": _("Status"),
        "customer": _("Is back"),
        "moved": _("Moved back"),
        "restored": _("Came back"),
        "fields": _("Fields as before"),
        "kept": _("Left as it is"),
    }


def undone_row(app: App, done: Undone) -> dict[str, Any]:
    """What undoing did: sums, and what stayed as it is since people worked on it."""
    kept = [
        {"kind": each.kind, "id": each.id, "field": each.field, "reason": each.reason}
        for each in done.kept
    ]
    return {
        "merge": done.merge.id,
        "status": done.merge.status,
        "customer": done.merge.lose_id,
        "moved": len(done.moved),
        "restored": len(done.restored),
        "fields": done.fields,
        "kept": kept if app.format == "json" else len(kept),
    }


def note_kept(app: App, kept: Sequence[Kept]) -> None:
    """Say what stayed as it is, and why."""
    if not kept or app.format == "json":
        return
    reasons = _reasons()
    note(_("left to the people who worked on them since:"))
    for each in kept[:MOST]:
        kind = app.kind(each.kind)
        field = f" {app.label(kind.field(each.field))}" if each.field else ""
        note(f"  {app.label(kind)} {each.id}{field}: {reasons.get(each.reason, each.reason)}")
    if len(kept) > MOST:
        note(_("and {count} more").format(count=len(kept) - MOST))
