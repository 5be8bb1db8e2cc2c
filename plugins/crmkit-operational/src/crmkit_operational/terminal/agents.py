"""`crm agent`: who takes tickets, how many, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from crmkit import QueryError, Reader, Record, ValueRefused
from crmkit.cli.app import App
from crmkit.cli.command import many
from crmkit.cli.output import document, note, show
from crmkit_operational.clock.finding import calendar_named
from crmkit_operational.clock.kinds import Calendar
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.routing.staff import Seat, agent_named, seats
from crmkit_operational.terminal.reading import DeskGroup, RecordGroup, called, said
from crmkit_operational.words import _

__all__ = ["agent"]

AGENT = click.Argument(["agent"])
CAPACITY = click.Option(["--capacity"], type=int, help="How many tickets at once.")
CHANNEL = many(
    "--channel", "channels", "CHANNEL=N", help="How many of these on a channel; 0: none."
)
SKILL = many("--skill", "skills", "SKILL", help="What they can do.")
TEAM = click.Option(["--team"], help="The team whose tickets they take, too.")
CALENDAR = click.Option(["--calendar"], help="When they work: a business calendar, by name or id.")

agent = DeskGroup("agent", help="Who takes tickets, how many, and whether they are there.")


@agent.define(
    "add",
    click.Argument(["name"]),
    click.Option(["--as", "acts_as"], metavar="ID", required=True, help="The id they act under."),
    CAPACITY,
    CHANNEL,
    SKILL,
    TEAM,
    CALENDAR,
)
def add_agent(app: App, name: str, acts_as: str, **given: Any) -> None:
    """Add an agent, who is offline at first, and print them."""
    with app.handle.transaction() as tx:
        made = tx.add(Agent(actor=acts_as, name=name, **_changes(tx, {}, given)))
    _written(app, made)


@agent.define("set", AGENT, CAPACITY, CHANNEL, SKILL, TEAM, CALENDAR)
def set_agent(app: App, agent: str, **given: Any) -> None:
    """Change what an agent takes, and print them; skills that are given replace those there are."""
    found = agent_named(app.handle, agent)
    changes = _changes(app.handle, found.capacities, given)
    if not changes:
        raise QueryError(f"nothing of {found.actor} was changed; say what, as in --capacity 8")
    with app.handle.transaction() as tx:
        tx.update(found.evolve(**changes))
    _written(app, found)


def _changes(
    reader: Reader, capacities: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    found = {name: given[name] for name in ("capacity", "team") if given[name] is not None}
    if given["channels"]:
        found["capacities"] = {**capacities, **_capacities(given["channels"])}
    if given["skills"]:
        found["skills"] = tuple(dict.fromkeys(given["skills"]))
    if given["calendar"] is not None:
        found["calendar_id"] = calendar_named(reader, given["calendar"]).id
    return found


def _capacities(texts: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        channel, _, number = text.partition("=")
        if not channel.strip() or not (number.isascii() and number.isdigit()) or len(number) > 6:
            raise ValueRefused(f"--channel {text!r:.60} is not understood; write it as in email=3")
        found[channel.strip()] = int(number)
    return found


class AgentGroup(RecordGroup):
    """Prints agents with their capacities as people give them."""

    def details(self, record: Record, app: App) -> Mapping[str, tuple[str, Any]]:
        """The capacity on each channel and the calendar by name; a mapping and an id for scripts."""
        if app.format != "table":
            return {}
        found = {**super().details(record, app), **called(app, record, "calendar_id", Calendar)}
        if isinstance(capacities := record["capacities"], Mapping):
            label = app.label(app.kind(Agent.__kind__).field("capacities"))
            found["capacities"] = label, [f"{each}={most}" for each, most in capacities.items()]
        return found


def _written(app: App, record: Agent) -> None:
    kind = app.kind(record.__kind__)
    AgentGroup(kind, app.label(kind)).written(record.id, app)


# Who is there ---------------------------------------------------------------------------------------------------


@agent.define("online", AGENT)
def come_online(app: App, agent: str) -> None:
    """Let routing give an agent tickets, and print them."""
    _become(app, agent, "online")


@agent.define("away", AGENT)
def go_away(app: App, agent: str) -> None:
    """Let an agent keep their tickets and get no more for now."""
    _become(app, agent, "away")


@agent.define("offline", AGENT)
def go_offline(app: App, agent: str) -> None:
    """Let an agent get no more tickets: they have left."""
    _become(app, agent, "offline")


def _become(app: App, name: str, status: str) -> None:
    found = agent_named(app.handle, name)
    with app.handle.transaction() as tx:
        tx.update(found.evolve(status=status))
    _written(app, found)
    held = seats(app.handle, [found], app.crm.clock())[found.actor].total
    if held and status != "online":
        left = _("{actor} still has {count} tickets; `crm route release {actor}` puts them back into the queue")  # fmt: skip
        note(left.format(actor=found.actor, count=held))


@agent.define("list", click.Option(["--explain"], is_flag=True, help="Say what load and room are."))
def list_agents(app: App, explain: bool) -> None:
    """The agents, their load and their room, counted from the tickets that you may read."""
    agents = sorted(app.handle.find(Agent), key=lambda each: (str(each.name), each.id))
    found = seats(app.handle, agents, app.crm.clock())
    rows = [_row(app, found[each.actor]) for each in agents]
    columns = {
        "name": _("Name"),
        "actor": _("Actor"),
        "status": _("Status"),
        "works": _("Works now"),
    }
    columns |= {"load": _("Load"), "capacity": _("Capacity"), "by_channel": _("By channel")}
    columns |= {"skills": _("Skills"), "team": _("Team")}
    show(app, rows, columns, empty=_("there are no agents yet; `crm agent add` adds one"))
    if explain:
        note(_("Load: the tickets in the states new and open whose assignee they are, of those that you may read; by channel it is load/capacity. Works now: by their business calendar, else by the working hours of the directory's member of the same actor; empty if there is neither. Skills: their own and those of that member."))  # fmt: skip


def _row(app: App, seat: Seat) -> dict[str, Any]:
    load = {str(channel or ""): count for channel, count in sorted(seat.load.items(), key=str)}
    channels = sorted({*load, *seat.agent.capacities} - {""})
    by_channel = [
        f"{each} {load.get(each, 0)}/{seat.agent.capacities.get(each, '-')}" for each in channels
    ]
    own = {
        "works": seat.works,
        "load": seat.total,
        "load_by_channel": load,
        "by_channel": by_channel,
    }
    own |= {"status": said(app, seat.agent.status), "skills": sorted(seat.skills)}
    return document(app.kind("agent"), seat.agent) | own
