"""Undoing a merge: both customers are there again, and what people did since stays.

The journal tells three values of each field: before the merge, after it, now. What is as the merge left it goes
back; what was changed since stays and is listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import attrs

from crmkit import CRM, Actor, Change, Customer, Duplicate, Field, Handle, Record, Transaction
from crmkit.codec import dump_document, load_document
from crmkit_collaborative import kinds
from crmkit_collaborative.kinds import Merge
from crmkit_collaborative.merging.applying import LOCK
from crmkit_collaborative.merging.consequences import Consequences, consequences
from crmkit_collaborative.merging.members import origins
from crmkit_collaborative.merging.options import VIA
from crmkit_collaborative.merging.standing import check_seen, check_standing, check_undoable
from crmkit_collaborative.merging.steps import Move, Steps, later_changes, steps_of

__all__ = ["Kept", "Undone", "bring_back", "returning", "shown", "undo"]


@attrs.frozen
class Kept:
    """A record, or a field of it, that undoing left as it is, and why; `other` is the record that has its place."""

    kind: str
    id: str
    field: str | None
    reason: str
    other: str | None = None


@attrs.define
class Undone:
    """What undoing did: references that lead back, records that came back, fields that are as before, what stayed."""

    merge: Merge
    moved: list[tuple[str, str, str]] = attrs.field(factory=list)
    restored: list[tuple[str, str]] = attrs.field(factory=list)
    fields: list[str] = attrs.field(factory=list)
    kept: list[Kept] = attrs.field(factory=list)


class _Plan(Exception):
    """Leaves a transaction without its writes."""


def undo(crm: CRM, actor: Actor, merge_id: str, *, plan: bool = False) -> Undone:
    """Undo a merge, wholly or not at all; with `plan`, nothing is written. What the actor may not see is not told.

    Raises `CrmError` for one that does not stand any more, or on which a later one was built, and `TrimmedError` if
    the journal does not know it any more.
    """
    handle = crm.acting(attrs.evolve(actor, via=VIA))
    check_seen(crm, handle, handle.get(Merge, merge_id))
    with suppress(_Plan), handle.transaction(unrestricted=True) as tx:
        tx.lock(LOCK)
        merge = tx.get(Merge, merge_id)
        check_standing(tx, merge)
        steps = steps_of(tx, merge)
        check_undoable(tx, steps)
        done = Undone(merge)
        separated(tx, steps, done)
        if tx.get_many(Customer, [merge.keep_id]) != [None]:
            _values_back(tx, steps, done)
        done.merge = tx.update(merge.evolve(status="undone", other_id=merge.lose_id))
        if plan:
            raise _Plan
    return shown(crm, handle, done)


def separated(tx: Transaction, steps: Steps, done: Undone) -> None:
    """Bring the customer back with all that the merge moved and nobody moved since."""
    gone = consequences(tx, steps)
    references: dict[tuple[str, str], list[str]] = {}
    for kind, id, field in returning(tx, steps, gone, done):
        references.setdefault((kind, field), []).append(id)
        done.moved.append((kind, id, field))
    lost = gone.brought_back(tx, steps, references)
    bring_back(tx, steps, references, [*lost, *_deleted(tx, steps)], done)
    gone.point_back(tx, lost)


def returning(
    tx: Transaction, steps: Steps, gone: Consequences, done: Undone
) -> Iterator[tuple[str, str, str]]:
    """The references, as (kind, id, field), that are still as the merge left them."""
    versions = {(each.kind, each.id): each.version for each in steps.changes}
    moves = steps.moves(tx)
    for name in dict.fromkeys(each.kind for each in moves):
        mine = [each for each in moves if each.kind == name]
        found = tx.get_many(name, [each.id for each in mine])
        for move, record in zip(mine, found, strict=True):
            if move.id == steps.merge.lose_id:  # who referred to themselves and comes back now
                yield name, move.id, move.field
            elif record is None or record.id != move.id:  # deleted or merged away since
                continue
            elif record.version == versions[name, move.id] or _still_leads(
                tx, steps, gone, move, record
            ):
                yield name, move.id, move.field
            else:
                done.kept.append(Kept(name, move.id, move.field, "was moved since"))


def _still_leads(
    tx: Transaction, steps: Steps, gone: Consequences, move: Move, record: Record
) -> bool:
    """Whether a reference leads to the customer who stayed, or went with them, and nobody let it lead there."""
    keep, to = steps.merge.keep_id, record[move.field]
    edits = [
        each
        for each in later_changes(tx, move.kind, move.id, move.change.position)
        if each.transaction != gone.transaction and move.field in (each.delta or {})
    ]
    is_cleared = to is None and gone.cleared(move.kind, move.id, move.field, keep)
    return not edits and (bool(to == keep) or is_cleared)


# Records that the merge deleted ---------------------------------------------------------------------------------


def _deleted(tx: Transaction, steps: Steps) -> list[Record]:
    """The records that went in the merge, as they were; not those that would have gone since with another."""
    found = []
    for change in steps.went():
        kind = tx.schema[change.kind]
        record = load_document(kind, change.delta or {})
        if tx.get_many(kind.name, [change.id]) == [None] and not any(
            _is_lost(tx, steps, each, record) for each in kind.references
        ):
            found.append(record)
    return found


def _is_lost(tx: Transaction, steps: Steps, field: Field, record: Record) -> bool:
    """Whether a record would have gone since with what it refers to: deleted, or a finding about somebody merged."""
    to = record[field.name]
    if to is None or to == steps.merge.lose_id:
        return False
    [there] = tx.get_many(str(field.refers_to), [to])
    if there is None:
        return field.on_delete == "cascade" or field.required
    return isinstance(record, kinds.Duplicate) and bool(there.id != to)


def bring_back(
    tx: Transaction,
    steps: Steps,
    references: dict[tuple[str, str], list[str]],
    records: Sequence[Record],
    done: Undone,
) -> None:
    """Separate the customer; a record whose place another has taken since stays away, and is listed."""
    left = list(records)
    while True:
        deleted: dict[str, list[str]] = {}
        for record in left:
            deleted.setdefault(record.__kind__, []).append(record.id)
        try:
            with tx.savepoint():
                tx.separate(Customer, steps.merge.lose_id, references, deleted)
            break
        except Duplicate as error:
            taken = [each for each in left if _has_place(each, error)]
            if not taken:
                raise
            left = [each for each in left if each not in taken]
            why = "its place is taken"
            done.kept += [Kept(each.__kind__, each.id, None, why, error.existing) for each in taken]
    done.restored += [(each.__kind__, each.id) for each in left]


def _has_place(record: Record, error: Duplicate) -> bool:
    wanted = tuple(record[name] for name in error.fields)
    return record.__kind__ == error.kind and wanted == tuple(error.values)


# Values of the customer who stays -------------------------------------------------------------------------------


def _values_back(tx: Transaction, steps: Steps, done: Undone) -> None:
    keep = tx.get(Customer, steps.merge.keep_id)
    kind = tx.schema[Customer.__kind__]
    now = dump_document(kind, keep)
    edits = later_changes(tx, kind.name, keep.id, steps.position)
    back = dict(now) | _collections_back(tx, steps, now, edits)
    for name, (before, after) in steps.values().items():
        if isinstance(before or after, list):
            continue
        if _is_left(tx, kind.fields.get(name), now.get(name), after, edits):
            back[name] = before
        elif now.get(name) != before:
            done.kept.append(Kept(kind.name, keep.id, name, "was changed since"))
    done.fields += [name for name in back if back[name] != now.get(name)]
    if done.fields:
        tx.update(_led_on(tx, load_document(kind, _present(back)), done.fields))


def _is_left(
    tx: Transaction, field: Field | None, now: Any, after: Any, edits: Sequence[Change]
) -> bool:
    """Whether a field is as the merge left it: nobody changed it since, though what it refers to may have gone."""
    name = field.name if field else ""
    mine = [each for each in edits if name in (each.delta or {})]
    if field is None or not field.refers_to or after is None:
        return not mine and now == after
    [there] = tx.get_many(field.refers_to, [after])
    if there is not None:
        return not mine and now == there.id
    went = tx.history(field.refers_to, after)[-1]
    return now is None and [each.transaction for each in mine] == [went.transaction]


def _collections_back(
    tx: Transaction, steps: Steps, now: dict[str, Any], edits: Sequence[Change]
) -> dict[str, Any]:
    """The collections without what only this merge brought, with what it took; people's own changes stay."""
    values, found = steps.values(), {}
    names = {name for name, pair in values.items() if isinstance(pair[0] or pair[1], list)}
    names |= {name for name, value in now.items() if isinstance(value, list)}
    for name in sorted(names):
        members = now.get(name) or []
        before, after = (pair or [] for pair in values.get(name, (members, members)))
        since = [each.delta[name][1] or () for each in edits if each.delta and name in each.delta]
        brought = origins(tx, steps.merge.keep_id, name, members).alone(steps.merge.id, members)
        took = [each for each in before if each not in after]
        took = [each for each in took if not any(each in value for value in since)]
        rest = [*(each for each in members if each not in brought), *took]
        is_as_before = not since and len(rest) == len(before) and all(e in before for e in rest)
        if rest or members:
            found[name] = [*before] if is_as_before else rest
    return found


