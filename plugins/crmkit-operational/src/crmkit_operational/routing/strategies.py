"""Who of several eligible agents gets a ticket.

`least_loaded`: who has the smallest load for their capacity, then who was given one longest ago, then by id.
`round_robin`: who was given one longest ago, then by id: the cursor is `assigned_at` of the agents.
`weighted`: in proportion to the capacities, evenly mixed (the smooth weighted round robin of nginx): each eligible
agent gains its capacity, whoever has most is chosen and pays the sum of what was gained; what each has is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crmkit_operational.routing.staff import Seat

__all__ = ["gained", "ranked"]

NEVER = datetime(1, 1, 1, tzinfo=UTC)


def ranked(strategy: str, eligible: Sequence[Seat], credit: Mapping[str, int]) -> list[Seat]:
    """The eligible agents, the one to choose first; `credit` is what each has, for `weighted`."""
    return sorted(eligible, key=lambda seat: _key(strategy, seat, credit))


def _key(strategy: str, seat: Seat, credit: Mapping[str, int]) -> tuple[Any, ...]:
    agent = seat.agent
    turn = (agent.assigned_at or NEVER, agent.id)
    if strategy == "least_loaded":
        return (seat.total / agent.capacity, *turn)
    if strategy == "weighted":
        return (-(credit.get(agent.actor, 0) + agent.capacity), *turn)
    return turn


def gained(chosen: Seat, eligible: Sequence[Seat], credit: Mapping[str, int]) -> dict[str, int]:
    """What each has after one was chosen of the eligible; those who were not among them keep what they have."""
    after = {**credit}
    for seat in eligible:
        after[seat.agent.actor] = after.get(seat.agent.actor, 0) + seat.agent.capacity
    after[chosen.agent.actor] -= sum(seat.agent.capacity for seat in eligible)
    return after
