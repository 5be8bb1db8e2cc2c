"""Making customers one: everything in one transaction, of which the journal knows each step."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmkit import CRM, Actor, CrmError, Customer, Transaction
from crmkit_collaborative.kinds import Merge
from crmkit_collaborative.merging.options import VIA, MergeOptions
from crmkit_collaborative.merging.planning import MergePlan, check_group, plan, planned, two
from crmkit_collaborative.merging.surviving import hidden_fields, survivor

__all__ = ["LOCK", "Applied", "apply"]

LOCK = "collaborative merge"
"""What merges hold, so that two of them do not take the same customer at once."""


@attrs.frozen
class Applied:
    """A merge that was done, and of what it did that which the actor may see."""

    merge: Merge
    plan: MergePlan


def apply(
    crm: CRM,
    actor: Actor,
    keep_id: str,
    lose_ids: Sequence[str],
    options: MergeOptions | None = None,
) -> list[Applied]:
    """Let customers go into one, wholly or not at all; what the actor may not see moves too, and is not shown.

    Raises `CrmError` for what stands against it, `NotFound` for customers that the actor may not see, and whatever
    refuses a write.
    """
    options = options or MergeOptions()
    handle = crm.acting(attrs.evolve(actor, via=VIA))
    check_group(handle, lose_ids)
    kind = crm.schema[Customer.__kind__]
    seen = [plan(handle, keep_id, each, options) for each in lose_ids]
    hidden = [hidden_fields(kind, each.keep, each.lose) for each in seen]
    merges = []
    with handle.transaction(unrestricted=True) as tx:
        tx.lock(LOCK)
        for each, less in zip(seen, hidden, strict=True):
            keep, lose = two(tx, each.keep.id, each.lose.id)
            done = planned(tx, keep, lose, options, less)
            _refuse(each, done)
            merges.append(
                Applied(_merge(tx, done, options), attrs.evolve(each, choices=done.choices))
            )
    return merges


def _refuse(seen: MergePlan, done: MergePlan) -> None:
    """Say what stands against a merge, but nothing of what the actor may not see."""
    if seen.problems:
        raise CrmError(seen.problems[0])
    if done.problems:
        raise CrmError(
            f"{done.lose.id} cannot be merged because of records that you may not see; ask somebody who may"
        )


def _merge(tx: Transaction, done: MergePlan, options: MergeOptions) -> Merge:
    tx.delete_all([*(each.goes for each in done.clashes), *done.pairs.goes])
    keep = survivor(done.keep, done.lose, done.choices)
    tx.merge(keep, done.lose)
    # It is the last that is written: undoing finds by it what the merge did.
    said = {"policy": options.policy, "take": dict(options.take)}
    now = keep.id
    return tx.add(
        Merge(keep_id=now, lose_id=done.lose.id, customer_id=now, other_id=now, plan=said)
    )
