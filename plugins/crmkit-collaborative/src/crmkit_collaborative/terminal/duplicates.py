"""`crm duplicates`: customers who are there more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from crmkit import Customer, where
from crmkit.cli.app import App
from crmkit.cli.command import Group, limit
from crmkit.cli.output import bar, note, show
from crmkit_collaborative.duplicates.comparing import Frequencies
from crmkit_collaborative.duplicates.finding import Found, as_people, find, people
from crmkit_collaborative.duplicates.ruling import rule_out
from crmkit_collaborative.duplicates.scoring import Score, held_back, score, zone
from crmkit_collaborative.kinds import Duplicate
from crmkit_collaborative.merging.planning import two
from crmkit_collaborative.settings import Settings
from crmkit_collaborative.words import _

__all__ = ["duplicates"]

duplicates = Group("duplicates", help="Customers who are there more than once.")

A, B = click.Argument(["a"]), click.Argument(["b"])
ZONE = click.Option(["--zone"], type=click.Choice(["auto", "review"]), help="Only this zone.")
EXPLAIN = click.Option(["--explain"], is_flag=True, help="Show how each score comes about.")


@duplicates.define("find", ZONE, limit(1_000), EXPLAIN)
def find_all(app: App, zone: str | None, limit: int, explain: bool) -> None:
    """Compare all customers, and print the pairs that seem to be one, the likeliest first."""
    with bar() as progress:
        done = find(app.handle, app.crm.settings(Settings), progress)
    wanted = [each for each in done.found if zone in (None, each.zone)][:limit]
    names = _names(app, [id for each in wanted for id in (each.score.a, each.score.b)])
    rows = [_row(each, names, explain) for each in wanted]
    empty = _("nobody seems to be there twice")
    show(app, rows, columns="score zone a name_a b name_b", empty=empty)
    if explain and app.format == "table":
        for each in wanted:
            _explained(each.score)
    if app.format == "table":
        said = _("Customers read: {size}; pairs compared: {compared}; found: {found}")
        note(said.format(size=done.size, compared=done.compared, found=len(done.found)))
        for key, count in list(done.skipped.items())[:10]:
            said = _("not compared by {key}, which too many customers share: {count}")
            note(said.format(key=" ".join(key), count=count))


def _names(app: App, ids: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        found.update(
            (each.id, str(each.name)) for each in app.handle.find(Customer, where.id.in_(part))
        )
    return found


def _row(found: Found, names: Mapping[str, str], explain: bool) -> Mapping[str, Any]:
    made = found.score
    row: dict[str, Any] = {
        "score": round(made.value, 4),
        "zone": found.zone,
        "a": made.a,
        "name_a": names.get(made.a, ""),
        "b": made.b,
        "name_b": names.get(made.b, ""),
    }
    return {**row, **_sum(made)} if explain else row


def _sum(made: Score) -> Mapping[str, Any]:
    return {
        "bits": made.bits,
        "prior": made.prior,
        "held_back": held_back(made.parts),
        "parts": [
            {
                "of": each.of,
                "a": each.a,
                "b": each.b,
                "outcome": each.outcome,
                "m": each.m,
                "u": each.u,
                "weight": each.weight,
            }
            for each in made.parts
        ],
    }


def _explained(made: Score) -> None:
    weights = " ".join(f"{each.weight:+.2f}" for each in made.parts)
    note(f"{made.a} {made.b}: 1 / (1 + 2^-({made.prior:.2f} {weights})) = {made.value:.4f}")
    for each in made.parts:
        sum_ = "" if each.m is None else f" = log2({each.m:g} / {each.u:.3g})"
        note(f"  {each.of}: {each.a!r} {each.b!r} {each.outcome} {each.weight:+.2f}{sum_}")
    held = held_back(made.parts)
    if held is not None:
        note("  " + _HELD[held]())


_HELD = {
    "names": lambda: _("to be looked at: the names differ"),
    "one": lambda: _("to be looked at: they have one thing in common only"),
}


@duplicates.define("explain", A, B)
def explain_pair(app: App, a: str, b: str) -> None:
    """How likely two customers are one, with the arithmetic."""
    settings = app.crm.settings(Settings)
    both = two(app.handle, a, b)
    with bar() as progress:
        seen = Frequencies.of(people(app.handle, settings.compare, progress))
    one, other = as_people(app.handle, both, settings.compare)
    made = score(one, other, seen)
    names = {each.id: str(each.name) for each in both}
    found = Found(made, zone(made, settings.auto, settings.review))
    show(app, [_row(found, names, True)], columns="score zone a name_a b name_b", one=True)
    if app.format == "table":
        _explained(made)


@duplicates.define(
    "not-same", A, B, click.Option(["--reason"], default="", metavar="TEXT", help="Why.")
)
def not_same(app: App, a: str, b: str, reason: str) -> None:
    """Remember that two customers are not one; they are not shown again."""
    with app.handle.transaction() as tx:
        made = rule_out(tx, a, b, reason)
    row = {"a": made.a_id, "b": made.b_id, "reason": made.reason}
    show(app, [row], columns="a b reason", one=True)


@duplicates.define("list", ZONE, limit(50))
def list_kept(app: App, zone: str | None, limit: int) -> None:
    """The pairs that were noticed as customers came, the likeliest first."""
    mine = [] if zone is None else [where.zone == zone]
    kept = list(app.handle.find(Duplicate, *mine, order="-score", limit=limit))
    names = _names(app, [id for each in kept for id in (each.a_id, each.b_id)])
    rows = [
        {
            "score": each.score,
            "zone": each.zone,
            "a": each.a_id,
            "name_a": names[each.a_id],
            "b": each.b_id,
            "name_b": names[each.b_id],
        }
        for each in kept
        if each.a_id in names and each.b_id in names
    ]
    empty = _("nothing was noticed yet; `crm work` looks at customers as they come")
    show(app, rows, columns="score zone a name_a b name_b", empty=empty)
