"""`crm route`: giving waiting tickets to who can take them, by itself and by hand.

What an actor is shown is made of what they may read: decisions name the agents that they may see and hold no counts;
load, room and what would happen now are worked out from the tickets that they may read, and may therefore differ from
what routing, which sees all, does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crmkit import where
from crmkit.cli.app import App
from crmkit.cli.output import document, note, show, write_json
from crmkit_operational.routing import byhand
from crmkit_operational.routing.desk import CREDIT, Choice, Desk
from crmkit_operational.routing.kinds import Agent, RoutingDecision
from crmkit_operational.routing.queue import waits
from crmkit_operational.routing.running import run
from crmkit_operational.routing.staff import Seat, actor_named, agent_named
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.terminal.reading import DeskGroup, said
from crmkit_operational.terminal.reasons import why_not, why_queued
from crmkit_operational.terminal.tickets import TicketGroup
from crmkit_operational.words import _, word

__all__ = ["route"]

TICKET = click.Argument(["ticket"])
AGENT = click.Argument(["agent"])
SHOWN = 10
"""How many decisions about a ticket are shown, newest first."""

route = DeskGroup("route", help="Giving waiting tickets to who can take them.")


def _written(app: App, ticket: Ticket) -> None:
    kind = app.kind(ticket.__kind__)
    TicketGroup(kind, app.label(kind)).written(ticket.id, app)


# By itself ------------------------------------------------------------------------------------------------------


@route.define("run")
def run_now(app: App) -> None:
    """Route the queue once, now; `crm work` does so by itself. Shows what was given, of the tickets that you may read."""
    with app.crm.acting("worker:routing").transaction(unrestricted=True) as tx:
        done = run(tx)
    ids = [each.ticket.id for each in done.given]
    seen = {each.id: each for each in app.handle.get_many(Ticket, ids) if each is not None}
    rows = [
        {"subject": seen[each.ticket.id].subject, "agent": _actor(each), "id": each.ticket.id}
        for each in done.given
        if each.ticket.id in seen
    ]
    columns = {"subject": _("Subject"), "agent": _("Agent"), "id": _("Id")}
    show(app, rows, columns, empty=_("no ticket found an agent; `crm queue` says why"))


def _actor(choice: Choice) -> str | None:
    return None if choice.chosen is None else choice.chosen.agent.actor


@route.define("explain", TICKET)
def explain(app: App, ticket: str) -> None:
    """Why a ticket went to whom, or waits, and what would happen now, as far as you may read; nothing is changed."""
    found = app.handle.get(Ticket, ticket)
    seen = {each.actor for each in app.handle.find(Agent)}
    past = app.handle.find(RoutingDecision, where.ticket_id == found.id, order="-at", limit=SHOWN)
    decisions = [_decision(app, each, seen) for each in past]
    choice = (
        Desk.of(app.handle, app.crm.storage.state(CREDIT)).choose(found) if waits(found) else None
    )
    if app.format == "json":
        write_json({"ticket": found.id, "decisions": decisions, "now": choice and _now(choice)})
        return
    columns = {
        "at": _("At"),
        "outcome": _("Decided"),
        "agent": _("Agent"),
        "strategy": _("Strategy"),
    }
    columns |= {"why": _("Why"), "others": _("Candidates")}
    show(app, decisions, columns, empty=_("nothing was decided about it yet"))
    _show_now(app, found, choice)


def _decision(app: App, made: RoutingDecision, seen: set[str]) -> dict[str, Any]:
    found = document(app.kind("routing_decision"), made)
    found["candidates"] = [each for each in made.candidates if each["agent"] in seen]
    if app.format != "table":
        others = [f"{each['agent']} {each['why']}" for each in found["candidates"]]
        return found if app.format == "json" else {**found, "why": made.reason, "others": others}
    others = [f"{each['agent']} {why_not(each['why'])}" for each in found["candidates"]]
    reason = why_queued(made.reason) if made.outcome == "queued" else why_not(made.reason)
    return {
        **found,
        "at": made.at,
        "outcome": said(app, made.outcome),
        "strategy": said(app, made.strategy),
        "why": reason,
        "others": others,
    }


def _now(choice: Choice) -> dict[str, Any]:
    return {
        "agent": _actor(choice),
        "reason": choice.reason,
        "skills": list(choice.skills),
        "candidates": list(choice.candidates),
    }


def _show_now(app: App, ticket: Ticket, choice: Choice | None) -> None:
    if choice is None:
        who = _("it has an assignee, {actor}").format(actor=ticket.assignee)
        note(
            who
            if ticket.assignee
            else _("it does not wait: it is {state}").format(state=word(ticket.state))
        )
        return
    seats = Desk.of(app.handle).seats
    rows = [_candidate(each, seats[each["agent"]]) for each in choice.candidates]
    columns = {
        "agent": _("Agent"),
        "verdict": _("Now"),
        "load": _("Load"),
        "capacity": _("Capacity"),
    }
    show(app, rows, {**columns, "skills": _("Skills")}, heading=_("What would happen now"))
    if choice.chosen is None:
        note(_("it stays in the queue: {why}").format(why=why_queued(choice.reason)))
    if choice.skills != ticket.skills:
        dropped = ", ".join(ticket.skills[len(choice.skills) :])
        note(_("it has waited so long that it can do without: {skills}").format(skills=dropped))


def _candidate(each: dict[str, str], seat: Seat) -> dict[str, Any]:
    own = {"load": seat.total, "capacity": seat.agent.capacity, "skills": sorted(seat.skills)}
    return {**each, "verdict": why_not(each["why"]), **own}


# By hand --------------------------------------------------------------------------------------------------------


@route.define("take", click.Option(["--as", "agent"], metavar="AGENT", help="Who; else yourself."))
def take(app: App, agent: str | None) -> None:
    """Take the next ticket that you are eligible for, of those that you may read, and print it."""
    who = agent_named(app.handle, agent or app.handle.actor.id)
    taken = byhand.take(app.handle, who)
    if taken is None:
        note(_("no ticket waits that {actor} could take").format(actor=who.actor))
    else:
        _written(app, taken)


@route.define(
    "assign",
    TICKET,
    AGENT,
    click.Option(
        ["--over"], is_flag=True, help="Also over their capacity, or if they are not eligible."
    ),
)
def assign(app: App, ticket: str, agent: str, over: bool) -> None:
    """Give somebody a ticket by hand, whoever has it, and print it."""
    _written(app, byhand.assign(app.handle, ticket, agent_named(app.handle, agent), over=over))


@route.define("release", AGENT, click.Argument(["tickets"], nargs=-1))
def release(app: App, agent: str, tickets: Sequence[str]) -> None:
    """Put an agent's active tickets back into the queue; TICKETS that are named do not go to that agent again."""
    who = actor_named(app.handle, agent)
    if who is None:  # no agent any more, or never one
        mine = app.handle.count(Ticket, where.assignee == agent)
        who = agent if mine else agent_named(app.handle, agent).actor
    released = byhand.release(app.handle, who, tickets)
    rows = [
        document(app.kind("ticket"), each) | {"priority": said(app, each.priority)}
        for each in released
    ]
    columns = {"subject": _("Subject"), "priority": _("Priority"), "id": _("Id")}
    empty = _("{actor} has no active ticket").format(actor=who)
    show(app, rows, columns, empty=empty)
