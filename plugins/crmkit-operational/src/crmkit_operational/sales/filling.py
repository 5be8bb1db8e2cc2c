"""What follows from a write of sales: when a deal was closed, what a line amounts to, whose lines these are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmkit import Patch, Record, Write
from crmkit_operational.finding import by_id
from crmkit_operational.sales.entering import look_up
from crmkit_operational.sales.kinds import Deal, ForecastLine, OrderLine, SalesOrder, Stage
from crmkit_operational.sales.money import line_amount
from crmkit_operational.sales.rules import SURE

if TYPE_CHECKING:
    from crmkit import GuardView

__all__ = ["patches"]


def patches(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Patch]:
    """The values that follow from writes of one kind."""
    yield from _FILLING[kind](tx, writes)


def _stages(tx: GuardView, writes: Sequence[Write]) -> Iterator[Patch]:
    """What is won has a chance of 100 without anybody saying so."""
    for write in writes:
        sure = SURE.get(write.record["category"])
        if sure and write.record["probability"] == 0:
            yield write.patch(probability=sure)


# Deals ----------------------------------------------------------------------------------------------------------


def _deals(tx: GuardView, writes: Sequence[Write]) -> Iterator[Patch]:
    entering = [write for write in writes if write.changed("stage_id")]
    records = [each for write in entering for each in (write.record, write.previous) if each]
    stages = look_up(tx, [each["stage_id"] for each in records])
    for write in entering:
        stage = stages.get(write.record["stage_id"])
        if stage is not None and (values := _decided(tx, write, stage, stages)):
            yield write.patch(values)


def _decided(
    tx: GuardView, write: Write, stage: Stage, stages: Mapping[str, Stage]
) -> dict[str, Any]:
    """What changes with being open, won or lost; what the writer says of it stands."""
    left = stages.get(write.previous["stage_id"]) if write.previous else None
    before = left.category if left else "open"
    if stage.category == before:
        return {}
    gone: dict[str, Any] = {"closed_at": None} if stage.category == "open" else {}
    gone |= {"lost_reason_id": None, "lost_note": ""} if before == "lost" else {}
    # Nothing comes next of what is decided.
    gone |= {"next_step": "", "next_step_on": None} if before == "open" else {}
    values: dict[str, Any] = {path: no for path, no in gone.items() if not write.changed(path)}
    closed_at = write.record["closed_at"]
    if stage.category != "open" and (closed_at is None or not write.changed("closed_at")):
        values["closed_at"] = tx.now()
    return values


# Lines ----------------------------------------------------------------------------------------------------------


def _order_lines(tx: GuardView, writes: Sequence[Write]) -> Iterator[Patch]:
    for write in writes:
        line = write.record
        assert isinstance(line, OrderLine)
        if line.amount is None or (write.previous and not write.changed("amount")):
            yield write.patch(amount=line_amount(line.quantity, line.unit_price))
    yield from _owned(tx, writes, SalesOrder, "order_id")


def _forecast_lines(tx: GuardView, writes: Sequence[Write]) -> Iterator[Patch]:
    yield from _owned(tx, writes, Deal, "deal_id")


def _owned(
    tx: GuardView, writes: Sequence[Write], kind: type[Record], path: str
) -> Iterator[Patch]:
    """A new line belongs to the customer of what it is a line of: who may not see the one may not see the other."""
    new = [write for write in writes if write.previous is None or write.changed(path)]
    owners = by_id(tx, kind, [write.record[path] for write in new])
    for write in new:
        if owner := owners.get(write.record[path]):
            yield write.patch(customer_id=owner["customer_id"])


_FILLING: dict[str, Callable[[GuardView, Sequence[Write]], Iterator[Patch]]] = {
    Stage.__kind__: _stages,
    Deal.__kind__: _deals,
    OrderLine.__kind__: _order_lines,
    ForecastLine.__kind__: _forecast_lines,
}
