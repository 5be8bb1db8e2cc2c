"""`crm directory`: who works where, who is in what, and who works right now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import click

from crmkit import Record, ValueRefused, where
from crmkit.cli.app import App
from crmkit.cli.command import Group, Time, many
from crmkit.cli.output import document, note, show
from crmkit.cli.records import KindGroup
from crmkit.errors import NotFound
from crmkit_collaborative.directory.finding import named
from crmkit_collaborative.directory.hours import read_hours
from crmkit_collaborative.directory.presence import Presence, presences, teams_of
from crmkit_collaborative.directory.structure import Entry, in_force, structure
from crmkit_collaborative.kinds import Branch, Department, Member, Membership, Team
from crmkit_collaborative.words import _

__all__ = ["directory"]

NAME = click.Argument(["name"])
MEMBER, TEAM = click.Argument(["member"]), click.Argument(["team"])
ZONE = click.Option(["--timezone"], metavar="ZONE", help="The time zone, as in Asia/Seoul.")
BRANCH = click.Option(["--branch"], metavar="BRANCH", help="The branch it belongs to.")
INDENT = "  "


class Day(click.ParamType[date]):
    """A day that a person writes, as in 2026-03-01."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """The day."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value.strip())
        except ValueError:
            text = _("{value} is no day; write it as in 2026-03-01")
            self.fail(text.format(value=repr(value)[:60]), param, ctx)


directory = Group("directory", help="Who works where, who is in what, and when.")
add = Group("add", help="Add a department, a branch, a team or a member.")
directory.add_command(add)


def _today(app: App) -> date:
    return app.crm.clock().astimezone(app.timezone).date()


def _written(app: App, record: Record) -> None:
    kind = app.kind(record.__kind__)
    KindGroup(kind, app.label(kind)).written(record.id, app)


# Looking --------------------------------------------------------------------------------------------------------


@directory.define("show", click.Option(["--on"], type=Day(), help="On this day; else today."))
def show_directory(app: App, on: date | None) -> None:
    """Departments, their teams and who is in them on a day."""
    rows = [_row(app, each) for each in structure(app.handle, on or _today(app))]
    columns = {"name": _("Name"), "kind": _("Kind"), "role": _("Role")}
    columns |= {"since": _("Since"), "branch": _("Branch"), "id": _("Id")}
    if app.format == "csv":  # where nothing is indented
        columns = {"level": "level"} | columns
    empty = _("nobody is in the directory yet; `crm directory add` does it")
    show(app, rows, columns, empty=empty)


def _row(app: App, entry: Entry) -> dict[str, Any]:
    is_table, record, membership = app.format == "table", entry.record, entry.membership
    kind = app.kind(record.__kind__)
    indent = INDENT * entry.level if is_table else ""
    found = {
        "level": entry.level,
        "kind": app.label(kind) if is_table else kind.name,
        "id": record.id,
        "name": f"{indent}{record.name}",
        "branch": entry.branch and entry.branch.name,
        "role": membership and membership.role,
        "since": membership and membership.since,
        "until": membership and membership.until,
    }
    return {name: value for name, value in found.items() if value is not None}


@directory.define(
    "who",
    click.Option(["--skill"], help="Only who can do this."),
    click.Option(["--language"], help="Only who speaks it, as in ko."),
    click.Option(["--at"], type=Time(), help="At this time; else now."),
)
def who(app: App, skill: str | None, language: str | None, at: datetime | None) -> None:
    """Who works at a moment, by the hours and the time zone of each."""
    try:
        everyone = list(presences(app.handle, at or app.crm.clock(), skill, language))
        there = [each for each in everyone if each.works]
        teams = teams_of(app.handle, [each.member for each in there], at or app.crm.clock())
        rows = [_presence(app, each, teams[each.member.id]) for each in there]
        columns = {"name": _("Name"), "teams": _("Teams"), "local": _("Their time")}
        columns |= {"branch": _("Branch"), "skills": _("Skills"), "languages": _("Languages")}
        show(app, rows, columns | {"actor": _("Actor")}, empty=_empty(app, everyone))
    except OverflowError:
        raise ValueRefused("no calendar goes that far; give an earlier time with --at") from None
    if unknown := sum(each.works is None for each in everyone):
        text = _("members without working hours, which `crm record member edit` sets: {count}")
        note(text.format(count=unknown))


