"""`crm handover`: giving a customer to a colleague with what they must know, and how well that goes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click

from crmkit import where
from crmkit.cli.app import App
from crmkit.cli.command import Group, Time, limit, many
from crmkit.cli.output import ONE, cell, note, show, values, write_table
from crmkit_collaborative.handover.measuring import Measured, measure
from crmkit_collaborative.handover.opening import lines
from crmkit_collaborative.handover.packing import give
from crmkit_collaborative.handover.repeating import (
    ALIKE,
    BEFORE,
    FEWEST,
    IMAGINED,
    WITHIN,
    Weighed,
)
from crmkit_collaborative.kinds import Handover
from crmkit_collaborative.words import _

__all__ = ["handover"]

handover = Group("handover", help="Giving customers to colleagues, with what they must know.")

PERIOD = timedelta(days=90)
SINCE = click.Option(["--since"], type=Time(), help="From then on; 90 days without it.")
UNTIL = click.Option(["--until"], type=Time(), help="Before then; now without it.")
EXPLAIN = click.Option(["--explain"], is_flag=True, help="Show what each figure is made of.")


@handover.define(
    "give",
    click.Argument(["id"]),
    click.Option(["--to"], required=True, metavar="ACTOR", help="Who has it from now on."),
    click.Option(
        ["--of"],
        default="customer",
        metavar="KIND",
        help="What it is, if it is one case, as in ticket.",
    ),
    click.Option(["--reason"], default="", metavar="TEXT", help="Why."),
    click.Option(["--summary"], default="", metavar="TEXT", help="What it is about."),
    many("--question", "open_questions", "TEXT", help="What is still open."),
    many("--promise", "promises", "TEXT", help="What was promised."),
)
def give_away(app: App, id: str, to: str, of: str, **said: Any) -> None:
    """Give a customer, or one case of theirs, to somebody, with a packet of what they must know."""
    with app.handle.transaction() as tx:
        made = give(tx, id, to, of=app.kind(of).name, **said)
    _shown(app, made)


@handover.define("show", click.Argument(["handover"]))
def show_packet(app: App, handover: str) -> None:
    """What was handed over, as far as you may see it."""
    _shown(app, app.handle.get(Handover, handover))


def _shown(app: App, made: Handover) -> None:
    if app.format == "table":
        rows = [(_(label), cell(app, text)) for label, text in lines(app.handle, made)]
        write_table(rows, names=ONE)  # whole: half a promise is none
        note(made.id)
        return
    kind = app.kind(Handover.__kind__)
    found = values(kind, made)
    show(app, [found], dict.fromkeys(found, ""), one=True)


@handover.define(
    "list",
    click.Option(["--to"], metavar="ACTOR", help="Only those that this one received."),
    limit(20),
)
def list_packets(app: App, to: str | None, limit: int) -> None:
    """The hand-overs, newest first."""
    mine = [] if to is None else [where.to_actor == to]
    found = app.handle.find(Handover, *mine, order="-at", limit=limit)
    kind = app.kind(Handover.__kind__)
    rows = [values(kind, each) for each in found]
    names = ("at", "from_actor", "to_actor", "customer_id", "summary", "id")
    columns = {name: app.label(kind.field(name)) for name in names}
    show(app, rows, columns, empty=_("nothing was handed over yet"))


@handover.define("report", SINCE, UNTIL, EXPLAIN)
def report(app: App, since: Any, until: Any, explain: bool) -> None:
    """How often cases change hands, and how often customers have to say it again."""
    until = until or app.crm.clock() + timedelta.resolution  # what happens now belongs to it
    found = measure(app.handle, since or until - PERIOD, until)
    row = _figures(found)
    if explain:
        row |= _behind(found)
    columns = {name: name for name in row} if app.format != "table" else _headings()
    show(app, [row], columns, one=True)
    if explain and app.format == "table":
        _explained(found)


def _headings() -> dict[str, str]:
    return {
        "since": _("Since"),
        "until": _("Until"),
        "cases": _("Cases"),
        "handovers": _("Hand-overs"),
        "per_case": _("Hand-overs per case"),
        "messages": _("Messages after one"),
        "repeated": _("Repeated requests"),
        "repeat_rate": _("Repeat rate"),
        "unheard": _("Hand-overs without a message after them"),
    }


def _figures(found: Measured) -> dict[str, Any]:
    return {
        "since": found.since,
        "until": found.until,
        "cases": len(found.transfers),
        "handovers": sum(map(len, found.transfers.values())),
        "per_case": None if found.per_case is None else round(found.per_case, 4),
        "messages": len(found.messages),
        "repeated": len(found.repeated),
        "repeat_rate": None if found.repeat_rate is None else round(found.repeat_rate, 4),
        "unheard": len(found.unheard),
    }


def _behind(found: Measured) -> Mapping[str, Any]:
    return {
        "by_case": [
            {"kind": kind, "id": id, "handovers": ids}
            for (kind, id), ids in found.transfers.items()
        ],
        "message_ids": found.messages,
        "repeats": [
            {
                "handover": each.handover,
                "message": each.message,
                "earlier": each.earlier,
                "likeness": each.likeness,
                "shared": _weights(each.shared),
                "rest": _weights(each.rest),
            }
            for each in found.repeated
        ],
        "unheard_ids": found.unheard,
        "parameters": {
            "within_days": WITHIN.days,
            "before_days": BEFORE.days,
            "alike": ALIKE,
            "fewest_tokens": FEWEST,
            "texts": found.texts,
            "imagined": IMAGINED,
        },
    }


def _explained(found: Measured) -> None:
    note(
        f"w(A and B) / min(w(A), w(B)) >= {ALIKE:g}; w = log2(({found.texts} + {IMAGINED}) / (n + 1)) for a token that "
        f"n of {found.texts} texts have; {FEWEST} tokens or more; within {WITHIN.days} days after, "
        f"{BEFORE.days} days before"
    )
    for (kind, id), ids in found.transfers.items():
        note(f"{kind} {id}: {_joined(ids)}")
    for each in found.repeated:
        sums = [math.fsum(one.weight for one in part) for part in (each.shared, each.rest)]
        note(
            f"{each.message} restates {each.earlier}: {sums[0]:.4f} / ({sums[0]:.4f} + {sums[1]:.4f}) = "
            f"{each.likeness:.4f}"
        )
        for sign, part in (("+", each.shared), ("-", each.rest)):
            note(
                f"  {sign} "
                + " ".join(f"{one.token} {one.weight:.4f} ({one.texts})" for one in part)
            )


def _weights(tokens: Sequence[Weighed]) -> list[dict[str, Any]]:
    return [
        {"token": each.token, "texts": each.texts, "weight": round(each.weight, 6)}
        for each in tokens
    ]


def _joined(ids: Sequence[str]) -> str:
    return " ".join(ids)
