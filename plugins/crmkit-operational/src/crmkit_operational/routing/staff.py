"""The agents at a moment: what they can do, whether they work, and how much they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from crmkit import NotFound, QueryError, Reader, Record, where
from crmkit_operational.finding import SEVERAL
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.service.kinds import Ticket

__all__ = ["ACTIVE", "Seat", "actor_named", "agent_named", "loads", "seats"]

ACTIVE = ("new", "open")
"""The states in which a ticket takes room of its assignee: what is pending or on hold waits for others."""

Load = Mapping[str | None, int]
"""How many active tickets, by channel."""


@attrs.frozen
class Seat:
    """An agent, with the skills that count, whether they work, None if nobody knows their hours, and their load."""

    agent: Agent
    skills: frozenset[str]
    works: bool | None
    load: Load

    @property
    def total(self) -> int:
        """How many active tickets they have."""
        return sum(self.load.values())

    @property
    def has_room(self) -> bool:
        """Whether routing may give them anything at all."""
        agent = self.agent
        return agent.status == "online" and self.works is not False and self.total < agent.capacity

    def most(self, channel: str | None) -> int:
        """How many tickets of a channel they take at once."""
        own = self.agent.capacities.get(channel, self.agent.capacity) if channel else None
        return self.agent.capacity if own is None else min(int(own), self.agent.capacity)

    def without(self, ticket: Ticket) -> Seat:
        """The same if they did not have that ticket."""
        return self._counting(ticket.channel, -1)

    def with_(self, ticket: Ticket, at: datetime) -> Seat:
        """The same once they were given that ticket."""
        seat = self._counting(ticket.channel, 1)
        return attrs.evolve(seat, agent=self.agent.evolve(assigned_at=at))

    def _counting(self, channel: str | None, more: int) -> Seat:
        load = {**self.load, channel: self.load.get(channel, 0) + more}
        return attrs.evolve(self, load=load)


def seats(reader: Reader, agents: Iterable[Agent], now: datetime) -> dict[str, Seat]:
    """These agents at a moment, by actor: by the records that the reader may read."""
    those = {each.actor: each for each in agents}
    counted = loads(reader, those)
    members = _members(reader, those)
    hours = _Hours(reader, now)
    return {
        actor: Seat(
            agent,
            frozenset((*agent.skills, *_skills(members.get(actor)))),
            hours.of(agent, members.get(actor)),
            counted[actor],
        )
        for actor, agent in those.items()
    }


def loads(reader: Reader, actors: Iterable[str]) -> dict[str, Counter[str | None]]:
    """The loads of actors, counted from the tickets that the reader may read."""
    found: dict[str, Counter[str | None]] = {actor: Counter() for actor in actors}
    mine = (where.assignee.in_(found), where.state.in_(ACTIVE))
    for total in reader.totals(Ticket, *mine, by=("assignee", "channel")) if found else ():
        found[total.group[0]][total.group[1]] = total.count
    return found


def agent_named(reader: Reader, text: str) -> Agent:
    """The agent with this id, who acts under this id, or of this name; raises `NotFound`, `QueryError` for several."""
    [found] = reader.get_many(Agent, [text])
    if found is None:
        found = next(reader.find(Agent, where.actor == text, limit=1), None)
    if found is None:
        named = list(reader.find(Agent, where.name == text, limit=SEVERAL))
        if len(named) > 1:
            those = ", ".join(each.actor for each in named)
            raise QueryError(f"several agents are called {text!r}; say who by the actor: {those}")
        found = named[0] if named else None
    if found is None:
        hint = "`crm agent list` has them by actor, `crm agent add` adds one"
        raise NotFound(Agent.__kind__, text, hint)
    return found


def actor_named(reader: Reader, text: str) -> str | None:
    """Under which id the agent acts who is meant by this; None if nobody is. Raises `QueryError` for several."""
    try:
        return agent_named(reader, text).actor
    except NotFound:
        return None


# What the directory knows ---------------------------------------------------------------------------------------


def _members(reader: Reader, actors: Iterable[str]) -> dict[str, Record]:
    if "member" not in reader.schema.kinds:
        return {}
    found = reader.find("member", where.actor.in_(tuple(actors)))
    return {each["actor"]: each for each in found}


def _skills(member: Record | None) -> tuple[str, ...]:
    found = () if member is None else member["skills"]
    return found if isinstance(found, tuple) else ()


class _Hours:
    """Whether agents work at a moment; each calendar is read once."""

    def __init__(self, reader: Reader, now: datetime) -> None:
        self._reader = reader
        self._now = now
        self._open: dict[str, bool | None] = {}

    def of(self, agent: Agent, member: Record | None) -> bool | None:
        """By the agent's calendar, else by the hours of the directory's member; None if there is neither."""
        if agent.calendar_id is not None:
            return self._by_calendar(agent.calendar_id)
        return None if member is None else self._by_directory(member)

    def _by_calendar(self, id: str) -> bool | None:
        if id not in self._open:
            from crmkit_operational.clock.reading import clock_of

            try:
                self._open[id] = clock_of(self._reader, id).is_open(self._now)
            except NotFound:  # a calendar that the reader may not see
                self._open[id] = None
        return self._open[id]

    def _by_directory(self, member: Record) -> bool | None:
        from crmkit_collaborative.directory.presence import presence_of
        from crmkit_collaborative.kinds import Branch, Member

        if not isinstance(member, Member):
            return None
        branch = member.branch_id
        places = [] if branch is None else self._reader.get_many(Branch, [branch])
        known = {each.id: each for each in places if each is not None}
        return presence_of(self._reader, member, known, self._now).works
