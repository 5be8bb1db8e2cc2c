"""What people do by hand: take the next ticket, give one to somebody, give tickets back.

Each looks for tickets among those that the actor may read; room is counted from all there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from crmkit import CrmError, Handle, Reader, Transaction, where
from crmkit_operational.routing.claiming import Raced, claim_or_leave, decision
from crmkit_operational.routing.desk import locked_seat
from crmkit_operational.routing.eligibility import needed, rejection
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.routing.queue import pages
from crmkit_operational.routing.rules import hold
from crmkit_operational.routing.staff import ACTIVE, Seat
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.settings import Settings

__all__ = ["RoutingRefused", "assign", "release", "take"]

WORDS = {
    "offline": "is not online",
    "channel": "takes nothing of this channel",
    "team": "is in another team",
    "skills": "lacks a skill that it needs",
    "excluded": "has given it back before",
    "hours": "is outside of their working hours",
    "full": "has no room",
}


class RoutingRefused(CrmError, ValueError):
    """An agent may not be given a ticket now; `reason` is one of `eligibility.REASONS`, or what became of the ticket."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


def take(handle: Handle, agent: Agent) -> Ticket | None:
    """Give an agent the first ticket of the queue that they are eligible for; None if there is none.

    Raises `RoutingRefused` if they could not take any.
    """
    for page in pages(handle):
        waiting, is_through = iter(page), False
        while not is_through:
            try:
                if (stored := _first(handle, agent, waiting)) is not None:
                    return stored
                is_through = True
            except Raced:  # it is gone meanwhile, and the next one is looked at
                continue
    return None


def _first(handle: Handle, agent: Agent, waiting: Iterator[Ticket]) -> Ticket | None:
    with handle.transaction(unrestricted=True) as tx:
        seat = _with_room(tx, agent)
        for ticket in waiting:
            if _eligible(tx, seat, ticket):
                return _given(tx, ticket, seat, "taken")
    return None


def _with_room(tx: Transaction, agent: Agent) -> Seat:
    seat = locked_seat(tx, agent)
    if not seat.has_room:
        raise _refused(seat, _idle(seat), "any ticket")
    return seat


def _idle(seat: Seat) -> str:
    if seat.agent.status != "online":
        return "offline"
    return "hours" if seat.works is False else "full"


def _eligible(reader: Reader, seat: Seat, ticket: Ticket) -> bool:
    skills = needed(ticket, reader.now(), reader.settings(Settings).skill_timeout)
    return rejection(seat, ticket, skills) is None


def assign(handle: Handle, ticket_id: str, agent: Agent, *, over: bool = False) -> Ticket:
    """Give an agent a ticket, whoever has it; `over` also if they are not eligible for it, or have no room.

    Raises `RoutingRefused`, and `NotFound` for a ticket that the actor may not read.
    """
    handle.get(Ticket, ticket_id)
    try:
        return _assigned(handle, ticket_id, agent, over=over)
    except Raced:
        text = f"ticket {ticket_id} was changed meanwhile; look at it and try again"
        raise RoutingRefused(text, "changed") from None


def _assigned(handle: Handle, ticket_id: str, agent: Agent, *, over: bool) -> Ticket:
    with handle.transaction(unrestricted=True) as tx:
        seat, ticket = locked_seat(tx, agent), tx.get(Ticket, ticket_id)
        if ticket.state not in ACTIVE or ticket.assignee == agent.actor:
            state = "has it already" if ticket.assignee == agent.actor else f"it is {ticket.state}"
            text = f"ticket {ticket.id} cannot be given to {agent.actor}: {state}"
            raise RoutingRefused(text, ticket.state)
        skills = needed(ticket, tx.now(), tx.settings(Settings).skill_timeout)
        why = rejection(seat, ticket, skills)
        if why is not None and not over:
            raise _refused(seat, why, f"ticket {ticket.id}")
        return _given(tx, ticket, seat, "by_hand", why or "")


def _refused(seat: Seat, why: str, what: str) -> RoutingRefused:
    actor = seat.agent.actor
    way = f"`crm agent online {actor}`" if why == "offline" else "`crm route assign --over`"
    text = (
        f"{actor} cannot be given {what}: {actor} {WORDS[why]}; see `crm agent list`, or use {way}"
    )
    return RoutingRefused(text, why)


def _given(tx: Transaction, ticket: Ticket, seat: Seat, strategy: str, reason: str = "") -> Ticket:
    actor = seat.agent.actor
    stored = claim_or_leave(tx, ticket, assignee=actor, queued_at=None)
    tx.update(seat.agent.evolve(assigned_at=tx.now()))
    who = ({"agent": actor, "why": reason or "chosen"},)
    made: dict[str, Any] = {"strategy": strategy, "reason": reason, "candidates": who}
    tx.add(decision(tx, stored, outcome="assigned", agent=actor, **made))
    return stored


def release(handle: Handle, actor: str, tickets: Sequence[str] = ()) -> list[Ticket]:
    """Put somebody's active tickets back into the queue, those that may be read; returns them.

    `actor` is whose they are, who need not be an agent, or not any more. Tickets that are named are given back:
    routing does not give them to that agent again. Raises `RoutingRefused` for one that they do not have.
    """
    with handle.transaction() as tx:
        hold(tx, [actor])
        found = list(_named(tx, actor, tickets) if tickets else _held(tx, actor))
        return [_released(tx, each, actor, given_back=bool(tickets)) for each in found]


def _held(tx: Transaction, actor: str) -> Iterable[Ticket]:
    return tx.find(Ticket, where.assignee == actor, where.state.in_(ACTIVE))


def _named(tx: Transaction, actor: str, ids: Sequence[str]) -> Iterable[Ticket]:
    for id in dict.fromkeys(ids):
        ticket = tx.get(Ticket, id)
        if ticket.assignee != actor or ticket.state not in ACTIVE:
            text = (
                f"{actor} does not work on ticket {id}; `crm record ticket show {id}` says who does"
            )
            raise RoutingRefused(text, ticket.state)
        yield ticket


def _released(tx: Transaction, ticket: Ticket, actor: str, *, given_back: bool) -> Ticket:
    excluded = ticket.excluded
    if given_back and actor not in excluded:
        excluded = (*excluded, actor)
    stored = tx.update(ticket.evolve(assignee=None, queued_at=tx.now(), excluded=excluded))
    why = "excluded" if given_back else "released"
    who = ({"agent": actor, "why": why},)
    tx.add(decision(tx, stored, outcome="queued", strategy="released", reason=why, candidates=who))
    return stored
