"""Who is expected to work with the CRM: the members of the directory, and where they belong, as it was at a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from crmkit import Reader
    from crmkit_analytical.report.asking import Ask

__all__ = ["BY", "Directory", "Person", "directory"]


@attrs.frozen
class Person:
    """A member: their record's id, the id under which they act, their name, since when the directory has them, and the
    ids of the groups that they are in.
    """

    id: str
    actor: str
    name: str
    since: datetime
    groups: tuple[str, ...]


@attrs.frozen
class Directory:
    """The members who are `expected`, those who have `left` every team (their ids), and the `names` of groups by id."""

    expected: tuple[Person, ...]
    left: tuple[str, ...]
    names: Mapping[str, str]


def directory(ask: Ask, by: str, moment: datetime) -> Directory:
    """The directory at a moment, as far as whoever asks may read it.

    Raises `RestrictedError` if they may not see who acts as whom or who is in what, and `TrimmedError` where the past
    is not known any more.
    """
    for kind in ask.report.kinds:
        # Nothing is read by this: a masked field is refused with a sentence, instead of counted as another value.
        ask.table(kind)
    as_of = moment if moment < ask.now else None
    day = moment.astimezone(ask.zone).date()
    return _read(ask.reader, by, day, as_of)


def _read(reader: Reader, by: str, day: date, as_of: datetime | None) -> Directory:
    members = sorted(reader.find("member", as_of=as_of), key=lambda each: each.id)
    stays: dict[str, list[Any]] = {}
    for stay in reader.find("membership", as_of=as_of):
        stays.setdefault(stay["member_id"], []).append(stay)
    groups, names = BY[by](reader, as_of)
    expected, left = [], []
    for member in members:
        own = stays.get(member.id, [])
        teams = [each["team_id"] for each in own if _is_in_force(each, day)]
        if own and not teams:
            left.append(member.id)
            continue
        known = dict.fromkeys(each for each in groups(member, teams) if each in names)
        who = (member.id, member["actor"], str(member["name"]), member.created_at)
        expected.append(Person(*who, tuple(known)))
    return Directory(tuple(expected), tuple(left), names)


def _is_in_force(stay: Any, day: date) -> bool:
    """Whether a membership holds on a day: from `since` on, and on the days before `until`."""
    since, until = stay["since"], stay["until"]
    return (since is None or since <= day) and (until is None or until > day)


# Where members belong -------------------------------------------------------------------------------------------

Groups = Callable[[Any, Iterable[str]], Iterable[str]]
"""Given a member and the ids of their teams, the ids of their groups."""


def _by_team(reader: Reader, as_of: datetime | None) -> tuple[Groups, dict[str, str]]:
    return lambda member, teams: teams, _names(reader.find("team", as_of=as_of))


def _by_branch(reader: Reader, as_of: datetime | None) -> tuple[Groups, dict[str, str]]:
    names = _names(reader.find("branch", as_of=as_of))
    return lambda member, teams: [member["branch_id"]], names


def _by_department(reader: Reader, as_of: datetime | None) -> tuple[Groups, dict[str, str]]:
    """The departments of the teams, and those that they are part of."""
    found = list(reader.find("department", as_of=as_of))
    parents = {each.id: each["parent_id"] for each in found}
    own = {each.id: each["department_id"] for each in reader.find("team", as_of=as_of)}

    def groups(member: Any, teams: Iterable[str]) -> Iterator[str]:
        for team in teams:
            at, seen = own.get(team), set[str]()
            while at is not None and at not in seen:  # older data may hold a circle
                yield at
                seen.add(at)
                at = parents.get(at)

    return groups, _names(found)


def _names(found: Iterable[Any]) -> dict[str, str]:
    # Under a mask all would have one name.
    return {each.id: each["name"] if isinstance(each["name"], str) else each.id for each in found}


BY: Mapping[str, Callable[[Reader, datetime | None], tuple[Groups, dict[str, str]]]] = {
    "department": _by_department,
    "team": _by_team,
    "branch": _by_branch,
}
"""How members are grouped."""
