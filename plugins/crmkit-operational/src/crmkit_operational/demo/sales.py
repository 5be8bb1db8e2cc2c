"""The share of sales: a pipeline for each branch, a deal for each quote, an order for each purchase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import attrs
from crmkit_demo.story import Branch, Character, Matter, Step, Story

from crmkit import Money, Transaction
from crmkit_operational.demo.parts import later, spoken
from crmkit_operational.sales.kinds import Deal, LostReason, OrderLine, Pipeline, SalesOrder, Stage

__all__ = ["share"]

STAGES = ((10, 14), (30, 14), (50, 21), (75, 21), (100, None), (0, None))
"""Probability in percent and days to rot of each stage, as `words.toml` names them: the last two are won and lost."""
OPEN, WON, LOST = 4, 4, 5
AMOUNTS = {"KRW": (300_000, 6_000_000, 10_000), "GBP": (20_000, 500_000, 1_000)}
"""Least and most in minor units, and to what they are rounded, by currency."""
WON_ANYHOW = 0.25
"""The share of the other deals that are won, by those who buy without a contract."""
DECIDES = timedelta(days=75)
"""A contract within so long after a quote is what became of it."""


@attrs.frozen
class _Way:
    """The pipeline of a branch: ids of its stages, in order, and of the reasons for which deals are lost."""

    stages: tuple[str, ...]
    reasons: Mapping[str, str]


def share(story: Story) -> Iterator[Step]:
    """The steps of all branches."""
    random = Random(f"{story.random.getrandbits(64)}/sales")
    contracts: dict[str, list[Matter]] = {}
    for each in story.matters:
        if each.topic == "contract" and each.closed:
            contracts.setdefault(each.customer_id, []).append(each)
    for branch in story.branches:
        way, records = _way(story, branch)
        yield Step(branch.opened, records, actor=branch.staff[0].actor)
        customers = {each.id: each for each in story.customers if each.branch is branch}
        for matter in story.matters:
            if (customer := customers.get(matter.customer_id)) is None:
                continue
            if matter.topic == "quote" and matter.opened > branch.opened:
                signed = _signed(contracts.get(customer.id, ()), matter)
                yield from _deal(story, random, way, customer, matter, signed)
            if matter.outcome == "ordered" and matter.closed and matter.closed < story.until:
                yield _order(story, random, customer, matter)


def _way(story: Story, branch: Branch) -> tuple[_Way, list[Any]]:
    words, at = spoken(branch), branch.opened
    pipeline = Pipeline(id=story.new_id(at), name=words["pipeline"].format(branch=branch.name))
    stages = [
        Stage(
            id=story.new_id(at),
            pipeline_id=pipeline.id,
            name=name,
            position=place + 1,
            probability=probability,
            rot_days=rots,
            category="won" if place == WON else "lost" if place == LOST else "open",
        )
        for place, (name, (probability, rots)) in enumerate(
            zip(words["stages"], STAGES, strict=True)
        )
    ]
    reasons = [
        LostReason(id=story.new_id(at), name=each, wants_note=each == words["other"])
        for each in words["reasons"]
    ]
    way = _Way(tuple(each.id for each in stages), {each.name: each.id for each in reasons})
    return way, [pipeline, *stages, *reasons]


def _signed(contracts: Any, quote: Matter) -> datetime | None:
    """When the contract was signed that came of a quote."""
    times = (each.closed for each in contracts)
    return next((at for at in times if quote.opened < at < quote.opened + DECIDES), None)


# Deals ----------------------------------------------------------------------------------------------------------


def _deal(
    story: Story,
    random: Random,
    way: _Way,
    customer: Character,
    quote: Matter,
    signed: datetime | None,
) -> Iterator[Step]:
    """A deal, step by step: as far as it came before the story's end."""
    words, at = spoken(customer.branch), quote.opened
    decided = signed or later(story, customer.branch, at, 20, 70, random)
    deal = Deal(
        id=story.new_id(at),
        customer_id=customer.id,
        title=words["title"].format(customer=customer.record.name),
        stage_id=way.stages[0],
        amount=_amount(customer.branch, random),
        owner=quote.staff.id,
        opened_at=at,
        expected_close=(at + timedelta(days=random.choice([30, 45, 60]))).date(),
        next_step=random.choice(words["next"]),
        next_step_on=(at + timedelta(days=7)).date(),
    )
    yield Step(at, [deal], actor=quote.staff.actor)
    is_won = signed is not None or random.random() < WON_ANYHOW
    ways = _moments(at, decided, OPEN - 1, random)
    for place, moment in enumerate(ways if is_won else ways[: random.randrange(OPEN)], start=1):
        if moment < story.until:
            values = {"stage_id": way.stages[place]}
            yield Step(moment, write=partial(_move, deal.id, values), actor=quote.staff.actor)
    if decided < story.until:
        ended = {"stage_id": way.stages[WON]} if is_won else _lost(way, words, random)
        ended |= {"next_step": "", "next_step_on": None}
        yield Step(decided, write=partial(_move, deal.id, ended), actor=quote.staff.actor)


def _moments(start: datetime, end: datetime, count: int, random: Random) -> list[datetime]:
    """Moments between two, in order."""
    return sorted(start + (end - start) * random.uniform(0.05, 0.95) for _ in range(count))


def _lost(way: _Way, words: Any, random: Random) -> dict[str, Any]:
    name = random.choices(words["reasons"], weights=[5, 4, 3, 3, 1])[0]
    note = words["note"] if name == words["other"] else ""
    return {
        "stage_id": way.stages[LOST],
        "lost_reason_id": way.reasons[name],
        "lost_note": note,
    }


def _move(deal: str, values: dict[str, Any], tx: Transaction) -> None:
    tx.update(tx.get(Deal, deal).evolve(**values))


def _amount(branch: Branch, random: Random) -> Money:
    least, most, step = AMOUNTS[branch.currency]
    return Money(round(random.uniform(least, most) / step) * step, branch.currency)


# Orders ---------------------------------------------------------------------------------------------------------


def _order(story: Story, random: Random, customer: Character, matter: Matter) -> Step:
    at = matter.closed or matter.opened
    products = spoken(customer.branch)["products"]
    bought = random.sample(products, random.choice([1, 1, 1, 2, 3]))
    currency = customer.branch.currency
    order = SalesOrder(
        id=story.new_id(at), customer_id=customer.id, placed_at=at, status="fulfilled"
    )
    lines = []
    for place, (name, price) in enumerate(bought, start=1):
        lines.append(
            OrderLine(
                id=story.new_id(at),
                order_id=order.id,
                customer_id=customer.id,
                position=place,
                product=name,
                quantity=Decimal(random.choice([1, 1, 2, 3])),
                unit_price=Money(price, currency),
            )
        )
    return Step(at, [order, *lines], actor=matter.staff.actor)
