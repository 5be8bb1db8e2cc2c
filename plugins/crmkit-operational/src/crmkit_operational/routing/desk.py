"""The desk: what routing knows of the agents during one run, and what it has given them in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import attrs

from crmkit import NotFound, Reader, Transaction, where
from crmkit_operational.routing.eligibility import foremost, needed, rejection
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.routing.rules import hold
from crmkit_operational.routing.staff import Seat, seats
from crmkit_operational.routing.strategies import gained, ranked
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.settings import Settings

__all__ = ["Choice", "Desk", "locked_desk", "locked_seat"]

CREDIT = "operational/routing/weighted"
"""Where the credit of the weighted strategy is kept."""

_Shape: TypeAlias = tuple[str | None, str | None, tuple[str, ...], tuple[str, ...]]
"""What decides who is eligible for a ticket."""


@attrs.frozen
class Choice:
    """What is to become of a waiting ticket: who gets it, or why nobody does, and every candidate.

    `eligible` are those who could have it, in the order of the strategy; `rejected` the others by actor, with why.
    `skills` are those that the ticket needs by now.
    """

    ticket: Ticket
    eligible: tuple[Seat, ...]
    rejected: Mapping[str, str]
    skills: tuple[str, ...]

    @property
    def chosen(self) -> Seat | None:
        """Who gets it."""
        return self.eligible[0] if self.eligible else None

    @property
    def reason(self) -> str:
        """Why nobody gets it, one of `eligibility.REASONS`; empty if somebody does."""
        return "" if self.eligible else foremost(self.rejected.values())

    @property
    def candidates(self) -> tuple[dict[str, str], ...]:
        """Everybody as a decision keeps them."""
        after = dict.fromkeys((each.agent.actor for each in self.eligible), "after")
        if self.chosen is not None:
            after[self.chosen.agent.actor] = "chosen"
        return tuple(
            {"agent": actor, "why": why} for actor, why in {**after, **self.rejected}.items()
        )


class Desk:
    """The agents' seats as they are and as tickets are given out; only `give` changes them."""

    def __init__(
        self, reader: Reader, found: Mapping[str, Seat], credit: Mapping[str, int]
    ) -> None:
        self.now: datetime = reader.now()
        self.settings: Settings = reader.settings(Settings)
        self.seats = dict(found)
        self.credit = dict(credit)
        self._hopeless: set[_Shape] = set()

    @classmethod
    def of(cls, reader: Reader, credit: Mapping[str, int] | None = None) -> Desk:
        """The desk as a reader sees it, to look at: nothing is held."""
        agents = list(reader.find(Agent))
        return cls(reader, seats(reader, agents, reader.now()), credit or {})

    @property
    def has_room(self) -> bool:
        """Whether there is anybody to whom anything could be given."""
        return any(seat.has_room for seat in self.seats.values())

    def choose(self, ticket: Ticket) -> Choice:
        """What is to become of a ticket."""
        skills = needed(ticket, self.now, self.settings.skill_timeout)
        verdicts = [(seat, rejection(seat, ticket, skills)) for seat in self.seats.values()]
        eligible = [seat for seat, why in verdicts if why is None]
        rejected = {seat.agent.actor: why for seat, why in verdicts if why is not None}
        order = ranked(self.settings.strategy, eligible, self.credit)
        return Choice(ticket, tuple(order), dict(sorted(rejected.items())), skills)

    def offer(self, ticket: Ticket) -> Choice | None:
        """What is to become of a ticket; None if one like it has found nobody in this run.

        That stays so, since nobody's load becomes smaller in a run.
        """
        skills = needed(ticket, self.now, self.settings.skill_timeout)
        shape = (ticket.channel, ticket.team, skills, ticket.excluded)
        if shape in self._hopeless:
            return None
        choice = self.choose(ticket)
        if choice.chosen is None:
            self._hopeless.add(shape)
        return choice

    def give(self, choice: Choice) -> Seat:
        """Count a ticket for the one who was chosen; returns their seat as it is now."""
        seat = choice.eligible[0]
        given = seat.with_(choice.ticket, self._turn())
        self.seats[seat.agent.actor] = given
        if self.settings.strategy == "weighted":
            self.credit = gained(seat, choice.eligible, self.credit)
        return given

    def _turn(self) -> datetime:
        """Now, but later than any other turn: of two within one tick of the clock one is still the later."""
        turns = (seat.agent.assigned_at for seat in self.seats.values())
        last = max((turn for turn in turns if turn is not None), default=None)
        return self.now if last is None else max(self.now, last + timedelta(microseconds=1))


def locked_desk(tx: Transaction, wanted: Sequence[str] | None = None) -> Desk:
    """The desk, with the room of all who are online held until the end of the transaction, or of those `wanted`."""
    online = wanted
    if online is None:
        online = [each.actor for each in tx.find(Agent, where.status == "online")]
    hold(tx, online)
    among = [] if wanted is None else [where.actor.in_(tuple(wanted))]
    held = set(online)
    # Who came online meanwhile is not held, and waits for the next run, which their coming sets off.
    agents = [
        each for each in tx.find(Agent, *among) if each.status != "online" or each.actor in held
    ]
    is_weighted = tx.settings(Settings).strategy == "weighted"
    credit: Any = (tx.state(CREDIT) if is_weighted else None) or {}
    return Desk(tx, seats(tx, agents, tx.now()), credit)


def locked_seat(tx: Transaction, agent: Agent) -> Seat:
    """The seat of one agent as it is now, with their room held until the end of the transaction; raises `NotFound`."""
    hold(tx, [agent.actor])
    now = tx.get(Agent, agent.id)
    if now.actor != agent.actor:  # somebody else's room is held
        hint = f"they act as {now.actor} by now; `crm agent list` has them by actor"
        raise NotFound(Agent.__kind__, agent.actor, hint)
    return seats(tx, [now], tx.now())[now.actor]


def keep_credit(tx: Transaction, desk: Desk) -> None:
    """Keep the credit of the weighted strategy."""
    if desk.settings.strategy == "weighted":
        tx.set_state(CREDIT, desk.credit)
