"""What must hold of the directory: zones exist, hours can be read, nobody is in a team twice, no department is in itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from crmkit import Problem, ValueRefused, Write, where
from crmkit_collaborative.directory.hours import week
from crmkit_collaborative.directory.zones import zone_of
from crmkit_collaborative.kinds import Branch, Department, Member, Membership

if TYPE_CHECKING:
    from crmkit import GuardView

__all__ = ["overlap", "problems"]

CIRCLE = "a department cannot be part of itself, by way of others neither; choose another one"
TWICE = (
    "the member is in this team on some of these days already; "
    "end that with `crm directory leave`, or choose other days"
)


def problems(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What is wrong with writes of one kind of the directory."""
    yield from _RULES[kind](tx, [each for each in writes if each.action != "delete"])


def _places(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    for write in writes:
        name = write.record["timezone"]
        if name is not None and write.changed("timezone"):
            yield from _refused(write, "timezone", zone_of, name)


def _members(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    yield from _places(tx, writes)
    for write in writes:
        if write.changed("working_hours"):
            yield from _refused(write, "working_hours", week, write.record["working_hours"])
        if not write.record["actor"].strip():
            text = "is blank; give the id under which the member acts"
            yield write.problem("actor", text)


def _refused(write: Write, field: str, read: Callable[[Any], Any], value: Any) -> Iterator[Problem]:
    try:
        read(value)
    except ValueRefused as error:
        yield write.problem(field, str(error))


# Departments ----------------------------------------------------------------------------------------------------


def _departments(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    moved = [each for each in writes if each.changed("parent_id") and each.record["parent_id"]]
    if moved:
        # Two people who each put one department into the other's are both right when they look.
        tx.lock("collaborative/departments")
    parents = {each.record.id: each.record["parent_id"] for each in writes}
    for write in moved:
        if _is_round(tx, write.record.id, parents):
            yield write.problem("parent_id", CIRCLE)


def _is_round(tx: GuardView, id: str, parents: dict[str, str | None]) -> bool:
    seen, at = {id}, parents[id]
    while at is not None:
        if at in seen:
            return True
        seen.add(at)
        if at not in parents:
            [found] = tx.get_many(Department, [at])
            parents[at] = found.parent_id if found else None
        at = parents[at]
    return False


# Memberships ----------------------------------------------------------------------------------------------------


def overlap(one: Membership, other: Membership) -> bool:
    """Whether there is a day that is in both."""

    def begin(each: Membership) -> date:
        return each.since or date.min

    def end(each: Membership) -> date:
        return each.until or date.max

    return max(begin(one), begin(other)) < min(end(one), end(other))


def _memberships(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    groups: dict[tuple[str, str], dict[str, Write]] = {}
    for write in writes:
        record = _membership(write)
        if record.since and record.until and record.until < record.since:
            yield write.problem("until", "is before it begins; give a later day")
        groups.setdefault((record.member_id, record.team_id), {})[record.id] = write
    # In one order, so that two who write several do not wait for each other.
    for member_id, team_id in sorted(groups):
        tx.lock(f"collaborative/membership/{member_id}/{team_id}")
        own = groups[member_id, team_id]
        there = tx.find(Membership, where.member_id == member_id, where.team_id == team_id)
        records = {each.id: each for each in there} | {i: _membership(w) for i, w in own.items()}
        for id, write in own.items():
            others = (each for each in records.values() if each.id != id)
            if any(overlap(records[id], each) for each in others):
                yield write.problem("since", TWICE)


def _membership(write: Write) -> Membership:
    assert isinstance(write.record, Membership)
    return write.record


_RULES: dict[str, Callable[[GuardView, Sequence[Write]], Iterator[Problem]]] = {
    Branch.__kind__: _places,
    Department.__kind__: _departments,
    Member.__kind__: _members,
    Membership.__kind__: _memberships,
}
