"""What is written, and what is left of it: who writes and why, writes on their way in, changes in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from crmkit.errors import Problem
from crmkit.records import Record

__all__ = [
    "MAX_DEPTH",
    "SYSTEM",
    "Action",
    "Actor",
    "Cause",
    "Change",
    "Delta",
    "Document",
    "Patch",
    "Stamp",
    "Write",
]

Document: TypeAlias = dict[str, Any]
"""A record in plain form (see `crmkit.types`): `id`, `version`, `created_at`, `updated_at`, and every field that
is not missing; added fields under their dotted names, unknown ones as they came."""

Delta: TypeAlias = dict[str, tuple[Any, Any]]
"""Field -> (before, after), both in plain form, None for missing."""

Action: TypeAlias = Literal["insert", "update", "delete", "redact"]


@attrs.frozen
class Actor:
    """Who does something: an id, what it is, and through what it acts."""

    id: str
    type: Literal["person", "bot", "system"] = "person"
    via: str = "api"

    def __str__(self) -> str:
        return self.id


SYSTEM = Actor("system", "system")
"""The app itself, which nothing restricts."""


MAX_DEPTH = 8
"""How long a chain of causes may be before it is taken for a loop."""


@attrs.frozen
class Cause:
    """What set a transaction off: the transaction that began the chain, and the workers that passed it on."""

    root: str
    by: tuple[str, ...]

    @property
    def depth(self) -> int:
        """How many steps from the root."""
        return len(self.by)


@attrs.frozen
class Stamp:
    """What all changes of one writing call have in common."""

    transaction: str
    at: datetime
    effective: datetime
    actor: Actor = SYSTEM
    cause: Cause | None = None


@attrs.frozen
class Change:
    """One record's step from one version to the next.

    `position` orders the journal of one database and means nothing outside of it. `delta` is field -> (before,
    after) for an update, the whole document before a delete, None for an insert, and for a redaction the fields
    that were blanked. `at` is when it was recorded, `effective` when it was true in the world.
    """

    position: int
    transaction: str
    kind: str
    id: str
    version: int
    action: Action
    at: datetime
    effective: datetime
    actor: Actor
    cause: Cause | None = None
    delta: Delta | Document | None = None


class Write:
    """One record about to be written: `action`, `record` (as it will be), `previous` (as it was, if it was).

    For a delete, `record` is `previous`. Guards answer with `problem`, `denial` and `patch`. `delta` is what an update
    changes, once all guards are through.
    """

    __slots__ = ("action", "delta", "previous", "record")

    def __init__(self, action: Action, record: Record, previous: Record | None = None) -> None:
        self.action = action
        self.delta: Delta | Document | None = None
        self.record = record
        self.previous = previous

    def changed(self, path: str) -> bool:
        """Whether a field gets another value than it had; all fields of a new record do."""
        return self.previous is None or self.previous[path] != self.record[path]

    def problem(self, field: str | None, text: str) -> Problem:
        """What `crm_validate` returns: this field of this record is wrong because ..."""
        return Problem(self.record.__kind__, self.record.id, field, text)

    def denial(self, text: str) -> Problem:
        """What `crm_authorize` returns: this actor may not write this record because ..."""
        return Problem(self.record.__kind__, self.record.id, None, text)

    def patch(self, values: Mapping[str, Any] | None = None, **fields: Any) -> Patch:
        """What `crm_prepare` returns: give these fields these values before the record is written."""
        return Patch(self, {**(values or {}), **fields})

    def __repr__(self) -> str:
        return f"<Write {self.action} {self.record.__kind__} {self.record.id}>"


@attrs.frozen(eq=False)
class Patch:
    """Values that a plugin wants in the record of one write, by field."""

    write: Write
    values: Mapping[str, Any]