def _present(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def _led_on(tx: Transaction, record: Record, names: Iterable[str]) -> Record:
    """The record, of whose references those that lead to nobody any more are empty."""
    for field in tx.schema[record.__kind__].references:
        if field.name in names and record[field.name]:
            [there] = tx.get_many(str(field.refers_to), [record[field.name]])
            record = record.set(field.name, there and there.id)
    return record


# What of it is told ---------------------------------------------------------------------------------------------


def shown(crm: CRM, handle: Handle, done: Undone) -> Undone:
    """What undoing did, without the records that the actor may not see."""
    if not crm.plugins.calls("crm_restrict"):
        return done
    wanted: dict[str, set[str]] = {}
    for kind, id in [*done.restored, *((each[0], each[1]) for each in done.moved)]:
        wanted.setdefault(kind, set()).add(id)
    for each in done.kept:
        wanted.setdefault(each.kind, set()).add(each.other or each.id)
    seen = {
        (kind, each.id)
        for kind, ids in wanted.items()
        for each in handle.get_many(kind, sorted(ids))
        if each is not None
    }
    return Undone(
        done.merge,
        [each for each in done.moved if (each[0], each[1]) in seen],
        [each for each in done.restored if each in seen],
        done.fields,
        [each for each in done.kept if (each.kind, each.other or each.id) in seen],
    )
