"""Runs of routing: through the queue from its head, until nobody has room or nobody is left who waits.

One run is one transaction. It holds the room of everybody who is online, so that what it has read of their loads
stays true; each ticket is claimed by its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import attrs

from crmkit import Change, Transaction, where
from crmkit_operational.routing.claiming import claim, decision
from crmkit_operational.routing.desk import Choice, Desk, keep_credit, locked_desk
from crmkit_operational.routing.kinds import Agent, RoutingDecision
from crmkit_operational.routing.queue import WAITING, from_the_head, key, waits
from crmkit_operational.routing.reopening import reopened, settle
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.settings import Settings

__all__ = ["Run", "follow", "run", "tick"]

NOTED = 200
"""Of how many tickets that nobody can take a run says so, beside those that it was about."""

OWN = frozenset({"worker:routing", "worker:routing-clock"})
"""As whom routing writes when it runs by itself: it does not follow its own changes."""

AGEING = "operational/routing/ageing"
"""Where it is kept by which ageing the keys of the queue were made."""


@attrs.frozen
class Run:
    """What a run did: who got which ticket, and what found nobody."""

    given: tuple[Choice, ...]
    left: tuple[Choice, ...]


def run(tx: Transaction, concerned: Sequence[Ticket] = (), *, room_was_made: bool = True) -> Run:
    """Give waiting tickets to who can take them, in the order of the queue.

    `concerned` are tickets that have changed: if they stay in the queue, it is noted why. If nothing else has, no
    `room_was_made`, and nobody could take them, nobody could take any other either: the queue is not gone through.
    """
    desk = locked_desk(tx)
    worth = desk.has_room and (room_was_made or any(desk.choose(each).chosen for each in concerned))
    given: dict[str, Choice] = {}
    left: dict[str, Choice] = {}
    turns: dict[str, Agent] = {}
    for ticket in from_the_head(tx) if worth else ():
        choice = desk.offer(ticket)
        if choice is not None and choice.chosen is not None:
            if _give(tx, desk, choice):
                seat = desk.give(choice)
                given[ticket.id], turns[seat.agent.actor] = choice, seat.agent
                if not desk.has_room:
                    break
        elif len(left) < NOTED:
            left[ticket.id] = choice or desk.choose(ticket)
    for ticket in concerned:
        if waits(ticket) and ticket.id not in given:
            left[ticket.id] = desk.choose(ticket)
    tx.update_all(turns.values())
    keep_credit(tx, desk)
    _note(tx, list(left.values()))
    return Run(tuple(given.values()), tuple(left.values()))


def _give(tx: Transaction, desk: Desk, choice: Choice) -> bool:
    """Claim a ticket for the one who was chosen, and keep the decision."""
    assert choice.chosen is not None
    actor = choice.chosen.agent.actor
    stored = claim(tx, choice.ticket, assignee=actor, queued_at=None)
    if stored is not None:
        made = {"outcome": "assigned", "agent": actor, "strategy": desk.settings.strategy}
        tx.add(decision(tx, stored, candidates=choice.candidates, **made))
    return stored is not None


def _note(tx: Transaction, left: Sequence[Choice]) -> None:
    """Keep why tickets stay in the queue, of those for which that is not what was decided last."""
    ids = tuple(choice.ticket.id for choice in left)
    found = tx.find(RoutingDecision, where.ticket_id.in_(ids), order="at") if ids else ()
    last = {each.ticket_id: (each.outcome, each.reason) for each in found}
    tx.add_all(
        decision(
            tx,
            choice.ticket,
            outcome="queued",
            reason=choice.reason,
            strategy=tx.settings(Settings).strategy,
            candidates=choice.candidates,
        )
        for choice in left
        if last.get(choice.ticket.id) != ("queued", choice.reason)
    )


# Workers --------------------------------------------------------------------------------------------------------

OF_AGENTS = frozenset({"status", "capacity", "capacities", "skills", "team", "calendar_id"})
OF_TICKETS = frozenset(
    {"state", "assignee", "queued_at", "queue_key", "skills", "channel", "team", "excluded"}
)
"""Fields whose changes may let somebody take something."""


def follow(tx: Transaction, changes: Sequence[Change]) -> None:
    """The worker: a run whenever somebody came, room was made, or a ticket came into the queue or changed in it.

    A ticket that was opened again goes back to its agent if they are eligible, else into the queue.
    """
    relevant = [each for each in changes if each.actor.id not in OWN and _matters(each)]
    tickets = {each.id: None for each in relevant if each.kind == Ticket.__kind__}
    found = [each for each in tx.get_many(Ticket, tuple(tickets)) if each is not None]
    back = settle(tx, [each for each in found if each.id in reopened(relevant)])
    concerned = [each for each in (*found, *back) if waits(each)]
    room_was_made = any(map(_makes_room, relevant))
    if concerned or room_was_made:
        run(tx, list({each.id: each for each in concerned}.values()), room_was_made=room_was_made)


def _matters(change: Change) -> bool:
    if change.action in ("insert", "delete"):
        return True
    fields = OF_AGENTS if change.kind == Agent.__kind__ else OF_TICKETS
    return change.action == "update" and not fields.isdisjoint(change.delta or ())


def _makes_room(change: Change) -> bool:
    return change.kind == Agent.__kind__ or change.action != "insert"


def tick(tx: Transaction, now: datetime) -> None:
    """The worker of the clock: a run, since hours begin and skills may be done without; new keys for a new ageing."""
    ageing = tx.settings(Settings).ageing
    if tx.state(AGEING) != ageing:
        tx.update_all(_of_another_ageing(tx, ageing))
        tx.set_state(AGEING, ageing)
    run(tx)


def _of_another_ageing(tx: Transaction, ageing: int) -> Iterable[Ticket]:
    return [each for each in tx.find(Ticket, WAITING) if key(each, ageing) != each.queue_key]
