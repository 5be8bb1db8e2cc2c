"""The board: the deals of a pipeline by stage, counted and added up by currency, a page of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from crmkit import Money, Reader, Records, where
from crmkit_operational.sales.kinds import Deal, Stage
from crmkit_operational.sales.rotting import Rot, rot_of

if TYPE_CHECKING:
    from crmkit import AnyOf, Linked, Where

    Condition = Where | AnyOf | Linked

__all__ = ["Column", "board", "page_of"]

ORDER = "expected_close"


@attrs.frozen
class Column:
    """A stage of the board: how many deals there are in it, their sums, and a page of them.

    `sums` has one sum for each currency; deals without an amount are counted and add nothing. `rots` has, by id, when
    deals of the page rot.
    """

    stage: Stage
    count: int
    sums: tuple[Money, ...]
    deals: Records[Deal]
    rots: dict[str, Rot]


def board(
    reader: Reader,
    stages: Sequence[Stage],
    conditions: Sequence[Condition],
    now: datetime,
    *,
    limit: int = 10,
) -> list[Column]:
    """The columns of these stages with the first deals of each, those that are expected first at the top."""
    counts, sums = _totals(reader, stages, conditions)
    pages: dict[str, Records[Deal]] = {
        each.id: page_of(reader, each, conditions, limit) if counts.get(each.id) else Records(())
        for each in stages
    }
    shown = [deal for page in pages.values() for deal in page]
    rots = rot_of(reader, shown, {each.id: each for each in stages}, now)
    return [
        Column(
            stage,
            counts.get(stage.id, 0),
            tuple(sums.get(stage.id, ())),
            pages[stage.id],
            _among(rots, pages[stage.id]),
        )
        for stage in stages
    ]


def page_of(
    reader: Reader,
    stage: Stage,
    conditions: Sequence[Condition] = (),
    limit: int = 50,
    after: str | None = None,
) -> Records[Deal]:
    """The next deals of a stage behind a cursor."""
    found: Records[Deal] = reader.page(
        Deal, where.stage_id == stage.id, *conditions, order=ORDER, limit=limit, after=after
    )
    return found


def _totals(
    reader: Reader, stages: Sequence[Stage], conditions: Sequence[Condition]
) -> tuple[dict[str, int], dict[str, list[Money]]]:
    of = where.stage_id.in_([each.id for each in stages])
    counts: dict[str, int] = {}
    sums: dict[str, list[Money]] = {}
    for total in reader.totals(Deal, of, *conditions, by="stage_id", sum="amount"):
        [id] = total.group
        counts[id] = counts.get(id, 0) + total.count
        sums.setdefault(id, []).extend(each for each in _money(total.measures))
    return counts, {id: sorted(each, key=lambda sum: sum.currency) for id, each in sums.items()}


def _money(measures: Sequence[Any]) -> Iterable[Money]:
    return (each for each in measures if isinstance(each, Money))


def _among(rots: dict[str, Rot], page: Records[Deal]) -> dict[str, Rot]:
    return {each.id: rots[each.id] for each in page if each.id in rots}
