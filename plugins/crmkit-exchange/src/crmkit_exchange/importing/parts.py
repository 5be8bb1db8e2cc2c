"""Bringing rows in with their parts: each part is imported like a row of its own, and counts as one with its row."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmkit import Transaction
from crmkit_exchange.importing.deciding import brought_in
from crmkit_exchange.importing.draft import Draft
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.outcome import Outcome

__all__ = ["brought_whole"]


def brought_whole(tx: Transaction, layout: Layout, drafts: Sequence[Draft]) -> list[Outcome]:
    """Write what becomes of these rows, no two of which have one key, and of their parts."""
    outcomes = brought_in(tx, layout, drafts)
    for owner, part in layout.parts.items():
        outcomes = _with_parts(tx, owner, part, outcomes)
    return outcomes


def _with_parts(
    tx: Transaction, owner: str, layout: Layout, outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """The outcomes with what became of the parts of one sort; those of a row without a record are left out."""
    drafts = [
        attrs.evolve(
            each.draft.parts[owner],
            key=each.draft.key,
            values={**each.draft.parts[owner].values, owner: each.record},
        )
        for each in outcomes
        if each.record and owner in each.draft.parts
    ]
    found = {each.draft.key: each for each in brought_in(tx, layout, drafts)}
    return [
        _joined(each, found[each.draft.key], layout) if each.draft.key in found else each
        for each in outcomes
    ]


def _joined(whole: Outcome, part: Outcome, layout: Layout) -> Outcome:
    """One outcome of both: what changes a part changes the row's record, to those who look at it."""
    both = attrs.evolve(whole, notes=(*whole.notes, *part.notes), parts=(*whole.parts, part))
    if whole.action not in {"skip", "update"} or part.action not in {"create", "update"}:
        return both
    name = layout.kind.name
    own = whole.reason if whole.action == "update" else ""
    changes = {f"{name}.{path}": pair for path, pair in part.changes.items()}
    reason = ", ".join(filter(None, [own, *(changes or [name])]))
    return attrs.evolve(both, action="update", reason=reason, changes={**whole.changes, **changes})
