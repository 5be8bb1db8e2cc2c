"""What must hold of tickets and policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from crmkit import GuardView, Problem, Write
from crmkit_operational.service.kinds import Policy, Priority, State, Ticket
from crmkit_operational.service.recording import RESTING, SOLVED

__all__ = ["problems"]


def problems(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What is wrong with a batch of writes of tickets or policies."""
    judge = {Ticket.__kind__: _ticket, Policy.__kind__: _policy}.get(kind)
    for write in writes if judge else ():
        if judge and write.action != "delete":
            yield from judge(tx, write)


def _ticket(tx: GuardView, write: Write) -> Iterator[Problem]:
    ticket, before = write.record, write.previous
    assert isinstance(ticket, Ticket)
    if before is not None and before["state"] == "closed" and ticket.state != "closed":
        text = f"a closed ticket stays closed; open another with --problem {ticket.id}"
        yield write.problem("state", text)
    if ticket.parent_id is not None and _leads_back(tx, ticket):
        text = "a ticket cannot be a case of itself; choose another problem"
        yield write.problem("parent_id", text)


def _leads_back(tx: GuardView, ticket: Ticket) -> bool:
    seen, above = {ticket.id}, ticket.parent_id
    while above is not None:
        if above in seen:
            return True
        seen.add(above)
        [parent] = tx.get_many(Ticket, [above])
        above = parent.parent_id if parent is not None else None
    return False


def _policy(tx: GuardView, write: Write) -> Iterator[Problem]:
    policy = write.record
    assert isinstance(policy, Policy)
    if not policy.name.strip():
        yield write.problem("name", "a policy needs a name")
    for name in ("first_response", "next_reply", "resolution"):
        if policy[name] is not None and policy[name] < 1:
            yield write.problem(name, "a target is a number of minutes from 1 on")
    unknown = [each for each in policy.priorities if each not in get_args(Priority)]
    if unknown:
        known = ", ".join(get_args(Priority))
        yield write.problem("priorities", f"{unknown[0]!r} is no priority; there are {known}")
    stands = sorted(RESTING - SOLVED)
    for each in policy.pauses:
        if each not in stands:
            which = "no state" if each not in get_args(State) else "no state that pauses a clock"
            yield write.problem("pauses", f"{each!r} is {which}; there are {', '.join(stands)}")