def _presence(app: App, found: Presence, teams: Sequence[Team]) -> dict[str, Any]:
    member = document(app.kind("member"), found.member)
    local = found.local.isoformat(" ")[:16] if app.format == "table" else found.local.isoformat()
    own = {"branch": found.branch and found.branch.name, "teams": [each.name for each in teams]}
    lists = {name: member.get(name, []) for name in ("skills", "languages")}
    return {**member, **lists, **own, "timezone": found.zone.key, "local": local}


def _empty(app: App, everyone: Sequence[Presence]) -> str:
    coming = [(each.comes, each) for each in everyone if each.comes]
    if not coming:
        return _("nobody works then")
    at, first = min(coming, key=lambda pair: pair[0])
    text = _("nobody works then; the next is {name} at {time}")
    return text.format(name=first.member.name, time=app.local(at))


# Adding ---------------------------------------------------------------------------------------------------------


def _add(app: App, made: Record) -> None:
    with app.handle.transaction() as tx:
        tx.add(made)
    _written(app, made)


def _id(app: App, kind: Any, text: str | None) -> str | None:
    return None if text is None else named(app.handle, kind, text).id


@add.define("department", NAME, click.Option(["--parent"], help="The larger one that it is in."))
def add_department(app: App, name: str, parent: str | None) -> None:
    """Add a department, and print it."""
    _add(app, Department(name=name, parent_id=_id(app, Department, parent)))


@add.define("branch", NAME, ZONE, click.Option(["--country"], help="Where it is, as in KR."))
def add_branch(app: App, name: str, timezone: str | None, country: str | None) -> None:
    """Add a branch, and print it."""
    _add(app, Branch(name=name, timezone=timezone, country=country))


@add.define("team", NAME, click.Option(["--department"], help="The department it is in."), BRANCH)
def add_team(app: App, name: str, department: str | None, branch: str | None) -> None:
    """Add a team, and print it."""
    part_of, place = _id(app, Department, department), _id(app, Branch, branch)
    _add(app, Team(name=name, department_id=part_of, branch_id=place))


@add.define(
    "member",
    NAME,
    click.Option(["--as", "acts_as"], metavar="ID", required=True, help="The id they act under."),
    BRANCH,
    many("--skill", "skills", "SKILL", help="What they can do."),
    many("--language", "languages", "LANGUAGE", help="What they speak, as in ko."),
    ZONE,
    many("--hours", "hours", "HOURS", help="When they work, as in 'mon-fri 09:00-18:00'."),
)
def add_member(app: App, name: str, acts_as: str, branch: str | None, **given: Any) -> None:
    """Add a member, and print it."""
    hours = read_hours(given.pop("hours"))
    place = _id(app, Branch, branch)
    _add(app, Member(name=name, actor=acts_as, branch_id=place, working_hours=hours, **given))


# Teams ----------------------------------------------------------------------------------------------------------


@directory.define(
    "join",
    MEMBER,
    TEAM,
    click.Option(["--role"], default="member", show_default=True, help="What they are in it."),
    click.Option(["--since"], type=Day(), help="From this day on; else today."),
)
def join(app: App, member: str, team: str, role: str, since: date | None) -> None:
    """Put a member into a team, and print that."""
    who, which = named(app.handle, Member, member), named(app.handle, Team, team)
    start = since or _today(app)
    _add(app, Membership(member_id=who.id, team_id=which.id, role=role, since=start))


@directory.define(
    "leave",
    MEMBER,
    TEAM,
    click.Option(["--on"], type=Day(), help="The first day on which they are gone; else today."),
)
def leave(app: App, member: str, team: str, on: date | None) -> None:
    """Let a member leave a team, and print the membership, which stays for the days before."""
    who, which = named(app.handle, Member, member), named(app.handle, Team, team)
    day = on or _today(app)
    with app.handle.transaction() as tx:
        own = (where.member_id == who.id, where.team_id == which.id)
        found = next(tx.find(Membership, *own, *in_force(day)), None)
        if found is None:
            which_day = f"{who.name} / {which.name} / {day.isoformat()}"
            hint = "see who is in it with `crm directory show --on DAY`"
            raise NotFound(Membership.__kind__, which_day, hint)
        tx.update(found.evolve(until=day))
    _written(app, found)
