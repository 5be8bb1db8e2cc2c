"""What follows from a write of a ticket: its times, its promises, and its metric events, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from operator import attrgetter
from typing import Any

import attrs

from crmkit import Customer, GuardView, Patch, Reader, Record, Write, where
from crmkit_operational.clock.reading import clock_of
from crmkit_operational.service.kinds import MetricEvent, Policy, Ticket
from crmkit_operational.service.metrics import Timers, timers
from crmkit_operational.service.promises import TARGETS, Clocks, in_turn, matching, promise
from crmkit_operational.service.recording import RESTING, SOLVED, Recorder, moments

__all__ = ["clocks_of", "follow", "known_timers"]

MATCHED = ("priority", "topic", "channel", "team", "customer_id")
"""The fields by which a policy is chosen."""

FILLED = (
    "state_since",
    "solved_at",
    "unsolved",
    "queued_at",
    "policy_id",
    *(f"{each}_due" for each in TARGETS),
)
"""The fields that are filled in here."""

HANDED = ("assignee", "queued_at", "queue_key", "excluded")
"""The fields that change when a ticket goes from one hand to another."""

_rest = attrgetter(*(each for each in Ticket.field_names() if each not in HANDED), "added", "extra")
"""The values of all that does not."""


def follow(tx: GuardView, writes: Sequence[Write]) -> Iterator[Patch | Record]:
    """The patches and the metric events of a batch of inserts and updates of tickets."""
    now, clocked = tx.now(), list[Write]()
    for write in writes:
        if _hands_over(write):
            yield from _patches(write, _times(*_versions(write), tx.effective or now))
        else:
            clocked.append(write)
    if clocked:
        yield from _clocked(tx, clocked, now)


def _clocked(tx: GuardView, writes: Sequence[Write], now: datetime) -> Iterator[Patch | Record]:
    desk = _desk(tx, writes, now)
    for write in writes:
        ticket, before = _versions(write)
        filled = _times(ticket, before, tx.effective or now)
        recorder = Recorder(filled, desk.known.get(ticket.id, {}))
        recorder.happen(moments(before, filled))
        yield from _patches(write, desk.promised(filled, before, recorder))
        yield from recorder.events


def _versions(write: Write) -> tuple[Ticket, Ticket | None]:
    """A ticket as it will be and as it was."""
    ticket, before = write.record, write.previous
    assert isinstance(ticket, Ticket)
    assert before is None or isinstance(before, Ticket)
    return ticket, before


def _hands_over(write: Write) -> bool:
    """Whether a ticket goes to somebody or back and nothing else happens to it: that starts and ends no clock."""
    ticket, before = _versions(write)
    if before is None or ticket.assignee == before.assignee:
        return False
    return _rest(ticket) == _rest(before)


def _patches(write: Write, filled: Ticket) -> Iterator[Patch]:
    changed = {name: filled[name] for name in FILLED if filled[name] != write.record[name]}
    if changed:
        yield write.patch(changed)


def known_timers(reader: Reader, ids: Iterable[str]) -> dict[str, Timers]:
    """The timers of tickets by their ids, as their events tell."""
    wanted, found = list(ids), dict[str, list[MetricEvent]]()
    for event in reader.find(MetricEvent, where.ticket_id.in_(wanted)) if wanted else ():
        found.setdefault(event.ticket_id, []).append(event)
    return {id: timers(events) for id, events in found.items()}


def clocks_of(reader: Reader) -> Clocks:
    """Clocks by the ids of their calendars, each read once."""
    return cache(partial(clock_of, reader))


@attrs.frozen
class _Desk:
    """What is known where a batch of tickets is written."""

    now: datetime
    policies: Sequence[Policy]
    known: Mapping[str, Timers]
    tags: Mapping[str, Sequence[str]]
    clocks: Clocks

    def promised(self, ticket: Ticket, before: Record | None, recorder: Recorder) -> Ticket:
        """The ticket with its policy and when its targets are due."""
        chosen = self._policy(ticket, before)
        is_other = before is None or before["policy_id"] != (chosen and chosen.id)
        rested = (
            before is not None and before["state"] in RESTING and before["state"] != ticket.state
        )
        renewed = TARGETS if is_other else ("resolution",) if rested else ()
        due = promise(chosen, recorder, self.clocks, self.now, renewed)
        values = {f"{metric}_due": moment for metric, moment in due.items()}
        return _with(ticket, {"policy_id": chosen and chosen.id, **values})

    def _policy(self, ticket: Ticket, before: Record | None) -> Policy | None:
        if before is not None and all(before[name] == ticket[name] for name in MATCHED):
            return next((each for each in self.policies if each.id == ticket.policy_id), None)
        return matching(self.policies, ticket, self.tags.get(ticket.customer_id or "", ()))


def _desk(tx: GuardView, writes: Sequence[Write], now: datetime) -> _Desk:
    policies = in_turn(tx.find(Policy))
    return _Desk(
        now,
        policies,
        known_timers(tx, [write.record.id for write in writes if write.previous]),
        _tags(tx, writes) if any(each.tags for each in policies) else {},
        clocks_of(tx),
    )


def _tags(tx: GuardView, writes: Sequence[Write]) -> dict[str, Sequence[str]]:
    """The tags of the customers of those tickets for which a policy is to be chosen, by their ids."""
    chosen = [write.record["customer_id"] for write in writes if _is_chosen(write)]
    found = tx.get_many(Customer, sorted(filter(None, {*chosen})))
    return {each.id: each.tags for each in found if each is not None}


def _is_chosen(write: Write) -> bool:
    """Whether a policy is to be chosen; else the one that there was goes on."""
    return any(map(write.changed, MATCHED))


def _times(ticket: Ticket, before: Record | None, now: datetime) -> Ticket:
    """The ticket with the times that follow from its state: those that the writer gave stay.

    `now` is when the write is true. A writer who gives the time that is there already, as where a state lasted for no
    time, cannot be told from one who gives none.
    """
    values: dict[str, Any] = {}
    is_other = before is not None and before["state"] != ticket.state
    said = before is None or before["state_since"] != ticket.state_since
    if is_other and not said:
        values["state_since"] = now
    elif ticket.state_since is None:
        values["state_since"] = ticket.opened_at if ticket.state in ("new", "open") else now
    since = values.get("state_since", ticket.state_since)
    values["unsolved"] = ticket.unsolved and ticket.state in SOLVED
    values["solved_at"] = _solved_at(ticket, before, since)
    waits = ticket.assignee is None and ticket.state not in RESTING
    if not waits:
        values["queued_at"] = None
    elif ticket.queued_at is None:
        values["queued_at"] = ticket.opened_at if before is None else now
    return _with(ticket, values)


def _solved_at(ticket: Ticket, before: Record | None, since: datetime | None) -> datetime | None:
    """Since when a ticket is solved: since it is in that state, if the writer does not say another time.

    A time behind its coming into the state is of a later solution, as exports have it in every row of the past.
    """
    given = ticket.solved_at
    if ticket.unsolved or ticket.state not in SOLVED:
        return None
    is_new = before is None or before["state"] not in SOLVED
    is_later = given is not None and since is not None and given > since
    return since if given is None or (is_new and is_later) else given


def _with(ticket: Ticket, values: Mapping[str, Any]) -> Ticket:
    """The ticket with these values; itself if it has them, as most have, since a copy is not cheap."""
    other = {name: value for name, value in values.items() if ticket[name] != value}
    return ticket.evolve(**other) if other else ticket
