"""Time zones by their names, and whose clock a member works by."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from crmkit import ValueRefused
from crmkit_collaborative.kinds import Branch, Member

__all__ = ["member_zone", "zone_of"]


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name; raises `ValueRefused` for one that is not there."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        text = f"{name!r:.60} is no time zone; write one as in Asia/Seoul or Europe/Berlin"
        raise ValueRefused(text) from None


def member_zone(member: Member, branch: Branch | None, company: str) -> ZoneInfo:
    """The member's own zone, else that of the branch, else the company's."""
    own = [member.timezone, branch and branch.timezone]
    # What an actor may not see stands as a mask, and old databases may know zones that this one does not.
    for name in filter(lambda each: isinstance(each, str), own):
        try:
            return zone_of(str(name))
        except ValueRefused:
            continue
    return zone_of(company)
