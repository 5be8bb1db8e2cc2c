"""Splitting a wrong merge: the customer comes back with what is named, everything else stays where it is."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmkit import CRM, Actor, CrmError, Customer, Handle, Record, Transaction
from crmkit.codec import load_document
from crmkit_collaborative.kinds import Duplicate, Merge, NotSame
from crmkit_collaborative.merging.applying import LOCK
from crmkit_collaborative.merging.consequences import Consequences
from crmkit_collaborative.merging.options import VIA
from crmkit_collaborative.merging.standing import check_standing
from crmkit_collaborative.merging.steps import Steps, steps_of
from crmkit_collaborative.merging.undoing import Undone, bring_back, returning, shown

__all__ = ["read_records", "split"]


def read_records(texts: Sequence[str]) -> list[tuple[str, str]]:
    """What people write: `KIND:ID`. Raises `CrmError` for anything else."""
    found = []
    for text in texts:
        kind, colon, id = text.partition(":")
        if not (kind and colon and id):
            raise CrmError(f"--move {text} names no record; write KIND:ID, as in identity:01a2")
        found.append((kind, id))
    return found


def split(
    crm: CRM, actor: Actor, merge_id: str, records: Sequence[tuple[str, str]], reason: str = ""
) -> Undone:
    """Bring the customer back who went in a merge, and give them these records (kind, id) of the one who stayed.

    Values of the one who stayed remain, and the two are noted as not the same. Raises `CrmError` for a record that
    is not theirs, and what `undo` raises.
    """
    handle = crm.acting(attrs.evolve(actor, via=VIA))
    merge = handle.get(Merge, merge_id)
    handle.get(Customer, merge.keep_id)  # with nobody to split it from, a merge can only be undone
    references = _references(handle, merge, records)
    with handle.transaction(unrestricted=True) as tx:
        tx.lock(LOCK)
        merge = tx.get(Merge, merge_id)
        check_standing(tx, merge)
        steps = steps_of(tx, merge)
        done = Undone(merge)
        for kind, id, field in returning(tx, steps, Consequences(), Undone(merge)):
            # Ids that led to the customer, merges that were about them, and what they say of themselves.
            if kind in {"alias", Merge.__kind__} or id == merge.lose_id:
                references.setdefault((kind, field), []).append(id)
        done.moved += [(k, id, field) for (k, field), ids in references.items() for id in ids]
        bring_back(tx, steps, references, _own(tx, steps), done)
        _note(tx, merge, reason)
        done.merge = tx.update(merge.evolve(status="split", other_id=merge.lose_id))
    return shown(crm, handle, done)


def _references(
    handle: Handle, merge: Merge, records: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """(kind, field) -> ids: in which fields these records refer to the customer who stayed."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, id in records:
        record, kind = handle.get(name, id), handle.schema[name]
        fields = [
            each.name
            for each in kind.references
            if each.refers_to == Customer.__kind__ and record[each.name] == merge.keep_id
        ]
        if not fields:
            raise CrmError(
                f"{name} {id} does not belong to customer {merge.keep_id}; name what does"
            )
        for field in fields:
            found.setdefault((name, field), []).append(record.id)
    return found


def _own(tx: Transaction, steps: Steps) -> list[Record]:
    """The records of the customer who went that had to give way in the merge; found duplicates apart."""
    found = []
    for change in steps.went():
        kind = tx.schema[change.kind]
        record = load_document(kind, change.delta or {})
        owners = [
            record[each.name] for each in kind.references if each.refers_to == Customer.__kind__
        ]
        if kind.name not in {Duplicate.__kind__, NotSame.__kind__} and (
            steps.merge.lose_id in owners and tx.get_many(kind.name, [change.id]) == [None]
        ):
            found.append(record)
    return found


def _note(tx: Transaction, merge: Merge, reason: str) -> None:
    """Remember that the two are not one, so that nothing makes them one again by itself."""
    a, b = sorted((merge.keep_id, merge.lose_id))
    tx.add(NotSame(a_id=a, b_id=b, reason=reason))
