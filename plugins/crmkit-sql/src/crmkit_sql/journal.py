"""The journal's rows and the changes that they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from crmkit.changes import Actor, Cause, Change, Stamp
from crmkit_sql.layout import dumped_json
from crmkit_sql.names import quoted

__all__ = [
    "COPY",
    "INSERT_MANY",
    "INSERT_ONE",
    "LOCK",
    "SELECT",
    "change_of",
    "change_row",
    "stamped_row",
]

_TYPES = {
    "transaction": "text",
    "kind": "text",
    "id": "text",
    "version": "bigint",
    "action": "text",
    "at": "timestamptz",
    "effective": "timestamptz",
    "actor": "text",
    "actor_type": "text",
    "actor_via": "text",
    "cause_root": "text",
    "cause_by": "json",
    "delta": "json",
}
_NAMES = ", ".join(map(quoted, _TYPES))
_NEXT = "(SELECT coalesce(max(position), 0) FROM crm_journal)"

SELECT = f"SELECT position, {_NAMES} FROM crm_journal"

LOCK = "SELECT pg_advisory_xact_lock(6014862213345)"
"""Whoever holds this writes to the journal, until the commit: so positions are in the order of the commits."""

INSERT_ONE = (
    f"INSERT INTO crm_journal (position, {_NAMES}) "
    f"VALUES ({_NEXT} + 1, {', '.join(f'%s::{each}' for each in _TYPES.values())}) RETURNING position"
)

INSERT_MANY = (
    f"INSERT INTO crm_journal (position, {_NAMES}) SELECT {_NEXT} + n, "
    + ", ".join(f"c{n}::{each}" for n, each in enumerate(_TYPES.values()))
    + " FROM unnest("
    + ", ".join(f"%s::{'text' if each == 'json' else each}[]" for each in _TYPES.values())
    + f") WITH ORDINALITY AS v({', '.join(f'c{n}' for n in range(len(_TYPES)))}, n) RETURNING position"
)

COPY = f"COPY crm_journal (position, {_NAMES}) FROM STDIN"


def change_of(row: Sequence[Any]) -> Change:
    """The change of a row of `SELECT`."""
    position, transaction, kind, id, version, action, at, effective, *who, root, by, delta = row
    cause = None if root is None else Cause(root, tuple(json.loads(by)))
    step = (position, transaction, kind, id, version, action, at, effective)
    return Change(*step, Actor(*who), cause, _delta(action, delta))


def _delta(action: str, text: str | None) -> Any:
    if text is None:
        return None
    plain = json.loads(text)
    return plain if action == "delete" else {name: (old, new) for name, (old, new) in plain.items()}


def change_row(change: Change) -> tuple[Any, ...]:
    """The row of a change, without its position."""
    stamp = Stamp(change.transaction, change.at, change.effective, change.actor, change.cause)
    row = stamped_row(change.kind, stamp)
    delta = None if change.delta is None else dumped_json(change.delta)
    return row(change.id, change.version, change.action, delta)


def stamped_row(kind: str, stamp: Stamp) -> Callable[[str, int, str, str | None], tuple[Any, ...]]:
    """A function (id, version, action, delta) -> row without a position, for the changes of one writing call."""
    actor = (stamp.actor.id, stamp.actor.type, stamp.actor.via)
    cause = (stamp.cause.root, dumped_json(stamp.cause.by)) if stamp.cause else (None, None)
    transaction, times = stamp.transaction, (stamp.at, stamp.effective)

    def row(id: str, version: int, action: str, delta: str | None) -> tuple[Any, ...]:
        return (transaction, kind, id, version, action, *times, *actor, *cause, delta)

    return row
