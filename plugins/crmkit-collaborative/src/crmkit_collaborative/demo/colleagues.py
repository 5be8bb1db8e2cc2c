"""Who works where in the company: departments, branches, teams, members, and who was in what team when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import attrs
from crmkit_demo.story import Branch as Place
from crmkit_demo.story import Staff, Step, Story

from crmkit import Actor, Transaction
from crmkit_collaborative.directory.hours import DAYS
from crmkit_collaborative.kinds import Branch, Department, Member, Membership, Team

__all__ = ["Teams", "colleagues"]

CARE, WHOLESALE = "Customer Care", "Wholesale"
DEPARTMENTS = {CARE: None, "Sales": None, WHOLESALE: "Sales"}
"""Each with the one that it is part of."""
TEAMS = {
    "KR": {CARE: "{branch} 고객상담팀", WHOLESALE: "{branch} 도매영업팀"},
    "GB": {CARE: "{branch} Customer Care", WHOLESALE: "{branch} Wholesale"},
}
SPOKEN = {"KR": "ko", "GB": "en"}
SKILLS = {CARE: ("refunds", "deliveries"), WHOLESALE: ("quotes", "contracts")}
MORE_SKILLS = ("complaints", "invoices", "machine repair", "barista training")
REMOTE = ZoneInfo("Europe/Madrid")
"""Whoever came last to a branch abroad works from there."""
MOVES = timedelta(days=365)
"""After so long the second of a branch moves from care to wholesale."""

Teams = Mapping[tuple[str, str], str]
"""(branch, department) -> the id of the team."""


@attrs.frozen
class Stay:
    """Somebody is in a team from `since` on, until `until` if that comes."""

    department: str
    since: datetime
    until: datetime | None = None
    role: str = "member"


def colleagues(story: Story) -> tuple[Teams, list[Step]]:
    """The teams, and the steps in which the directory is written as people come, move and leave."""
    directory = _Directory(story)
    steps = list(directory.steps())
    return directory.teams, [each for each in steps if each.at < story.until]


class _Directory:
    """What is there of the directory: ids by name, given out as the steps are made."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.teams: dict[tuple[str, str], str] = {}
        self.departments: dict[str, str] = {}

    def steps(self) -> Iterator[Step]:
        yield Step(self.story.since, list(self._departments()))
        for place in self.story.branches:
            branch = self._branch(place)
            yield Step(place.opened, [branch, *self._teams(place, branch)], actor=_head(place))
            for staff in place.staff:
                yield from self._member(place, branch, staff)

    def _departments(self) -> Iterator[Department]:
        for name, parent in DEPARTMENTS.items():
            id = self.departments[name] = self.story.new_id(self.story.since)
            above = self.departments[parent] if parent else None
            yield Department(id=id, name=name, parent_id=above)

    def _branch(self, place: Place) -> Branch:
        return Branch(
            id=self.story.new_id(place.opened),
            name=place.name,
            timezone=place.timezone,
            country=place.country,
        )

    def _teams(self, place: Place, branch: Branch) -> Iterator[Team]:
        for of, name in TEAMS[place.country].items():
            id = self.teams[place.name, of] = self.story.new_id(place.opened)
            yield Team(
                id=id,
                name=name.format(branch=place.name),
                department_id=self.departments[of],
                branch_id=branch.id,
            )

    def _member(self, place: Place, branch: Branch, staff: Staff) -> Iterator[Step]:
        random, stays = self.story.random, list(_stays(place, staff))
        skills = dict.fromkeys(skill for each in stays for skill in SKILLS[each.department])
        is_abroad = place is not self.story.branches[0]
        remote = REMOTE if is_abroad and staff is place.staff[-1] else None
        member = Member(
            id=self.story.new_id(staff.since),
            actor=staff.id,
            name=staff.names[SPOKEN[place.country]],
            branch_id=branch.id,
            skills=(*skills, random.choice(MORE_SKILLS)),
            languages=tuple(self._languages(place, staff)),
            timezone=remote.key if remote else None,
            working_hours=_hours(place, staff, remote),
        )
        yield Step(staff.since, [member], actor=_head(place))
        for each in stays:
            yield from self._stay(place, member, each)
        if staff.leaves is not None:
            yield Step(staff.leaves, write=partial(_gone, member.id), actor=_head(place))

    def _languages(self, place: Place, staff: Staff) -> Iterator[str]:
        """That of the branch, and those of the customers whom they are given."""
        own = SPOKEN[place.country]
        given = {str(each.record.language) for each in self.story.customers if each.owner is staff}
        yield from (own, *sorted(given - {own}))

    def _stay(self, place: Place, member: Member, stay: Stay) -> Iterator[Step]:
        made = Membership(
            id=self.story.new_id(stay.since),
            member_id=member.id,
            team_id=self.teams[place.name, stay.department],
            role=stay.role,
            since=place.hours.day_of(stay.since),
        )
        yield Step(stay.since, [made], actor=_head(place))
        if stay.until is not None:
            write = partial(_left, made.id, place.hours.day_of(stay.until))
            yield Step(stay.until, write=write, actor=_head(place))


def _head(place: Place) -> Actor:
    return place.staff[0].actor


def _left(id: str, on: date, tx: Transaction) -> None:
    tx.update(tx.get(Membership, id).evolve(until=on))


def _gone(id: str, tx: Transaction) -> None:
    """Whoever left is still known, as their contacts are, and never at work."""
    tx.update(tx.get(Member, id).evolve(working_hours={}))


def _stays(place: Place, staff: Staff) -> Iterator[Stay]:
    """The teams of somebody: the head leads the care of customers, the second the wholesale, later than that.

    Whoever follows somebody stays in care and is in both teams from then on.
    """
    leaver = next((each for each in place.staff if each.successor == staff.id), None)
    moves = place.hours.opening(place.hours.working_day(staff.since + MOVES))
    if staff is place.staff[0]:
        yield Stay(CARE, staff.since, staff.leaves, "lead")
    elif staff is place.staff[1]:
        yield Stay(CARE, staff.since, moves)
        yield Stay(WHOLESALE, moves, staff.leaves, "lead")
    elif staff.successor is not None:
        yield Stay(WHOLESALE, staff.since, staff.leaves)
    else:
        yield Stay(CARE, staff.since, staff.leaves)
        if leaver is not None and leaver.leaves is not None:
            yield Stay(WHOLESALE, leaver.leaves, staff.leaves)


def _hours(place: Place, staff: Staff, remote: ZoneInfo | None) -> dict[str, list[str]]:
    """The hours of the branch, on the clock that somebody works by; the head has lunch at twelve."""
    day = date(2026, 1, 5)  # clocks of one continent change together
    zone = remote or place.hours.zone
    opens, closes = (
        f"{moment.astimezone(zone):%H:%M}"
        for moment in (place.hours.opening(day), place.hours.closing(day))
    )
    whole = [f"{opens}-{closes}"]
    if staff is place.staff[0]:
        whole = [f"{opens}-12:00", f"13:00-{closes}"]
    return dict.fromkeys(DAYS[:5], whole)
