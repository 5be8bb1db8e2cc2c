"""The report on pipelines deal by deal, stay by stay, in plain Python over what operational tells; and a company to try it on."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import median
from typing import Any

import attrs
from crmkit_analytical.statistics.intervals import wilson
from crmkit_operational.sales.history import stage_history
from crmkit_operational.sales.kinds import Deal, LostReason, Pipeline, Stage
from crmkit_operational.sales.moving import move

from crmkit import CRM, Money, Reader

MICROSECOND = timedelta(microseconds=1)
STEPS = (
    ("lead", "open", 10),
    ("offer", "open", 33),
    ("talk", "open", 75),
    ("won", "won", 100),
    ("lost", "lost", 0),
)


@attrs.frozen
class Company:
    """The app, and the stages of each pipeline, by its name and theirs."""

    crm: CRM
    stages: dict[str, dict[str, Stage]]
    reason: LostReason

    def add(self, stage: str = "lead", way: str = "새 고객", effective=None, **values: Any) -> str:
        """Add a deal; its id."""
        at = self.stages[way][stage].id
        with self.crm.transaction(effective=effective) as tx:
            why = {"lost_reason_id": self.reason.id} if stage == "lost" else {}
            opened = {"opened_at": effective or self.crm.now()}
            return tx.add(Deal(title="x", stage_id=at, **(opened | why | values))).id

    def go(self, id: str, stage: str, way: str = "새 고객", effective=None, at=None) -> None:
        """Move a deal."""
        with self.crm.transaction(effective=effective) as tx:
            deal = tx.get(Deal, id)
            if stage == "lost":
                deal = deal.evolve(lost_reason_id=self.reason.id)
            move(tx, deal, self.stages[way][stage], at)


def make_company(crm: CRM, *more: tuple[str, str, int]) -> Company:
    """Two pipelines of the same stages, and `more` in the second one."""
    stages: dict[str, dict[str, Stage]] = {}
    with crm.transaction() as tx:
        for name in ("새 고객", "Again"):
            pipeline = tx.add(Pipeline(name=name))
            steps = (*STEPS, *more) if name == "Again" else STEPS
            stages[name] = {
                each: tx.add(
                    Stage(
                        pipeline_id=pipeline.id,
                        name=each,
                        position=place,
                        category=category,  # type: ignore[arg-type]
                        probability=chance,
                    )
                )
                for place, (each, category, chance) in enumerate(steps)
            }
        return Company(crm, stages, tx.add(LostReason(name="가격")))


# The oracle -----------------------------------------------------------------------------------------------------


def plainly(
    reader: Reader, now: datetime, since: datetime | None = None, until: datetime | None = None
) -> list[dict[str, Any]]:
    """The rows of the report, without what there is none of."""
    deals = list(reader.find(Deal))
    histories = {deal.id: stage_history(reader, deal.id) for deal in deals}
    opened = [deal for deal in deals if _within(deal.opened_at, since, until)]
    rows = []
    for pipeline in sorted(reader.find(Pipeline), key=lambda each: each.name):
        stages = [each for each in reader.find(Stage) if each.pipeline_id == pipeline.id]
        stages.sort(key=lambda each: each.position)
        own = {each.id for each in stages}
        been = {
            deal.id: {stay.stage_id for stay in histories[deal.id]} & own
            for deal in opened
            if any(stay.stage_id in own for stay in histories[deal.id])
        }
        reached = {
            stage.id: {id for id, ids in been.items() if _is_reached(stages, stage, ids)}
            for stage in stages
        }
        still = {deal.id for deal in deals if _category(stages, deal) == "open" and deal.id in been}
        for stage in stages:
            row = {"pipeline": pipeline.name, "stage": stage.name, "category": stage.category}
            row["reached"] = len(reached[stage.id])
            if stage.category == "open":
                row |= _open([deal for deal in deals if deal.stage_id == stage.id], [stage])
                row |= _lengths(histories, opened, stage, now)
            row |= _conversion(stages, stage, reached, still)
            rows.append(row)
        now_open = [deal for deal in deals if _category(stages, deal) == "open"]
        closed = [
            deal
            for deal in deals
            if _category(stages, deal) in ("won", "lost") and _within(deal.closed_at, since, until)
        ]
        whole = {"pipeline": pipeline.name, "stage": "All stages", "category": None}
        whole |= {"reached": len(been), **_open(now_open, stages)}
        rows.append(whole | _results(stages, now_open, closed))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _within(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    return moment is not None and (not since or since <= moment) and (not until or moment < until)


def _category(stages: list[Stage], deal: Deal) -> str | None:
    return next((each.category for each in stages if each.id == deal.stage_id), None)


def _is_reached(stages: list[Stage], stage: Stage, ids: set[str]) -> bool:
    steps = [each for each in stages if each.category == "open"]
    if stage.category != "open":
        return stage.id in ids
    if stage is steps[0]:
        return True
    later = [each for each in steps if each.position >= stage.position]
    return any(each.id in ids for each in stages if each in later or each.category == "won")


def _open(deals: list[Deal], stages: list[Stage]) -> dict[str, Any]:
    chances = {each.id: each.probability for each in stages}
    value: dict[str, int] = defaultdict(int)
    weighted: dict[str, int] = defaultdict(int)
    for deal in deals:
        if deal.amount is not None:
            value[deal.amount.currency] += deal.amount.minor
            share = Decimal(deal.amount.minor) * chances[deal.stage_id] / 100
            weighted[deal.amount.currency] += int(share.quantize(Decimal(1), ROUND_HALF_UP))
    return {"open": len(deals), "value": _money(value), "weighted": _money(weighted)}


def _money(minor: dict[str, int]) -> tuple[Money, ...]:
    return tuple(Money(number, currency) for currency, number in sorted(minor.items()))


def _lengths(histories, opened, stage: Stage, now: datetime) -> dict[str, Any]:
    stays = [
        stay
        for deal in opened
        for stay in histories[deal.id]
        if stay.stage_id == stage.id and stay.entered is not None
    ]
    done = [(stay.left - stay.entered) // MICROSECOND for stay in stays if stay.left]
    all_of = [
        ((stay.duration(now)) // timedelta(hours=1), stay.left is not None)
        for stay in stays
        if stay.duration(now) >= timedelta()
    ]
    chance, found = Fraction(1), None
    for hours in sorted({length for length, is_done in all_of if is_done}):
        at_risk = sum(length >= hours for length, _ in all_of)
        chance *= 1 - Fraction(sum(each == (hours, True) for each in all_of), at_risk)
        if chance <= Fraction(1, 2):
            found = hours / 24
            break
    return {"days": median(done) / 86_400_000_000 if done else None, "days_all": found}


def _conversion(stages, stage: Stage, reached, still: set[str]) -> dict[str, Any]:
    steps = [each for each in stages if each.category == "open"]
    if stage.category == "lost" or stage is steps[0]:
        return {}
    before = steps[steps.index(stage) - 1] if stage.category == "open" else steps[-1]
    here, there, first = (reached[each.id] for each in (stage, before, steps[0]))
    row: dict[str, Any] = {"not_yet": len((there - here) & still)}
    if there:
        row["conversion"] = len(here) / len(there)
        row["low"], row["high"] = wilson(len(here), len(there))
    if first:
        row["from_first"] = len(here) / len(first)
        row["first_low"], row["first_high"] = wilson(len(here), len(first))
    return row


def _results(stages: list[Stage], now_open: list[Deal], closed: list[Deal]) -> dict[str, Any]:
    won = [deal for deal in closed if _category(stages, deal) == "won"]
    row: dict[str, Any] = {"won": len(won), "lost": len(closed) - len(won)}
    if closed:
        row["win_rate"] = len(won) / len(closed)
        row["win_low"], row["win_high"] = wilson(len(won), len(closed))
    amounts: dict[str, list[int]] = defaultdict(list)
    for deal in won:
        if deal.amount is not None:
            amounts[deal.amount.currency].append(deal.amount.minor)
    means = {each: Fraction(sum(found), len(found)) for each, found in amounts.items()}
    row["won_value"] = _money({each: sum(found) for each, found in amounts.items()})
    row["average"] = _money({each: _half_up(mean) for each, mean in means.items()})
    spans = [(deal.closed_at - deal.opened_at) // MICROSECOND for deal in won]
    spans = [each for each in spans if each >= 0]
    row["cycle"] = median(spans) / 86_400_000_000 if spans else None
    velocity = {}
    for currency, mean in means.items():
        deals = [each for each in now_open if each.amount and each.amount.currency == currency]
        if deals and spans and median(spans) > 0:
            days = Fraction(median(spans)) / 86_400_000_000
            velocity[currency] = _half_up(len(deals) * mean * len(won) / len(closed) / days)
    row["velocity"] = _money(velocity)
    return row


def _half_up(number: Fraction) -> int:
    return int((number * 2 + 1) // 2)
