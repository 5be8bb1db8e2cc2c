"""What histories have told already, so that a change that two tables tell of, or two exports, counts once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crmkit import Change
from crmkit_exchange.importing.draft import Draft
from crmkit_exchange.kinds import ExternalId

__all__ = ["is_in", "told_with", "was_told"]


def was_told(external: ExternalId, draft: Draft, digest: str) -> bool:
    """Whether a row of a history, leading where it does now, or one of a later time was imported before."""
    if draft.effective is None or external.as_of is None:
        return False
    same = draft.effective == external.as_of and digest in external.told
    return same or draft.effective < external.as_of


def told_with(draft: Draft, external: ExternalId | None, digest: str) -> dict[str, Any]:
    """What is kept of a history with a row: its time, and the digests of the rows of that time."""
    if draft.effective is None:
        return {}
    earlier = external.told if external and external.as_of == draft.effective else ()
    return {"as_of": draft.effective, "told": (*earlier, digest)}


def is_in(changes: Sequence[Change], path: str, now: Any, value: Any, at: datetime) -> bool:
    """Whether a record's changes, oldest first, say that a field had a value at a time already.

    The values are as they are stored; `now` is the field's present one.

    Whatever is recorded later is believed: behind a change that is dated back, no earlier one is true any more. To the
    second, since one table of a source says milliseconds and another does not.
    """
    moment = at.replace(microsecond=0)
    for change in reversed(changes):
        delta = change.delta or {}
        if change.action == "update" and path not in delta:
            continue
        if change.action != "delete" and change.effective.replace(microsecond=0) <= moment:
            return bool(now == value)
        if change.action != "update":
            return False
        now = delta[path][0]
    return False
