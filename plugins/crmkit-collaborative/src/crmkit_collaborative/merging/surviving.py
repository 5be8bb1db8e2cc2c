"""Which values survive a merge, field by field, and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

import attrs

from crmkit import CrmError, Customer, Field, Kind, Reader, Record, RestrictedError
from crmkit.restrictions import MASKED
from crmkit_collaborative.merging.options import VIA, MergeOptions, Side

__all__ = ["Choice", "choices", "hidden_fields", "survivor"]

Reason = Literal[
    "stated", "only one has it", "united", "newest", "complete", "keep", "hidden", "written"
]


@attrs.frozen
class Choice:
    """One field in which the two differ: both values, the one that stays, whose it is and why.

    `conflict`: both have a value and only one stays.
    """

    field: str
    keep: Any
    lose: Any
    value: Any
    source: Literal["keep", "lose", "both"]
    reason: Reason
    conflict: bool = False


def hidden_fields(kind: Kind, *records: Record) -> frozenset[str]:
    """The fields whose value the actor may not see in one of these records, which were read by them."""
    return frozenset(name for name in kind.fields if any(each[name] is MASKED for each in records))


def choices(
    reader: Reader, keep: Record, lose: Record, options: MergeOptions, hidden: Collection[str] = ()
) -> list[Choice]:
    """The choice for each field in which the two differ; what is `hidden` stays as the kept one has it.

    Raises `QueryError` for a field that there is not, `RestrictedError` for one that is hidden.
    """
    kind = reader.schema[keep.__kind__]
    for name in options.take:
        _check_take(kind, name, hidden)
    found = []
    for field in kind.fields.values():
        mine, theirs = _cleaned(kind, field, keep, lose)
        if field.name in hidden:
            found.append(Choice(field.name, MASKED, MASKED, MASKED, "keep", "hidden"))
        elif mine != theirs:
            found.append(_choice(reader, field, keep, lose, (mine, theirs), options))
        elif mine != keep[field.name]:
            found.append(Choice(field.name, keep[field.name], theirs, mine, "both", "united"))
    return found


def survivor(keep: Customer, lose: Customer, found: Collection[Choice]) -> Customer:
    """The kept one with the values that were chosen; fields of plugins that are gone are filled up."""
    for each in found:
        if each.value is not MASKED:
            keep = keep.set(each.field, each.value)
    return keep.evolve(extra={**lose.extra, **keep.extra})


def _check_take(kind: Kind, name: str, hidden: Collection[str]) -> None:
    if kind.field(name).name not in kind.fields:
        raise CrmError(f"{kind.name}.{name} is no value to take over; name another field")
    if name in hidden:
        raise RestrictedError(f"you may not see {kind.name}.{name}, so it stays; leave it out")


def _cleaned(kind: Kind, field: Field, keep: Record, lose: Record) -> tuple[Any, Any]:
    """The values of both, without references from one to the other: they would lead to the customer itself."""
    mine, theirs = keep[field.name], lose[field.name]
    if field.refers_to == kind.name and not field.required:
        ids = (keep.id, lose.id)
        return None if mine in ids else mine, None if theirs in ids else theirs
    return mine, theirs


def _choice(
    reader: Reader,
    field: Field,
    keep: Record,
    lose: Record,
    values: tuple[Any, Any],
    options: MergeOptions,
) -> Choice:
    mine, theirs = values

    def chosen(side: Side, reason: Reason, conflict: bool = False) -> Choice:
        value = mine if side == "keep" else theirs
        return Choice(field.name, keep[field.name], lose[field.name], value, side, reason, conflict)

    stated = options.take.get(field.name)
    if stated and not (field.required and (mine if stated == "keep" else theirs) is None):
        return chosen(stated, "stated")
    if _is_missing(theirs) or _is_missing(mine):
        return chosen("keep" if _is_missing(theirs) else "lose", "only one has it")
    if isinstance(mine, tuple):
        both = (*mine, *(each for each in theirs if each not in mine))
        return Choice(field.name, mine, theirs, both, "both", "united")
    if options.policy == "complete" and isinstance(mine, str) and len(mine) != len(theirs):
        return chosen("keep" if len(mine) > len(theirs) else "lose", "complete", True)
    if options.policy == "keep":
        return chosen("keep", "keep", True)
    if field.options.search and (better := _written_with_care(mine, theirs)):
        return chosen(better, "written")
    is_older = _stated_at(reader, keep, field.name) < _stated_at(reader, lose, field.name)
    return chosen("lose" if is_older else "keep", "newest", True)


def _written_with_care(mine: Any, theirs: Any) -> Side | None:
    """Which of two texts that differ in nothing but capitals has some of both; None if that does not tell."""
    if not isinstance(mine, str) or mine.casefold() != theirs.casefold():
        return None
    mixed = [each not in (each.lower(), each.upper()) for each in (mine, theirs)]
    return None if mixed[0] == mixed[1] else "keep" if mixed[0] else "lose"


def _is_missing(value: Any) -> bool:
    return value is None or value in ("", ()) or value == {}


def _stated_at(reader: Reader, record: Record, name: str) -> datetime:
    """When somebody last gave a field its value: what a merge wrote was not stated by anybody."""
    times = [
        each.effective
        for each in reader.history(record.__kind__, record.id)
        if each.actor.via != VIA and (each.action == "insert" or name in (each.delta or {}))
    ]
    return max(times, default=record.created_at)
