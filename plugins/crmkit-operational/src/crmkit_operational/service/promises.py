"""What is promised for a ticket: the first policy that matches, and when each of its targets runs out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from crmkit_operational.clock.business import WALL, BusinessClock
from crmkit_operational.service.kinds import Metric, Policy, Ticket
from crmkit_operational.service.metrics import pauses
from crmkit_operational.service.recording import Recorder

__all__ = ["TARGETS", "Clocks", "dues", "in_turn", "matching", "mismatch", "promise"]

TARGETS: tuple[Metric, ...] = ("first_response", "next_reply", "resolution")
"""The metrics that a policy may have a target for."""

ASKED = {"priorities": "priority", "topics": "topic", "channels": "channel", "teams": "team"}
"""Field of a policy -> the field of a ticket that must be among it."""

Clocks = Callable[[str | None], BusinessClock]
"""Gives the clock of a calendar by its id."""


def matching(policies: Iterable[Policy], ticket: Ticket, tags: Sequence[str]) -> Policy | None:
    """The first of policies `in_turn` that matches; `tags` are the customer's."""
    return next((each for each in policies if mismatch(each, ticket, tags) is None), None)


def in_turn(policies: Iterable[Policy]) -> list[Policy]:
    """Policies in the order in which they are tried: by position, then name."""
    return sorted(policies, key=lambda each: (each.position, each.name, each.id))


def mismatch(policy: Policy, ticket: Ticket, tags: Sequence[str]) -> str | None:
    """The field of a policy by which it does not match a ticket; None if it does."""
    for name, field in ASKED.items():
        if policy[name] and ticket[field] not in policy[name]:
            return name
    return "tags" if policy.tags and not set(policy.tags) & set(tags) else None


def promise(
    policy: Policy | None,
    recorder: Recorder,
    clocks: Clocks,
    now: datetime,
    renewed: Collection[str] = (),
) -> dict[str, datetime | None]:
    """Record until when each running target is promised, and which promises were broken by now.

    A promise once made stands, whatever becomes of the policy, but for the metrics that are `renewed`. Returns when
    each target is due, None where there is none or its clock stands still.
    """
    found = dict(dues(policy, recorder, clocks))
    for metric, due in found.items():
        last = recorder.last(metric)
        assert last is not None
        if due is not None and due != last.due and (last.due is None or metric in renewed):
            recorder.add(metric, "apply_sla", max(now, last.started_at), due)
        elif due is not None:
            found[metric] = last.due
    _broken(policy, recorder, now)
    return {metric: found.get(metric) for metric in TARGETS}


def _broken(policy: Policy | None, recorder: Recorder, now: datetime) -> None:
    for metric in TARGETS:
        last = recorder.last(metric)
        if last is None or last.due is None or last.breached_at or last.cancelled_at:
            continue
        reached = last.fulfilled_at or (now if last.is_running else None)
        if reached is None or reached <= last.due:
            continue
        if metric != "resolution" or _ran_on(policy, recorder, last.due, reached):
            recorder.add(metric, "breach", last.due)


def _ran_on(policy: Policy | None, recorder: Recorder, due: datetime, reached: datetime) -> bool:
    """Whether the clock of a resolution ran on after it was due, and did not stand still since before then."""
    stood = pauses(recorder.known, policy.pauses if policy is not None else ())
    return WALL.elapsed(due, reached, stood) > timedelta()


def dues(
    policy: Policy | None, recorder: Recorder, clocks: Clocks
) -> Iterator[tuple[Metric, datetime | None]]:
    """When each target that runs for a ticket would be due now: (metric, moment); None while its clock stands still."""
    if policy is None:
        return
    clock = clocks(policy.calendar_id)
    for metric in TARGETS:
        target, last = policy[metric], recorder.last(metric)
        if target is not None and last is not None and last.is_running:
            is_whole = metric == "resolution"
            stood = pauses(recorder.known, policy.pauses) if is_whole else ()
            yield metric, clock.due(last.started_at, timedelta(minutes=target), stood)
