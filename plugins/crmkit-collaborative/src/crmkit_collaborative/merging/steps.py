"""What one merge did, step by step, as the journal has it: what undoing goes by.

Nothing of it is kept beside the journal, so an erasure there is one here, and nobody sees more through a merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from crmkit import Change, Customer, Transaction, TrimmedError
from crmkit_collaborative.kinds import Merge
from crmkit_collaborative.merging.options import VIA

__all__ = ["Move", "Steps", "later_changes", "steps_of"]

PAGE = 500
"""How many changes are read together."""


@attrs.frozen
class Move:
    """A reference that a merge let lead to the customer who stays."""

    kind: str
    id: str
    field: str
    change: Change


@attrs.frozen
class Steps:
    """The changes of one merge, in order, its own record apart."""

    merge: Merge
    changes: tuple[Change, ...]

    @property
    def position(self) -> int:
        """Where in the journal its last step is."""
        return self.changes[-1].position

    def moves(self, tx: Transaction) -> list[Move]:
        """Every reference that it moved: declared ones, and ids that had led to the customer who went."""
        there = {(kind.name, field.name) for kind, field in tx.schema.referring(Customer.__kind__)}
        there.add(("alias", "target"))
        went = (self.merge.lose_id, self.merge.keep_id)
        return [
            Move(each.kind, each.id, name, each)
            for each in self.changes
            if each.action == "update" and not self._is_kept(each)
            for name, step in (each.delta or {}).items()
            if (each.kind, name) in there and tuple(step) == went
        ]

    def _is_kept(self, change: Change) -> bool:
        return change.kind == Customer.__kind__ and change.id == self.merge.keep_id

    def kept(self) -> list[Change]:
        """The changes of the customer who stays."""
        return [*filter(self._is_kept, self.changes)]

    def values(self) -> Mapping[str, tuple[Any, Any]]:
        """What it changed in the customer who stays: field -> (before, after), in plain form."""
        found: dict[str, tuple[Any, Any]] = {}
        for change in self.kept():
            for name, (before, after) in (change.delta or {}).items():
                found[name] = (found.get(name, (before, None))[0], after)
        return found

    def went(self) -> list[Change]:
        """The records that it deleted besides the customer."""
        lost = (Customer.__kind__, self.merge.lose_id)
        return [
            each
            for each in self.changes
            if each.action == "delete" and (each.kind, each.id) != lost
        ]


def steps_of(tx: Transaction, merge: Merge) -> Steps:
    """What a merge did. Raises `TrimmedError` if the journal does not know all of it any more."""
    made = tx.history(Merge, merge.id)[0]
    found: list[Change] = []
    try:
        for change in _behind(tx, merge):
            if change.transaction != made.transaction:
                continue
            if change.kind != Merge.__kind__ or change.action != "insert":
                found.append(change)
            elif change.id == merge.id:
                return Steps(merge, tuple(found))
            else:  # several were merged in one transaction: these were the steps of the one before
                found = []
    except TrimmedError as error:
        raise _trimmed(merge, error) from None
    raise AssertionError(f"the journal ends before merge {merge.id}")


def _behind(tx: Transaction, merge: Merge) -> Iterator[Change]:
    after, since = 0, merge.created_at - timedelta(microseconds=1)
    while page := tx.changes(after, None, PAGE, since):
        after = page[-1].position
        yield from page


def _trimmed(merge: Merge, error: TrimmedError) -> TrimmedError:
    since = error.since.isoformat()
    return TrimmedError(
        f"merge {merge.id} was made before {since}, up to which the journal is trimmed, so what it did is not known "
        "any more; add the customer anew, and give them what is theirs",
        error.since,
    )


def later_changes(tx: Transaction, kind: str, id: str, position: int) -> Sequence[Change]:
    """What people, not merges, changed in a record behind a position of the journal."""
    return [
        each
        for each in tx.history(kind, id)
        if each.position > position and each.action == "update" and each.actor.via != VIA
    ]
