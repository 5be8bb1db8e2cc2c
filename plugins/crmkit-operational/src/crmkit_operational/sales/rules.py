"""What must hold of stages, deals and order lines, whoever writes them and however."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from crmkit import Problem, QueryError, Write, linked, where
from crmkit_operational.finding import by_id
from crmkit_operational.sales.entering import looked_up
from crmkit_operational.sales.kinds import Deal, LostReason, OrderLine, Pipeline, Stage
from crmkit_operational.sales.money import line_amount

if TYPE_CHECKING:
    from crmkit import GuardView

__all__ = ["missing", "problems"]

SURE = {"won": 100, "lost": 0}
"""The chance in percent of what is decided."""

CLOSING = ("stage_id", "closed_at", "lost_reason_id", "lost_note")


def problems(tx: GuardView, kind: str, writes: Sequence[Write]) -> Iterator[Problem]:
    """What is wrong with writes of one kind."""
    yield from _RULES[kind](tx, writes)


def missing(deal: Deal, fields: Sequence[str]) -> list[str]:
    """Those of the fields in which a deal has no value; a blank text is none."""
    values = {path: deal[path] for path in fields}
    return [path for path, value in values.items() if value in (None, ()) or _is_blank(value)]


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


# Pipelines and stages -------------------------------------------------------------------------------------------


def _pipelines(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    for write in writes:
        if write.action != "delete" and _is_blank(write.record["name"]):
            yield write.problem("name", "is blank; give a name")


def _stages(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    yield from _pipelines(tx, writes)
    gone = {write.record.id: write for write in writes if write.action == "delete"}
    for id, write in gone.items():
        before = [
            each for each in tx.find(Stage, where.allowed_next.has(id)) if each.id not in gone
        ]
        if before:
            text = f"deals may go on to it from {before[0].name!r}; change that with `crm pipeline stage set` first"
            yield write.problem(None, text)
    together = {write.record.id: _stage(write) for write in writes if write.action != "delete"}
    for write in writes:
        if write.action != "delete":
            yield from _chance(write)
            yield from _names_of(tx, write)
            yield from _next(tx, write, together)
            yield from _category(tx, write)


def _stage(write: Write) -> Stage:
    assert isinstance(write.record, Stage)
    return write.record


def _chance(write: Write) -> Iterator[Problem]:
    stage = _stage(write)
    sure = SURE.get(stage.category)
    if sure is not None and stage.probability != sure:
        text = (
            f"is {sure} where deals are {stage.category}; set it to that, or the category to open"
        )
        yield write.problem("probability", text)
    elif not 0 <= stage.probability <= 100:
        text = f"is a chance in percent, 0 to 100, not {stage.probability}"
        yield write.problem("probability", text)
    if stage.rot_days is not None and stage.rot_days < 1:
        yield write.problem("rot_days", "is at least 1; leave it out if deals never rot here")


def _names_of(tx: GuardView, write: Write) -> Iterator[Problem]:
    if not write.changed("required"):
        return
    for path in _stage(write).required:
        try:
            tx.schema[Deal.__kind__].field(path)
        except QueryError as error:
            yield write.problem("required", str(error))


def _next(tx: GuardView, write: Write, together: dict[str, Stage]) -> Iterator[Problem]:
    stage = _stage(write)
    if not write.changed("allowed_next"):
        return
    there = by_id(tx, Stage, stage.allowed_next) | together
    for id in stage.allowed_next:
        if id not in there or there[id].pipeline_id != stage.pipeline_id:
            yield write.problem("allowed_next", f"{id!r} is no stage of this pipeline; take it out")


def _category(tx: GuardView, write: Write) -> Iterator[Problem]:
    """Deals are open, won or lost by their stage: that cannot change behind their backs."""
    if write.previous is None or not write.changed("category"):
        return
    if tx.count(Stage, where.id == write.record.id, linked(Deal, "stage_id")):
        text = "cannot change while deals are in the stage; move them to another one first"
        yield write.problem("category", text)


# Deals ----------------------------------------------------------------------------------------------------------


def _deals(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    kept = [write for write in writes if write.action != "delete"]
    records = [_deal(each) for write in kept for each in (write.record, write.previous) if each]
    stages = looked_up(tx, [each.stage_id for each in records])
    reasons = by_id(tx, LostReason, [each.lost_reason_id for each in records])
    for write in kept:
        deal = _deal(write.record)
        if deal.amount is not None and deal.amount.minor < 0 and write.changed("amount"):
            yield write.problem("amount", "cannot be negative")
        if _is_blank(deal.title) and write.changed("title"):
            yield write.problem("title", "is blank; say what the deal is about")
        if stage := stages.get(deal.stage_id):
            yield from _way(tx, write, stages, stage)
            yield from _required(write, stage)
            if any(map(write.changed, CLOSING)):
                yield from _closing(write, stage)
                yield from _reason(tx, write, stage, reasons)


def _deal(record: object) -> Deal:
    assert isinstance(record, Deal)
    return record


def _way(tx: GuardView, write: Write, stages: dict[str, Stage], stage: Stage) -> Iterator[Problem]:
    if write.previous is None or not write.changed("stage_id"):
        return
    left = stages.get(_deal(write.previous).stage_id)
    if left and left.allowed_next and stage.id not in left.allowed_next:
        allowed = by_id(tx, Stage, left.allowed_next).values()
        names = " or ".join(repr(each.name) for each in allowed)
        text = f"a deal goes from {left.name!r} to {names} only, not to {stage.name!r}"
        yield write.problem("stage_id", text)


def _required(write: Write, stage: Stage) -> Iterator[Problem]:
    """What a stage wants of a deal is wanted on entering it, and may not be taken away in it."""
    for path in missing(_deal(write.record), stage.required):
        if write.changed("stage_id") or write.changed(path):
            yield write.problem(path, f"is needed in the stage {stage.name!r}; give a value")


def _closing(write: Write, stage: Stage) -> Iterator[Problem]:
    deal = _deal(write.record)
    if stage.category == "open" and deal.closed_at is not None:
        text = f"a deal in the stage {stage.name!r} is open; leave it out, or move the deal to where it is won or lost"
        yield write.problem("closed_at", text)
    if stage.category != "open" and deal.closed_at is None:
        text = f"a deal is {stage.category} at some time; leave that as it is, or move the deal to an open stage"
        yield write.problem("closed_at", text)


def _reason(
    tx: GuardView, write: Write, stage: Stage, reasons: dict[str, LostReason]
) -> Iterator[Problem]:
    deal = _deal(write.record)
    if stage.category != "lost":
        if deal.lost_reason_id is not None or deal.lost_note:
            field = "lost_note" if deal.lost_reason_id is None else "lost_reason_id"
            yield write.problem(field, "is for lost deals only; leave it out")
    elif deal.lost_reason_id is None:
        names = ", ".join(each.name for each in tx.find(LostReason, order="name", limit=20))
        there = f"there are {names}" if names else "`crm record lost_reason add` adds one"
        yield write.problem("lost_reason_id", f"a lost deal says why; {there}")
    else:
        reason = reasons.get(deal.lost_reason_id)
        if reason and reason.wants_note and _is_blank(deal.lost_note):
            text = f"the reason {reason.name!r} wants words of its own; say more with --note"
            yield write.problem("lost_note", text)


# Orders ---------------------------------------------------------------------------------------------------------


def _lines(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    kept = [write for write in writes if write.action != "delete"]
    for write in kept:
        line = _line(write)
        if line.quantity <= 0:
            yield write.problem(
                "quantity", "is more than nothing; what comes back is an order of its own status"
            )
        if line.amount != line_amount(line.quantity, line.unit_price):
            text = "is quantity x unit price; leave it out, it is filled in"
            yield write.problem("amount", text)
    yield from _currencies(tx, [write for write in kept if _may_mix(write)])


def _line(write: Write) -> OrderLine:
    assert isinstance(write.record, OrderLine)
    return write.record


def _may_mix(write: Write) -> bool:
    return write.changed("unit_price") or write.changed("order_id")


def _currencies(tx: GuardView, writes: Sequence[Write]) -> Iterator[Problem]:
    """All lines of an order are in one currency, or it has no total."""
    orders = sorted({_line(write).order_id for write in writes})
    for id in orders:  # in one order, so that two who write several do not wait for each other
        tx.lock(f"operational/order/{id}")
    own = {write.record.id for write in writes}
    currencies: dict[str, str] = {}
    for line in tx.find(OrderLine, where.order_id.in_(orders)) if orders else ():
        if line.id not in own:
            currencies.setdefault(line.order_id, line.unit_price.currency)
    for write in writes:
        line = _line(write)
        first = currencies.setdefault(line.order_id, line.unit_price.currency)
        if line.unit_price.currency != first:
            text = f"is in {line.unit_price.currency}, other lines of the order in {first}; make it two orders"
            yield write.problem("unit_price", text)


_RULES: dict[str, Callable[[GuardView, Sequence[Write]], Iterator[Problem]]] = {
    Pipeline.__kind__: _pipelines,
    LostReason.__kind__: _pipelines,
    Stage.__kind__: _stages,
    Deal.__kind__: _deals,
    OrderLine.__kind__: _lines,
}
