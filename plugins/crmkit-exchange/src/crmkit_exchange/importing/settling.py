"""Bringing batches in so that one bad row spoils nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from crmkit import BackendError, CrmError, Transaction, TransactionError
from crmkit_exchange.importing.draft import Draft
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.outcome import Outcome
from crmkit_exchange.importing.parts import brought_whole

__all__ = ["BATCH", "batches", "settled"]

BATCH = 500
"""How many rows are looked up and written together."""


def batches(drafts: Iterable[Draft], size: int = BATCH) -> Iterator[list[Draft]]:
    """Rows in their order, so many together; no two of a batch have one key, so that the second finds the first.

    Those of a batch are true since the same time.
    """
    batch: list[Draft] = []
    keys: set[str] = set()
    for draft in drafts:
        again = draft.key and draft.key in keys
        if batch and (len(batch) >= size or again or draft.effective != batch[0].effective):
            yield batch
            batch, keys = [], set()
        batch.append(draft)
        keys.add(draft.key)
    if batch:
        yield batch


def settled(tx: Transaction, layout: Layout, drafts: Sequence[Draft]) -> list[Outcome]:
    """What became of each row, in order: a row whose writes are refused is invalid, with the reason.

    The batch is halved until the refused rows are alone. What is wrong with the database itself is raised.
    """
    try:
        with tx.savepoint():
            return brought_whole(tx, layout, drafts)
    except (BackendError, TransactionError):
        raise
    except CrmError as error:
        if len(drafts) == 1:
            return [Outcome(draft=drafts[0], action="invalid", reason=" ".join(str(error).split()))]
        half = len(drafts) // 2
        return settled(tx, layout, drafts[:half]) + settled(tx, layout, drafts[half:])
