"""What went with the customer who had stayed, when they were deleted after a merge: it would have stayed without it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from crmkit import Change, Customer, Record, Transaction
from crmkit.codec import load_document
from crmkit_collaborative.merging.steps import Steps, later_changes

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

    def brought_back(
        self, tx: Transaction, steps: Steps, references: dict[tuple[str, str], list[str]]
    ) -> list[Record]:
        """The records that the merge had moved, as they are to be, and what went with them; `references` is added to."""
        if not self.changes:
            return []
        keep, lose = steps.merge.keep_id, steps.merge.lose_id
        moved = _unedited(tx, steps)
        found: list[Record] = []
        back = {(Customer.__kind__, lose)}
        # A record went after those that went with it: from the last on, each comes behind what it refers to.
        for change in reversed(self.changes):
            if change.action != "delete":
                continue
            kind, id, document = change.kind, change.id, dict(change.delta or {})
            for name in moved.get((kind, id), ()):
                if document.get(name) == keep or self.cleared(kind, id, name, keep):
                    document[name] = lose
            if _belongs(tx, kind, document, back):
                back.add((kind, id))
                found.append(load_document(tx.schema[kind], document))
                for name in moved.get((kind, id), ()):
                    if document.get(name) == lose:
                        references.setdefault((kind, name), []).append(id)
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


def _unedited(tx: Transaction, steps: Steps) -> dict[tuple[str, str], list[str]]:
    """The records whose references the merge moved, and in which fields, where nobody moved them since."""
    found: dict[tuple[str, str], list[str]] = {}
    for move in steps.moves(tx):
        edits = later_changes(tx, move.kind, move.id, move.change.position)
        if not any((each.delta or {}).get(move.field, (0, None))[1] for each in edits):
            found.setdefault((move.kind, move.id), []).append(move.field)
    return found


def _belongs(
    tx: Transaction, name: str, document: Mapping[str, Any], back: set[tuple[str, str]]
) -> bool:
    """Whether a record, when deleted, went with one of those that are back, and with no other."""
    owners = [
        (str(each.refers_to), document[each.name])
        for each in tx.schema[name].references
        if each.on_delete == "cascade" and document.get(each.name)
    ]
    rest = [each for each in owners if each not in back]
    return len(rest) < len(owners) and all(tx.get_many(k, [id]) != [None] for k, id in rest)


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
