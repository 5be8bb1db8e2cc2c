"""What went with the customer who had stayed, when they were deleted after a merge: it would have stayed without it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from crmkit import Change, Customer, Record, Transaction
from crmkit.codec import load_document
from crmkit_collaborative.merging.steps import Move, Steps, later_changes

__all__ = ["Consequences", "consequences"]


@attrs.frozen
class Consequences:
    """The changes of the transaction that deleted the customer who had stayed; none while they are there."""

    transaction: str = ""
    changes: tuple[Change, ...] = ()

    def cleared(self, kind: str, id: str, field: str, to: str) -> bool:
        """Whether a reference of a record that is still there was emptied, which had led to this id."""
        return any(
            (each.kind, each.id) == (kind, id)
            and each.action == "update"
            and tuple((each.delta or {}).get(field, ())) == (to, None)
            for each in self.changes
        )

    def brought_back(self, tx: Transaction, steps: Steps) -> list[Record]:
        """The records that the merge had moved, as they were when they went, and what went with them."""
        keep, lose = steps.merge.keep_id, steps.merge.lose_id
        moved: dict[tuple[str, str], list[Move]] = {}
        for move in steps.moves(tx):
            if not _is_edited(tx, move):
                moved.setdefault((move.kind, move.id), []).append(move)
        found: list[Record] = []
        back: set[tuple[str, str]] = set()
        # A record went after those that went with it: from the last on, each comes behind what it refers to.
        for change in reversed(self.changes):
            document: Mapping[str, Any] = change.delta or {}
            fields = {each.field for each in moved.get((change.kind, change.id), ())}
            led = {name: lose for name in fields if document.get(name) == keep}
            if change.action == "delete" and (led or _goes_with(tx, change, back)):
                back.add((change.kind, change.id))
                found.append(load_document(tx.schema[change.kind], {**document, **led}))
        return found

    def point_back(self, tx: Transaction, records: list[Record]) -> None:
        """Let what had referred to these records, which are there again, do so."""
        ids = {each.id for each in records}
        for change in self.changes:
            if change.action != "update" or tx.schema[change.kind].opaque:
                continue
            for name, (before, after) in (change.delta or {}).items():
                [record] = tx.get_many(change.kind, [change.id])
                if before in ids and after is None and record and record[name] is None:
                    tx.update(record.set(name, before))


def _is_edited(tx: Transaction, move: Move) -> bool:
    edits = later_changes(tx, move.kind, move.id, move.change.position)
    return any(move.field in (each.delta or {}) for each in edits)


def _goes_with(tx: Transaction, change: Change, back: set[tuple[str, str]]) -> bool:
    document: Mapping[str, Any] = change.delta or {}
    return any(
        each.on_delete == "cascade" and (str(each.refers_to), document.get(each.name)) in back
        for each in tx.schema[change.kind].references
    )


def consequences(tx: Transaction, steps: Steps) -> Consequences:
    """What went with the customer who had stayed."""
    keep = steps.merge.keep_id
    if tx.get_many(Customer, [keep]) != [None]:
        return Consequences()
    went = tx.history(Customer, keep)[-1]
    found, after = [], 0
    while page := tx.changes(after, None, 500, went.at - timedelta(microseconds=1)):
        after = page[-1].position
        found += [each for each in page if each.transaction == went.transaction]
        if after > went.position and page[-1].transaction != went.transaction:
            break
    return Consequences(went.transaction, tuple(found))
