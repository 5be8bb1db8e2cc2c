"""What became, or is to become, of one row; and the sums of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from crmkit_exchange.importing.draft import Draft

__all__ = ["Action", "Counts", "Outcome"]

Action = Literal["create", "update", "skip", "invalid"]
_SUMS: Mapping[Action, str] = {
    "create": "created",
    "update": "updated",
    "skip": "skipped",
    "invalid": "invalid",
}


@attrs.frozen(kw_only=True)
class Outcome:
    """What becomes of one row, and why.

    `record` is the id and `title` the name of the record, `version` the one that it was matched at, 0 if it is new.
    `changes` are the fields that an update sets: field -> (before, after). `notes` say what else is worth knowing.
    `twins` are other customers who have one of its addresses: (id, name) of each. `parts` are what became of further
    records that the row makes.
    """

    draft: Draft
    action: Action
    reason: str = ""
    record: str | None = None
    title: str = ""
    version: int = 0
    changes: Mapping[str, tuple[Any, Any]] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    twins: tuple[tuple[str, str], ...] = ()
    parts: tuple[Outcome, ...] = ()


@attrs.frozen(kw_only=True)
class Counts:
    """How many rows of a file there were, and what became of them: `read` is the sum of the four others.

    `duplicates` are the created rows that share an address with another customer; `noted` those of which something
    was not taken.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    invalid: int = 0
    duplicates: int = 0
    noted: int = 0

    def plus(self, outcome: Outcome) -> Counts:
        """With one more row."""
        name = _SUMS[outcome.action]
        more: dict[str, int] = {"read": self.read + 1, name: getattr(self, name) + 1}
        if outcome.twins:
            more["duplicates"] = self.duplicates + 1
        if outcome.notes:
            more["noted"] = self.noted + 1
        return attrs.evolve(self, **more)
