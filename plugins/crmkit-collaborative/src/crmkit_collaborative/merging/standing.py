"""Whether a merge can be undone now: one on which a later one was built has to wait for that."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit import CRM, Alias, CrmError, Customer, Handle, Transaction, where
from crmkit_collaborative.kinds import Merge
from crmkit_collaborative.merging.steps import Steps, steps_of

__all__ = ["check_seen", "check_standing", "check_undoable"]


def check_standing(tx: Transaction, merge: Merge) -> None:
    """Raise `CrmError` unless the merge stands, and no later one stands on it."""
    if merge.status != "applied":
        raise CrmError(
            f"merge {merge.id} was {merge.status} already; `crm merge apply {merge.keep_id} {merge.lose_id}` makes "
            "them one again"
        )
    later = _standing(tx, lose_id=merge.keep_id)
    if later is not None:
        raise CrmError(
            f"customer {merge.keep_id} went into {later.keep_id} since; `crm merge undo {later.id}` first"
        )
    [alias] = tx.get_many(Alias, [merge.lose_id])
    if alias is None or alias.target != merge.keep_id:
        where_to = alias.target if alias else "nobody"
        raise CrmError(
            f"customer {merge.lose_id} leads to {where_to} by now, not to {merge.keep_id}; nothing is to be undone"
        )


def check_seen(crm: CRM, handle: Handle, merge: Merge) -> None:
    """Raise `NotFound` if the actor may not see the customer who stayed; one who was deleted is hidden from nobody."""
    if crm.get_many(Customer, [merge.keep_id]) != [None]:
        handle.get(Customer, merge.keep_id)


def _standing(tx: Transaction, **fields: str) -> Merge | None:
    conditions = [where[name] == value for name, value in fields.items()]
    return next(tx.find(Merge, *conditions, where.status == "applied", order="-id", limit=1), None)


def check_undoable(tx: Transaction, steps: Steps) -> None:
    """Raise `CrmError` if a later merge into the same customer decided over what this one had brought."""
    fields = {name for name, (_, after) in steps.values().items() if not isinstance(after, list)}
    moved = {(each.kind, each.id) for each in steps.moves(tx)}
    for later in _later(tx, steps):
        again = fields.intersection(later.values())
        gone = [each for each in later.went() if (each.kind, each.id) in moved]
        if again or gone:
            what = ", ".join(sorted(again)) or f"{gone[0].kind} {gone[0].id}"
            raise CrmError(
                f"merge {later.merge.id} came later and decided over {what} too; `crm merge undo {later.merge.id}` "
                "first"
            )


def _later(tx: Transaction, steps: Steps) -> Iterator[Steps]:
    into = (where.keep_id == steps.merge.keep_id, where.status == "applied")
    for merge in list(tx.find(Merge, *into)):
        if merge.id != steps.merge.id and merge.created_at >= steps.merge.created_at:
            found = steps_of(tx, merge)
            if found.position > steps.position:
                yield found
