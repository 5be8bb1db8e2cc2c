"""A company's desk and pipeline to measure on: tickets of which a fourth waits, deals of which a fifth is open."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.sales.kinds import Deal, LostReason, Stage
from crmkit_operational.sales.pipelines import Step, add_pipeline, decided
from crmkit_operational.service.kinds import Policy, Ticket

from crmkit import CRM, Customer, Direction, Interaction, Money, Record
from tests.benchmarks import company

PLUGINS = ("sales", "service")
BATCH = 2_000
CHANNELS = ("email", "phone", "kakao", "web")
SHARES = (
    ("new", 0.25, False),
    ("open", 0.05, True),
    ("pending", 0.05, True),
    ("solved", 0.15, True),
    ("closed", 0.5, True),
)
"""State, which part of the tickets is in it, whether somebody has them."""
OPEN = ("lead", "contacted", "demo", "offer", "contract")
NOW = datetime.now(UTC).replace(microsecond=0)


@attrs.frozen
class Desk:
    """What the rows need to know of the company."""

    customers: Sequence[str]
    agents: Sequence[Agent]
    stages: Sequence[Stage]
    reason: LostReason

    @property
    def open_stages(self) -> list[Stage]:
        return [each for each in self.stages if each.category == "open"]


def fill(crm: CRM, size: int) -> Desk:
    """Write so many tickets and deals, a tenth of customers, a contact for every fourth ticket; returns the rest."""
    draw = random.Random(20_000)
    with crm.transaction() as tx:
        steps = [Step(name, 10 + 15 * n, rot_days=14) for n, name in enumerate(OPEN)]
        add_pipeline(tx, "sales", [*steps, *decided("won", "lost")])
        stages = list(tx.find(Stage, order="position"))
        reason = tx.add(LostReason(name="price"))
        # Those that match the most come first; the last one matches all.
        tx.add(
            Policy(
                name="urgent", position=1, priorities=("urgent",), first_response=60, resolution=480
            )
        )
        tx.add(
            Policy(
                name="kakao", position=2, channels=("kakao",), first_response=120, next_reply=240
            )
        )
        tx.add(Policy(name="all", position=3, first_response=480, next_reply=960, resolution=4_320))
        agents = tx.add_all(agent(number) for number in range(max(5, size // 100)))
    customers = written(crm, max(5, size // 10), lambda: Customer(**company.customer_values(draw)))
    written(crm, size // 4, lambda: contact(customers, draw))
    actors = [each.actor for each in agents]
    written(crm, size, lambda: ticket(customers, actors, draw))
    written(crm, size, lambda: deal(customers, stages, reason, draw))
    return Desk(customers, agents, stages, reason)


def written(crm: CRM, number: int, make: Callable[[], Record]) -> list[str]:
    """Add so many records, in batches; their ids."""
    ids: list[str] = []
    for start in range(0, number, BATCH):
        made = [make() for _ in range(min(BATCH, number - start))]
        with crm.transaction() as tx:
            ids += [each.id for each in tx.add_all(made)]
    return ids


def agent(number: int) -> Agent:
    name = f"agent{number:04}"
    return Agent(actor=name, name=name, status="online", capacity=100, skills=("billing",))


def contact(customers: Sequence[str], draw: random.Random) -> Interaction:
    return Interaction(
        customer_id=draw.choice(customers),
        channel=draw.choice(CHANNELS),
        direction=draw.choice((Direction.IN, Direction.OUT)),
        happened_at=NOW - timedelta(seconds=draw.randrange(30_000_000)),
        subject=draw.choice(company.sentences())[:80],
    )


def ticket_values(customers: Sequence[str], draw: random.Random) -> dict[str, Any]:
    """What somebody who opens a ticket says of it."""
    texts = company.sentences()
    return {
        "customer_id": draw.choice(customers),
        "subject": draw.choice(texts)[:80],
        "body": " ".join(draw.choices(texts, k=3)),
        "priority": draw.choice(("low", "normal", "normal", "high", "urgent")),
        "channel": draw.choice(CHANNELS),
        "skills": ("billing",),
    }


def ticket(customers: Sequence[str], actors: Sequence[str], draw: random.Random) -> Ticket:
    """One ticket with the history that its state tells."""
    [(state, _, has_agent)] = draw.choices(SHARES, [share for _, share, _ in SHARES])
    days = 3 if state in ("new", "open") else 300
    opened = NOW - timedelta(seconds=draw.randrange(days * 86_400))
    given: dict[str, Any] = {"state": state, "opened_at": opened}
    if has_agent:
        given |= {"assignee": draw.choice(actors), "answered_at": opened + timedelta(hours=1)}
    if state in ("pending", "solved", "closed"):
        given["state_since"] = opened + timedelta(hours=2)
    return Ticket(**ticket_values(customers, draw), **given)


def deal_values(customers: Sequence[str], draw: random.Random) -> dict[str, Any]:
    """What somebody who adds a deal says of it, but for the stage."""
    return {
        "customer_id": draw.choice(customers),
        "title": draw.choice(company.sentences())[:60],
        "owner": draw.choice(company.OWNERS),
        "amount": Money(draw.randrange(10_000_000), "KRW"),
        "expected_close": date(2027, draw.randint(1, 12), draw.randint(1, 28)),
        "next_step": "견적 보내기",
    }


def deal(
    customers: Sequence[str], stages: Sequence[Stage], reason: LostReason, draw: random.Random
) -> Deal:
    """One deal with what its stage wants of it."""
    *going, won, lost = stages
    stage = draw.choice(going) if draw.random() < 0.2 else draw.choice((won, lost))
    opened = NOW - timedelta(seconds=draw.randrange(200 * 86_400))
    given: dict[str, Any] = {"stage_id": stage.id, "opened_at": opened}
    if stage.category != "open":
        given["closed_at"] = opened + timedelta(days=20)
    if stage.category == "lost":
        given["lost_reason_id"] = reason.id
    return Deal(**deal_values(customers, draw), **given)
