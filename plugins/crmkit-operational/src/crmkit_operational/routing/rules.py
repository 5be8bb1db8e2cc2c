"""What must hold of agents, and the lock that everybody holds who gives an agent a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from crmkit import GuardView, Problem, Transaction, Write, where
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.routing.staff import ACTIVE
from crmkit_operational.service.kinds import Ticket

__all__ = ["hold", "hold_or_object"]

MOST = 10_000
"""No agent takes more at once."""


def hold(tx: GuardView | Transaction, actors: Iterable[str]) -> None:
    """Hold the room of these agents until the end of the transaction: nobody else gives them a ticket."""
    for actor in sorted(set(actors)):  # in one order, or two would wait for each other
        tx.lock(f"operational/agent/{actor}")


def hold_or_object(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What is wrong with agents. Of tickets nothing: their new assignees are held."""
    if kind == Agent.__kind__:
        for write in writes:
            yield from _agent(write)
            yield from _leaving(tx, write)
    else:
        hold(tx, filter(None, map(_receiver, writes)))


def _receiver(write: Write) -> str | None:
    ticket = write.record
    assert isinstance(ticket, Ticket)
    return ticket.assignee if write.action != "delete" and write.changed("assignee") else None


def _leaving(tx: GuardView, write: Write) -> Iterator[Problem]:
    """Nobody leaves tickets behind that are in no queue and count for nobody."""
    if write.previous is None or not (write.action == "delete" or write.changed("actor")):
        return
    actor = str(write.previous["actor"])
    hold(tx, [actor])
    # How many is not said: the writer may not be allowed to read them all.
    if any(tx.find(Ticket, where.assignee == actor, where.state.in_(ACTIVE), limit=1)):
        text = f"{actor} has active tickets; `crm route release {actor}` puts them back into the queue first"
        yield write.problem("actor", text)


def _agent(write: Write) -> Iterator[Problem]:
    agent = write.record
    assert isinstance(agent, Agent)
    if write.action == "delete":
        return
    if not agent.actor.strip():
        yield write.problem("actor", "somebody acts under it; give the id that `--actor` has")
    if not agent.name.strip() and write.changed("name"):
        yield write.problem("name", "is blank; say what they are called")
    if not 0 <= agent.capacity <= MOST:
        yield write.problem("capacity", f"give a whole number from 0 to {MOST:,}")
    for channel, most in agent.capacities.items():
        if type(most) is not int or not 0 <= most <= MOST:
            yield write.problem(
                "capacities", f"{channel!r:.40} has {most!r:.40}; give a whole number from 0 on"
            )
