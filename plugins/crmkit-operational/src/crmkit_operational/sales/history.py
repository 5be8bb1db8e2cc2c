"""The stages that a deal was in, read from the journal by when things were true, not by when they were recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import attrs

from crmkit import MASKED, Actor, Change, Reader, RestrictedError
from crmkit_operational.finding import by_id
from crmkit_operational.sales.kinds import Deal, LostReason, Stage

__all__ = ["Stay", "stage_durations", "stage_history", "stays"]

KEPT = ("stage_id", "lost_reason_id", "lost_note")


@attrs.frozen
class Stay:
    """One stay of a deal in a stage.

    `stage` is None if it may not be seen. `entered` is None where the journal does not reach back that far, `left`
    is None while the deal is there. `by` is who moved it there, `reason` and `note` why, where it was lost.
    """

    deal_id: str
    stage_id: str
    entered: datetime | None
    left: datetime | None = None
    by: Actor | None = None
    stage: Stage | None = None
    reason_id: str | None = None
    reason: str | None = None
    note: str = ""

    def duration(self, now: datetime) -> timedelta | None:
        """How long it lasted, or has lasted by now; None if nobody knows when it began."""
        return None if self.entered is None else (self.left or now) - self.entered


def stage_history(reader: Reader, deal_id: str) -> list[Stay]:
    """The stays of one deal, oldest first; the last one is where it is now.

    By `Change.effective`, so that a history that was brought in keeps its dates. Whatever is recorded later is
    believed: behind a move that is dated back, no earlier stay goes on or begins; it then lasted no time.
    Raises `NotFound`, and `RestrictedError` if the actor may not see stages.
    """
    deal = reader.get(Deal, deal_id)
    found = list(stays(deal, reader.history(Deal, deal.id)))
    return _described(reader, found)


def stage_durations(
    reader: Reader, deals: Iterable[Deal], now: datetime
) -> dict[str, dict[str, timedelta]]:
    """Of each deal, how long it was in each stage in all, stays of unknown length left out; by ids."""
    found: dict[str, dict[str, timedelta]] = {}
    for deal in deals:
        spent = found.setdefault(deal.id, {})
        for stay in stays(deal, reader.history(Deal, deal.id)):
            length = stay.duration(now)
            if length is not None:
                spent[stay.stage_id] = spent.get(stay.stage_id, timedelta()) + length
    return found


def stays(deal: Deal, changes: Sequence[Change]) -> Iterator[Stay]:
    """The stays that a deal's changes, oldest first, tell of; names are not looked up."""
    if deal.stage_id is MASKED:
        raise RestrictedError(
            "you may not see in which stages deals are, so not in which they were"
        )
    entries = _entries(deal, changes)
    # What was recorded later is believed: nothing that was recorded before it began behind it.
    begins = list(accumulate((change.effective for change, _ in reversed(entries)), min))[::-1]
    for (change, state), begin, end in zip(entries, begins, [*begins[1:], None], strict=True):
        if state is not None:
            yield _stay(deal, change, state, begin, end)


def _stay(
    deal: Deal, change: Change, state: Mapping[str, Any], begin: datetime, end: datetime | None
) -> Stay:
    # The first change that is left of a trimmed journal is not the one by which the deal came there.
    is_known = change.action == "insert" or "stage_id" in (change.delta or {})
    return Stay(
        deal.id,
        state["stage_id"],
        begin if is_known else None,
        end,
        by=change.actor if is_known else None,
        reason_id=state["lost_reason_id"],
        note=state["lost_note"] or "",
    )


def _entries(
    deal: Deal, changes: Sequence[Change]
) -> list[tuple[Change, Mapping[str, Any] | None]]:
    """The changes by which the deal came into a stage, or went, each with what was true behind it."""
    found: list[tuple[Change, Mapping[str, Any] | None]] = []
    state: dict[str, Any] | None = {name: deal[name] for name in KEPT}
    at_last = state  # of the stay: why a deal was lost may be said better later on
    for place, change in reversed(list(enumerate(changes))):
        delta: Any = change.delta or {}
        is_entry = change.action in ("insert", "delete") or "stage_id" in delta or place == 0
        if is_entry:
            found.append((change, None if change.action == "delete" else at_last))
        if change.action == "insert":
            state = None
        elif change.action == "delete":
            state = {name: delta.get(name) for name in KEPT}
        elif state is not None:
            state = state | {name: delta[name][0] for name in KEPT if _pair(delta.get(name))}
        at_last = state if is_entry else at_last
    return found[::-1]


def _pair(value: object) -> bool:
    return isinstance(value, tuple | list)


# Names ----------------------------------------------------------------------------------------------------------


def _described(reader: Reader, found: Sequence[Stay]) -> list[Stay]:
    """The stays with their stages, as they were if they are gone by now, and the reasons."""
    stages = by_id(reader, Stage, [each.stage_id for each in found])
    reasons = by_id(reader, LostReason, [each.reason_id for each in found])
    for each in found:
        if each.stage_id not in stages and each.entered is not None:
            stages |= by_id(reader, Stage, [each.stage_id], as_of=each.entered)
    return [
        attrs.evolve(
            each,
            stage=stages.get(each.stage_id),
            reason=reasons[each.reason_id].name if each.reason_id in reasons else None,
        )
        for each in found
    ]
