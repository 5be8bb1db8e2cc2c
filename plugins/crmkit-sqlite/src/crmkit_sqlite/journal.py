"""The journal's rows and the changes that they are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from crmkit.changes import Actor, Cause, Change, Stamp, Write
from crmkit.values import format_time
from crmkit_sqlite.layout import dumped_json

__all__ = ["INSERT", "SELECT", "blank", "change_of", "change_row", "changed", "stamped_row"]

_COLUMNS = (
    'position, "transaction", kind, id, version, action, at, effective, actor, actor_type, actor_via, '
    "cause_root, cause_by, delta"
)

SELECT = f"SELECT {_COLUMNS} FROM crm_journal"

INSERT = f"INSERT INTO crm_journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def change_of(row: Sequence[Any]) -> Change:
    """The change of a row of `SELECT`."""
    position, transaction, kind, id, version, action, at, effective, *who, root, by, delta = row
    cause = None if root is None else Cause(root, tuple(json.loads(by)))
    return Change(
        position,
        transaction,
        kind,
        id,
        version,
        action,
        datetime.fromisoformat(at),
        datetime.fromisoformat(effective),
        Actor(*who),
        cause,
        _delta(action, delta),
    )


def _delta(action: str, text: str | None) -> Any:
    if text is None:
        return None
    plain = json.loads(text)
    return plain if action == "delete" else {name: (old, new) for name, (old, new) in plain.items()}


def change_row(change: Change, position: int) -> tuple[Any, ...]:
    """The row of a change at another position."""
    stamp = Stamp(change.transaction, change.at, change.effective, change.actor, change.cause)
    row = stamped_row(change.kind, stamp)
    delta = None if change.delta is None else dumped_json(change.delta)
    return row(position, change.id, change.version, change.action, delta)


def stamped_row(
    kind: str, stamp: Stamp
) -> Callable[[int, str, int, str, str | None], tuple[Any, ...]]:
    """A function (position, id, version, action, delta) -> row, for the changes of one writing call."""
    transaction, at, effective = (
        stamp.transaction,
        format_time(stamp.at),
        format_time(stamp.effective),
    )
    actor, type_, via = stamp.actor.id, stamp.actor.type, stamp.actor.via
    cause = stamp.cause
    root, by = (cause.root, dumped_json(cause.by)) if cause else (None, None)

    def row(
        position: int, id: str, version: int, action: str, delta: str | None
    ) -> tuple[Any, ...]:
        return (
            position, transaction, kind, id, version, action, at, effective, actor, type_, via, root, by, delta,
        )  # fmt: skip

    return row


def blank(
    connection: sqlite3.Connection, kind: str, ids: Iterable[str], blanks: Mapping[str, Any]
) -> None:
    """Put blanks in place of some fields in every change of these records."""
    sql = "SELECT position, action, delta FROM crm_journal WHERE kind = ? AND id = ? AND delta IS NOT NULL"
    for id in ids:
        for position, action, text in connection.execute(sql, (kind, id)).fetchall():
            delta = json.loads(text)
            for name in delta.keys() & blanks.keys():
                value = blanks[name]
                delta[name] = value if action == "delete" else (value, value)
            kept = dumped_json({name: each for name, each in delta.items() if each is not None})
            if kept != text:
                connection.execute(
                    "UPDATE crm_journal SET delta = ? WHERE position = ?", (kept, position)
                )


def changed(pair: tuple[Write, Mapping[str, Any]]) -> tuple[str, ...]:
    """The fields that a write with its delta changes in the record's row."""
    write, delta = pair
    if write.previous is not None and write.previous.created_at != write.record.created_at:
        return (*delta, "created_at")
    return tuple(delta)
