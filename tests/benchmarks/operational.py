"""The rows of a desk and a pipeline: the queue, a claim, boards, and tickets and deals on their way in and on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import cycle, islice
from typing import Any

from crmkit_operational.routing.byhand import take
from crmkit_operational.routing.queue import WAITING
from crmkit_operational.sales.board import board
from crmkit_operational.sales.finding import only_pipeline, stages_of
from crmkit_operational.sales.kinds import Deal, Stage
from crmkit_operational.sales.moving import move
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.opening import open_ticket

from crmkit import CRM, Records, where
from crmkit.crm import Handle
from tests.benchmarks import desk
from tests.benchmarks.desk import Desk
from tests.benchmarks.measuring import Row, in_turns
from tests.benchmarks.raw_operational import RawDesk
from tests.benchmarks.rows import ACTOR, Plan

READING = ("queue", "board_page", "board", "board_tickets")
WRITING = ("claim", "deal_create", "deal_move", "ticket_create")
OPERATIONAL = (*READING, *WRITING)
NAME = "operational"


def measured_operational(plan: Plan, names: Sequence[str]) -> Iterator[Row]:
    """The rows asked for, of a desk with so many tickets and a pipeline with as many deals."""
    if not {*OPERATIONAL} & {*names}:
        return
    with plan.open(NAME, *desk.PLUGINS) as crm:
        filled = desk.fill(crm, plan.tickets)
        plan.on.settle(crm)
        kim = crm.acting(ACTOR)
        for those in (READING, WRITING):
            asked = [name for name in those if name in names]
            with reached(plan, crm, asked) as raw:
                for name in asked:
                    times = MAKERS[name](plan, kim, raw, filled)
                    yield plan.row(name, times, plan.tickets)
    plan.on.drop(plan.folder, NAME)


@contextmanager
def reached(plan: Plan, crm: CRM, names: Sequence[str]) -> Iterator[RawDesk]:
    """The plain driver: on a copy, or on the same database if nothing is to be written.

    A copy of a server's is read by another plan, as its statistics are not those of the original.
    """
    if {*WRITING} & {*names}:
        with plan.on.copied(crm, plan.folder, NAME) as raw:
            yield RawDesk(raw)
    else:
        with closing(plan.on.same(crm, plan.folder, NAME)) as raw:
            yield RawDesk(raw)


# Reading -------------------------------------------------------------------------------------------------------


def queue(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """50 of the tickets that wait, in the order of the queue: the first page and the one behind its cursor."""
    return pages(
        plan,
        lambda _, after: kim.page(Ticket, WAITING, order="queue_key", limit=50, after=after),
        raw.queue(),
        [None],
    )


def board_page(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """50 deals of a stage, the largest first: the first page and the one behind its cursor."""

    def page(stage: str, after: str | None) -> Records[Deal]:
        return kim.page(Deal, where.stage_id == stage, order="-amount", limit=50, after=after)

    return pages(plan, page, raw.board_page(), [each.id for each in filled.open_stages])


def pages(
    plan: Plan, page: Callable[[Any, str | None], Any], by_hand: Any, given: Sequence[Any]
) -> tuple[float, float]:
    """The time for a page, once both sides were seen to show the same."""

    def ours(batch: Sequence[Any]) -> list[Any]:
        found = []
        for each in batch:
            first = page(each, None)
            found = [*first, *(page(each, first.after) if first.after else ())]
        return found

    for each in given:
        assert [found.id for found in ours([each])] == [row[0] for row in by_hand([each])][:100]
    mine, theirs = in_turns(
        ours, by_hand, [[each] for each in islice(cycle(given), plan.times(300))]
    )
    return mine / 2, theirs / 2


def board_by_stage(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """What `crm deal board` shows: counts and sums by stage, the first 10 of each, and when they rot."""

    def ours(batch: Sequence[Any]) -> None:
        for _ in batch:
            board(kim, stages_of(kim, only_pipeline(kim)), [], kim.now(), limit=10)

    return in_turns(ours, raw.board(), [range(1)] * plan.times(60))


def board_by_state(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """What `crm ticket board` shows: how many tickets are in each state, by priority."""

    def ours(batch: Sequence[Any]) -> None:
        for _ in batch:
            kim.totals(Ticket, by=("state", "priority"))

    return in_turns(ours, raw.board_tickets(), [range(1)] * plan.times(60))


# Writing -------------------------------------------------------------------------------------------------------


def claim(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """An agent takes the first ticket of the queue: compared and set, with the decision and whose turn it was."""

    def ours(agents: Sequence[str]) -> None:
        for each in agents:
            assert take(kim, known[each])

    known = {each.actor: each for each in filled.agents}
    return in_turns(ours, raw.claim(), batched(plan, 200, cycle(known), 3))


def deal_create(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """One deal: what its stage wants of it, journal, search, committed."""
    draw, stages = random.Random(21), cycle(filled.open_stages)

    def ours(batch: Sequence[Mapping[str, Any]]) -> None:
        for values in batch:
            with kim.transaction() as tx:
                tx.add(Deal(**values))

    made = (
        {**desk.deal_values(filled.customers, draw), "stage_id": each.id, "opened_at": kim.now()}
        for each in stages
    )
    return in_turns(ours, raw.deal_create(), batched(plan, 300, made, 5))


def deal_move(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """One deal to the next stage: whether it may go there, what is wanted there, journal, committed."""
    those, there = filled.open_stages, [id for (id,) in raw.raw.execute("SELECT id FROM deal")]
    after = {each.id: those[(number + 1) % len(those)] for number, each in enumerate(those)}
    found = kim.find(Deal, where.stage_id.in_(tuple(after)), where.owner != "kim")
    known = {*there}
    deals = [each for each in found if each.id in known and each.version == 1]
    random.Random(22).shuffle(deals)
    moves = ((each, after[each.stage_id]) for each in deals)

    def ours(pairs: Sequence[tuple[Deal, Stage]]) -> None:
        for deal, stage in pairs:
            with kim.transaction() as tx:
                move(tx, deal, stage)

    return in_turns(ours, raw.deal_move(), batched(plan, 300, moves, min(5, len(deals) // 3)))


def ticket_create(plan: Plan, kim: Handle, raw: RawDesk, filled: Desk) -> tuple[float, float]:
    """One ticket: its policy and what that promises, its place in the queue, its metric events, search, committed."""
    draw = random.Random(23)

    def ours(batch: Sequence[Mapping[str, Any]]) -> None:
        for values in batch:
            with kim.transaction() as tx:
                open_ticket(tx, **values)

    made = (desk.ticket_values(filled.customers, draw) for _ in iter(int, 1))
    return in_turns(ours, raw.ticket_create(), batched(plan, 200, made, 3))


def batched(plan: Plan, number: int, values: Any, size: int) -> list[list[Any]]:
    """So many batches, as far as there are values."""
    values = iter(values)
    found = [list(islice(values, size)) for _ in range(plan.times(number))]
    return [each for each in found if each]


MAKERS: dict[str, Callable[[Plan, Handle, RawDesk, Desk], tuple[float, float]]] = {
    "queue": queue,
    "board_page": board_page,
    "board": board_by_stage,
    "board_tickets": board_by_state,
    "claim": claim,
    "deal_create": deal_create,
    "deal_move": deal_move,
    "ticket_create": ticket_create,
}
