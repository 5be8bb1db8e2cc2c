"""Who works at a moment, by the hours and the time zone of each, and who comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from crmkit import CrmError, Reader, where
from crmkit_collaborative.directory.hours import is_open, next_opening
from crmkit_collaborative.directory.structure import in_force
from crmkit_collaborative.directory.zones import member_zone
from crmkit_collaborative.kinds import Branch, Member, Membership, Team

__all__ = ["Presence", "presence_of", "presences", "teams_of"]


@attrs.frozen
class Presence:
    """A member at a moment: whether they work, None if nobody knows their hours, and when they come next."""

    member: Member
    branch: Branch | None
    zone: ZoneInfo
    moment: datetime
    works: bool | None

    @property
    def local(self) -> datetime:
        """What their clock shows."""
        return self.moment.astimezone(self.zone)

    @property
    def comes(self) -> datetime | None:
        """When they work next: at the moment, if they do."""
        hours = self.member.working_hours
        return None if self.works is None else next_opening(hours, self.zone, self.moment)


def presences(
    reader: Reader, moment: datetime, skill: str | None = None, language: str | None = None
) -> Iterator[Presence]:
    """The members with a skill and a language, by name, and whether they work at the moment."""
    wanted: list[Any] = [] if skill is None else [where.skills.has(skill)]
    wanted += [] if language is None else [where.languages.has(language)]
    branches = {each.id: each for each in reader.find(Branch)}
    for member in sorted(reader.find(Member, *wanted), key=lambda each: (str(each.name), each.id)):
        yield presence_of(reader, member, branches, moment)


def presence_of(
    reader: Reader, member: Member, branches: Mapping[str, Branch], moment: datetime
) -> Presence:
    """Whether one member works at a moment; what an actor may not see of them is not known."""
    branch = branches.get(member.branch_id) if member.branch_id else None
    zone = member_zone(member, branch, reader.company.timezone)
    hours = member.working_hours
    try:
        known = isinstance(hours, Mapping) and any(hours.values())
        works = is_open(hours, zone, moment) if known else None
    except CrmError:  # hours from before they were checked
        works = None
    return Presence(member, branch, zone, moment, works)


def teams_of(
    reader: Reader, members: list[Member], moment: datetime, as_of: datetime | None = None
) -> dict[str, list[Team]]:
    """The teams of members on the day of a moment, by member: those that may be read, by name."""
    found: dict[str, list[Team]] = {each.id: [] for each in members}
    day = moment.astimezone(ZoneInfo(reader.company.timezone)).date()
    # A membership whose team is gone from view says nothing.
    teams = {each.id: each for each in reader.find(Team, as_of=as_of)}
    of_them = [where.member_id.in_(found)] if len(found) < 500 else []
    for each in reader.find(Membership, *of_them, *in_force(day), as_of=as_of):
        if each.member_id in found and each.team_id in teams:
            found[each.member_id].append(teams[each.team_id])
    return {id: sorted(own, key=lambda team: str(team.name)) for id, own in found.items()}
