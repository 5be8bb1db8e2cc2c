"""Where each member of a collection came from: the customer's own, or brought by merges, perhaps by several.

A tag that two customers brought goes when the last of them has left again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import attrs

from crmkit import Change, Customer, Transaction, TrimmedError, where
from crmkit_collaborative.kinds import Merge
from crmkit_collaborative.merging.steps import Steps, steps_of

__all__ = ["Origins", "origins"]

OWN = ""
"""Stands for the customer's own, in place of the id of a merge."""


@attrs.define
class Origins:
    """What brought the members of one collection: a member in plain form -> merges, or `OWN`."""

    name: str
    found: dict[str, set[str]] = attrs.field(factory=dict)

    def alone(self, merge_id: str, members: Sequence[Any]) -> list[Any]:
        """Those of the members that are there for nothing but this merge."""
        return [each for each in members if self.found.get(_key(each)) == {merge_id}]

    def _changed(self, before: Sequence[Any], after: Sequence[Any]) -> None:
        there = {_key(each) for each in after}
        self.found = {key: of for key, of in self.found.items() if key in there}
        for key in there - {_key(each) for each in before}:
            self.found[key] = {OWN}

    def _merged(self, steps: Steps, change: Change | None) -> None:
        fresh = set[str]()
        if step := _step(change, self.name):
            known = {*self.found}
            self._changed(*step)
            fresh = self.found.keys() - known
        for member in _lost(steps).get(self.name) or ():
            of = self.found.get(_key(member))
            if of is not None:
                of.add(steps.merge.id)
                if _key(member) in fresh:
                    of.discard(OWN)

    def _undone(self, merge_id: str) -> None:
        for of in self.found.values():
            of.discard(merge_id)
            of.update(() if of else (OWN,))


def origins(tx: Transaction, keep_id: str, name: str, now: Sequence[Any]) -> Origins:
    """The origins of the members of a collection of a customer; `now` is what it holds.

    Merges of which the journal has lost a part count as the customer's own: they cannot be undone either.
    """
    changes = [each for each in tx.history(Customer, keep_id) if each.action == "update"]
    told = [step for each in changes if (step := _step(each, name))]
    first = told[0][0] if told else now
    found = Origins(name, {_key(each): {OWN} for each in first})
    merges = list(_merges(tx, keep_id))
    mine = {each.position: steps for steps in merges for each in steps.kept()}
    silent = [steps for steps in merges if not steps.kept()]
    events: list[tuple[int, Change | None, Steps | None]] = [
        *((each.position, each, mine.get(each.position)) for each in changes),
        *((steps.position, None, steps) for steps in silent),
        *((position, None, steps) for steps in merges if (position := _left(tx, steps.merge))),
    ]
    for position, change, steps in sorted(events, key=lambda each: each[0]):
        if steps is None:
            if change is not None and (step := _step(change, name)):
                found._changed(*step)
        elif position <= steps.position:
            found._merged(steps, change)
        else:
            found._undone(steps.merge.id)
    return found


def _key(member: Any) -> str:
    return json.dumps(member, sort_keys=True)


def _step(change: Change | None, name: str) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """A collection before and after a change, if it changed."""
    step = (change.delta or {}).get(name) if change is not None else None
    return None if step is None else (step[0] or (), step[1] or ())


def _merges(tx: Transaction, keep_id: str) -> Iterator[Steps]:
    for merge in list(tx.find(Merge, where.keep_id == keep_id)):
        with suppress(TrimmedError):
            yield steps_of(tx, merge)


def _lost(steps: Steps) -> Any:
    """The customer who went, as a document."""
    lost = (Customer.__kind__, steps.merge.lose_id)
    gone = [each for each in steps.changes if (each.kind, each.id) == lost and each.delta]
    return gone[-1].delta if gone and gone[-1].action == "delete" else {}


def _left(tx: Transaction, merge: Merge) -> int | None:
    """Where in the journal a merge was undone; None while it stands. After a split its values stay for good."""
    for change in tx.history(Merge, merge.id):
        if change.action == "update" and (change.delta or {}).get("status", (0, 0))[1] == "undone":
            return change.position
    return None
