"""Who may be given a ticket by routing, and of the others, why not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from crmkit_operational.routing.staff import Seat
from crmkit_operational.service.kinds import Ticket

__all__ = ["REASONS", "foremost", "needed", "rejection"]

REASONS = (
    "no_agents",
    "offline",
    "channel",
    "team",
    "skills",
    "excluded",
    "hours",
    "full",
)
"""Why not, in the order in which it is asked. The last that anybody got to is why a ticket stays in the queue."""


def needed(ticket: Ticket, now: datetime, timeout: int) -> tuple[str, ...]:
    """The skills that a ticket needs by now: one less from the end for each `timeout` minutes it has waited.

    The first always stays. A `timeout` of 0 keeps all.
    """
    if not timeout or ticket.queued_at is None or len(ticket.skills) < 2:
        return ticket.skills
    dropped = max(0, (now - ticket.queued_at) // timedelta(minutes=timeout))
    return ticket.skills[: max(1, len(ticket.skills) - dropped)]


def rejection(seat: Seat, ticket: Ticket, skills: Iterable[str]) -> str | None:
    """Why routing may not give an agent this ticket, one of `REASONS`; None if it may.

    `skills` are those that the ticket needs by now.
    """
    agent, most = seat.agent, seat.most(ticket.channel)
    if agent.status != "online":
        return "offline"
    if most <= 0:
        return "channel"
    if ticket.team is not None and ticket.team != agent.team:
        return "team"
    if not seat.skills.issuperset(skills):
        return "skills"
    if agent.actor in ticket.excluded:
        return "excluded"
    if seat.works is False:
        return "hours"
    if seat.total >= agent.capacity or seat.load.get(ticket.channel, 0) >= most:
        return "full"
    return None


def foremost(reasons: Iterable[str]) -> str:
    """Why nobody is eligible: what keeps those who were closest to it."""
    return max(reasons, key=REASONS.index, default=REASONS[0])
