"""Who is in what on a day: departments in departments, teams in them, members in teams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import attrs

from crmkit import Reader, any_of, where
from crmkit_collaborative.kinds import Branch, Department, Member, Membership, Team

__all__ = ["Entry", "in_force", "structure"]


@attrs.frozen
class Entry:
    """A line of the directory: a department, a team or a member, and how deep it stands.

    `membership` is what puts a member there; None for the members who are in no team that day.
    """

    level: int
    record: Department | Team | Member
    membership: Membership | None = None
    branch: Branch | None = None


def in_force(day: date) -> tuple[Any, ...]:
    """The conditions of memberships on a day."""
    began = any_of(where.since.missing(), where.since <= day)
    return began, any_of(where.until.missing(), where.until > day)


def structure(reader: Reader, day: date) -> Iterator[Entry]:
    """The lines of the directory, from the departments down; whoever is in no team comes last."""
    yield from _Structure(reader, day).entries()


class _Structure:
    """What the actor may read of the directory on one day."""

    def __init__(self, reader: Reader, day: date) -> None:
        self.departments = _by_name(reader.find(Department))
        self.teams = _by_name(reader.find(Team))
        self.members = {each.id: each for each in _by_name(reader.find(Member))}
        self.branches = {each.id: each for each in reader.find(Branch)}
        self.memberships: dict[str, list[Membership]] = {}
        for each in reader.find(Membership, *in_force(day)):
            self.memberships.setdefault(each.team_id, []).append(each)

    def entries(self) -> Iterator[Entry]:
        known = {each.id for each in self.departments}
        shown: set[str] = set()
        # One whose parent cannot be read is shown as if it had none. In a circle, which older data may hold, nobody
        # is the topmost: the first by name is taken for it.
        tops = [each for each in self.departments if each.parent_id not in known]
        for department in [*tops, *self.departments]:
            yield from self._department(department, shown)
        for team in self.teams:
            if team.department_id not in known:
                yield from self._team(team, 0)
        placed = {each.member_id for team in self.teams for each in self._of(team)}
        for member in self.members.values():
            if member.id not in placed:
                yield Entry(0, member, None, self._branch(member))

    def _department(self, department: Department, shown: set[str]) -> Iterator[Entry]:
        waiting = [(0, department)]
        while waiting:
            level, each = waiting.pop()
            if each.id in shown:
                continue
            shown.add(each.id)
            yield Entry(level, each)
            for team in self.teams:
                if team.department_id == each.id:
                    yield from self._team(team, level + 1)
            parts = [part for part in self.departments if part.parent_id == each.id]
            waiting += [(level + 1, part) for part in reversed(parts)]

    def _team(self, team: Team, level: int) -> Iterator[Entry]:
        yield Entry(level, team, None, self._branch(team))
        place = {id: number for number, id in enumerate(self.members)}
        for each in sorted(self._of(team), key=lambda each: place[each.member_id]):
            member = self.members[each.member_id]
            yield Entry(level + 1, member, each, self._branch(member))

    def _of(self, team: Team) -> list[Membership]:
        found = self.memberships.get(team.id, [])
        return [each for each in found if each.member_id in self.members]

    def _branch(self, record: Team | Member) -> Branch | None:
        return self.branches.get(record.branch_id) if record.branch_id else None


def _by_name(records: Iterable[Any]) -> list[Any]:
    return sorted(records, key=lambda each: (str(each.name), each.id))
