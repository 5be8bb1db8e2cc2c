"""What people say of two customers who seem to be one: that they are not."""

from __future__ import annotations

from crmkit import Transaction, where
from crmkit_collaborative.kinds import Duplicate, NotSame
from crmkit_collaborative.merging.planning import two

__all__ = ["rule_out"]


def rule_out(tx: Transaction, a_id: str, b_id: str, reason: str = "") -> NotSame:
    """Remember that two customers are not one, and forget what was noticed of the two.

    Said before, it stays, with the new reason if there is one. Raises `NotFound` for a customer that is not there or
    not to be seen, and `CrmError` if the two are one already.
    """
    a, b = sorted(each.id for each in two(tx, a_id, b_id))
    # After a merge a pair may stand the other way round.
    both = (where.a_id.in_([a, b]), where.b_id.in_([a, b]))
    tx.delete_all(list(tx.find(Duplicate, *both)))
    known = next(tx.find(NotSame, *both), None)
    if known is None:
        return tx.add(NotSame(a_id=a, b_id=b, reason=reason))
    return tx.update(known.evolve(reason=reason)) if reason else known
