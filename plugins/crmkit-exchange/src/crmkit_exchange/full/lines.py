"""The lines of a full export: a header, the records, the journal, and what closes it. `docs/reference` describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from crmkit import Actor, Cause, Change
from crmkit.schema import BASE
from crmkit.values import format_time, parse_time

__all__ = ["FORMAT", "change_from", "change_line", "dumped", "record_line"]

FORMAT = 1
"""The version of the format: additions keep it, a reader ignores what it does not know."""


# Made once: that takes as long as a short line.
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dumped(value: Mapping[str, Any]) -> str:
    """One line."""
    return _encoded(value) + "\n"


def record_line(kind: str, document: Mapping[str, Any]) -> str:
    """The line of a record; its fields in an order of their own, so that the same record is the same line."""
    fields = _in_order(tuple(document))
    return dumped({"record": kind, "document": {name: document[name] for name in fields}})


@lru_cache(maxsize=1024)
def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    own = [name for name in BASE if name in names]
    return (*own, *sorted({*names} - {*BASE}))


def change_line(change: Change) -> str:
    """The line of a change; its position means nothing elsewhere and is left out."""
    said: dict[str, Any] = {
        "change": change.action,
        "kind": change.kind,
        "id": change.id,
        "version": change.version,
        "transaction": change.transaction,
        "at": format_time(change.at),
    }
    if change.effective != change.at:
        said["effective"] = format_time(change.effective)
    said["actor"] = [change.actor.id, change.actor.type, change.actor.via]
    if change.cause is not None:
        said["cause"] = [change.cause.root, list(change.cause.by)]
    if change.delta is not None:
        said["delta"] = change.delta
    return dumped(said)


def change_from(said: Mapping[str, Any]) -> Change:
    """The change that a line holds."""
    delta, action, cause = said.get("delta"), said["change"], said.get("cause")
    if delta is not None and action != "delete":
        delta = {name: tuple(pair) for name, pair in delta.items()}
    at = parse_time(said["at"])
    return Change(
        position=0,
        transaction=said["transaction"],
        kind=said["kind"],
        id=said["id"],
        version=said["version"],
        action=action,
        at=at,
        effective=parse_time(said["effective"]) if "effective" in said else at,
        actor=Actor(*said["actor"]),
        cause=None if cause is None else Cause(cause[0], tuple(cause[1])),
        delta=delta,
    )
