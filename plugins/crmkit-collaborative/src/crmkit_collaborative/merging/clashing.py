"""Records that cannot both belong to one customer: which of them stays when two customers become one.

What goes comes back when the merge is undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from crmkit import AnyOf, Customer, Kind, Reader, Record, RestrictedError, where
from crmkit.restrictions import MASKED
from crmkit_collaborative.kinds import ChannelPreference, Duplicate, NotSame

__all__ = ["Clash", "Pairs", "clashes", "pairs", "referred_by"]

PAIRS = frozenset({Duplicate.__kind__, NotSame.__kind__})
"""Kinds of which each record is about two customers; they have a rule of their own."""


@attrs.frozen
class Clash:
    """Two records of which one goes. `by` names what refers to the one that goes, so that it cannot."""

    stays: Record
    goes: Record
    by: str | None = None


@attrs.frozen
class Pairs:
    """The records about two customers that go; one of them may say that the two are not the same."""

    goes: tuple[Record, ...] = ()
    not_same: NotSame | None = None


def clashes(reader: Reader, keep: str, lose: str) -> list[Clash]:
    """Every two records that would break a `unique` of their kind, once all of both customers belongs to `keep`."""
    found: list[Clash] = []
    for kind in reader.schema:
        if kind.name in PAIRS:
            continue
        names = [each.name for each in kind.references if each.refers_to == Customer.__kind__]
        uniques = [each for each in kind.unique if {*each} & {*names}]
        if uniques:
            gone: set[str] = set()
            for group in _groups(reader, kind, names, uniques, (keep, lose)):
                there = [each for each in group if each.id not in gone]
                for clash in _settled(reader, kind, names, there, keep):
                    gone.add(clash.goes.id)
                    found.append(clash)
    return found


def _groups(
    reader: Reader,
    kind: Kind,
    names: Sequence[str],
    uniques: Sequence[Sequence[str]],
    ids: tuple[str, str],
) -> Iterator[list[Record]]:
    """Records that would have the same values in fields that must be unique, in groups of two or more."""
    keep, lose = ids
    try:
        rows = list(reader.find(kind.name, AnyOf(tuple(where[each].in_(ids) for each in names))))
    except RestrictedError:
        return
    for unique in uniques:
        groups: dict[tuple[Any, ...], list[Record]] = {}
        for row in rows:
            key = tuple(
                keep if name in names and row[name] == lose else row[name] for name in unique
            )
            if None not in key and MASKED not in key:
                groups.setdefault(key, []).append(row)
        yield from (each for each in groups.values() if len(each) > 1)


def _settled(
    reader: Reader, kind: Kind, names: Sequence[str], group: Sequence[Record], keep: str
) -> Iterator[Clash]:
    """The best of a group against each of the others; what others refer to stays, if only one is referred to."""
    best, *others = sorted(group, key=lambda each: _worth(each, names, keep), reverse=True)
    for other in others:
        by = referred_by(reader, kind, other)
        if by and not referred_by(reader, kind, best):
            best, other, by = other, best, None
        yield Clash(best, other, by)


def _worth(record: Record, names: Sequence[str], keep: str) -> tuple[Any, ...]:
    """The higher, the rather it stays: a preference that was stated, and later; else what the kept one has."""
    own = any(record[each] == keep for each in names)
    if isinstance(record, ChannelPreference):
        return (record.source == "stated", record.since, own, record.id)
    return (own, record.id)


def referred_by(reader: Reader, kind: Kind, record: Record) -> str | None:
    """The name of a kind that refers to a record, if one does."""
    for other, field in reader.schema.referring(kind.name):
        if reader.count(other.name, where[field.name] == record.id):
            return other.name
    return None


def pairs(reader: Reader, keep: str, lose: str) -> Pairs:
    """What goes of the records about the one who goes and somebody else.

    Found duplicates go, since a search finds them anew, and what says that these two are not one. What says so of the
    one who goes and somebody else moves with all that refers to them: which of its ids is first means nothing.
    """

    def rows(kind: type[Record]) -> list[Any]:
        try:
            return list(reader.find(kind, AnyOf((where.a_id == lose, where.b_id == lose))))
        except RestrictedError:
            return []

    both = [each for each in rows(NotSame) if keep in (each.a_id, each.b_id)]
    return Pairs((*rows(Duplicate), *both), both[0] if both else None)
