"""The rows of the engine: filling it, bringing it up to date, and what each report asks of it beside SQL by hand."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from crmkit import CRM, Interaction, Money, where
from tests.benchmarks import desk
from tests.benchmarks.backends import Sqlite
from tests.benchmarks.desk import contact, written
from tests.benchmarks.measuring import Row
from tests.benchmarks.raw_analytical import BY_HAND, COUNTED
from tests.benchmarks.rows import Plan

__all__ = ["ANALYTICAL", "engine_rows", "measured_analytical"]

ENGINE = ("engine_fill", "engine_refresh")
REPORTS = {f"report_{name.replace('-', '_')}": name for name in BY_HAND}
ANALYTICAL = (*ENGINE, *REPORTS)
NAME = "analytical"
PLUGINS = (*desk.PLUGINS, "collaborative", "analytical")

ROWS_A_SECOND = 500_000
"""As many the first fill is to read at least."""

REFRESH = 0.01
"""The share of the first fill that 100 changes may take."""

RATIO, GRACE = 1.5, 0.05
"""A report's queries may take so many times as long as those by hand, and so many seconds more."""

CHANGES = 100


def measured_analytical(plan: Plan, names: Sequence[str]) -> Iterator[Row]:
    """The rows asked for, of a company with a desk, a pipeline and orders; its contacts are the interactions."""
    if not {*ANALYTICAL} & {*names} or not isinstance(plan.on, Sqlite):
        return
    with plan.open(NAME, *PLUGINS) as crm:
        filled = desk.fill(crm, plan.tickets)
        draw = random.Random(7)
        more = max(0, plan.interactions - plan.tickets // 4)
        written(crm, more, lambda: contact(filled.customers, draw))
        orders(crm, filled.customers, plan.tickets // 2, draw)
        plan.on.settle(crm)
        yield from engine_rows(plan, crm, names)
    plan.on.drop(plan.folder, NAME)


def orders(crm: CRM, customers: Sequence[str], size: int, draw: random.Random) -> None:
    """Write so many orders of a line or two."""
    from crmkit_operational.sales.kinds import OrderLine, SalesOrder

    for begin in range(0, size, desk.BATCH):
        with crm.transaction() as tx:
            made = tx.add_all(
                SalesOrder(
                    customer_id=draw.choice(customers),
                    status="fulfilled",
                    placed_at=desk.NOW - timedelta(seconds=draw.randrange(40_000_000)),
                )
                for _ in range(min(desk.BATCH, size - begin))
            )
            tx.add_all(
                OrderLine(
                    order_id=each.id,
                    customer_id=each.customer_id,
                    product="이용권",
                    quantity=Decimal(draw.randint(1, 3)),
                    unit_price=Money(draw.randrange(1_000, 100_000), "KRW"),
                )
                for each in made
                for _ in range(draw.randint(1, 2))
            )


def engine_rows(plan: Plan, crm: CRM, names: Sequence[str]) -> Iterator[Row]:
    """The rows asked for, of an app that is open."""
    yield from (row for row in filling(plan, crm) if row.name in names)
    for name, report in REPORTS.items():
        if name in names:
            yield asked(plan, crm, name, report)


# Filling --------------------------------------------------------------------------------------------------------


def filling(plan: Plan, crm: CRM) -> Iterator[Row]:
    """The first fill with all that any report asks for, a row of a table; and 100 changes, beside it. Opening the file
    is in neither.
    """
    from crmkit_analytical.engine.engine import engine
    from crmkit_analytical.engine.filling import refresh
    from crmkit_analytical.engine.place import opened, place_of
    from crmkit_analytical.engine.tables import Tables
    from crmkit_analytical.report.registry import reports, sources_of

    found = {
        each.name: each for report in reports(crm).values() for each in sources_of(crm, report)
    }
    sources = list(found.values())
    rows = sum(each.total(crm) for each in sources)
    fills, refreshes = [], []
    for _ in range(max(1, round(3 * plan.effort))):
        Path(place_of(crm)).unlink(missing_ok=True)
        with opened(place_of(crm), None) as con:
            fills.append(timed(partial(refresh, crm, Tables(con), sources)))
    with engine(crm, sources):
        pass
    ids = [each.id for each in crm.find(Interaction, limit=CHANGES)]
    for number in range(plan.times(7)):
        change(crm, ids, number)
        with opened(place_of(crm), None) as con:
            refreshes.append(timed(partial(refresh, crm, Tables(con), sources)))
    fill, again = statistics.median(fills), statistics.median(refreshes)
    most = 1 / ROWS_A_SECOND
    yield Row.of("engine_fill", plan.on.name, rows, fill / rows, most, 1.0)
    yield Row.of("engine_refresh", plan.on.name, rows, again, fill, REFRESH)


def change(crm: CRM, ids: Sequence[str], number: int) -> None:
    """A hundred changes: four of five of what was there."""
    old = ids[: CHANGES * 4 // 5]
    with crm.transaction() as tx:
        found = list(tx.find(Interaction, where.id.in_(old)))
        tx.update_all(each.evolve(outcome=f"round {number}") for each in found)
        tx.add_all(
            Interaction(channel="email", happened_at=crm.now()) for _ in range(CHANGES - len(found))
        )


def timed(function: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


# Reports --------------------------------------------------------------------------------------------------------


def asked(plan: Plan, crm: CRM, row: str, report: str) -> Row:
    """What a report asks of the engine, of all times: making the statements, running them, and their rows as Arrow."""
    from crmkit_analytical.engine.engine import engine
    from crmkit_analytical.report.asking import ask
    from crmkit_analytical.report.registry import named, sources_of

    taken: list[float] = []

    def ours() -> float:
        with waited() as waits:
            taken.append(ask(crm, report).explained.total)
        return sum(waits)

    rounds = max(1, round(6 * plan.effort))
    mine = [ours() for _ in range(rounds + 1)][1:]
    with engine(crm, sources_of(crm, named(crm, report))) as con:
        theirs = [by_hand_once(crm, con.con, report) for _ in range(rounds + 1)][1:]
        size = executed(crm, con.con, COUNTED[report]).fetchone()[0] if report in COUNTED else 0
    assert report not in COUNTED or taken[0] == size, (report, taken[0], size)
    size = size or crm.storage.count_changes()
    times = statistics.median(mine), statistics.median(theirs)
    return Row.of(row, plan.on.name, size, *times, RATIO + GRACE / times[1])


@contextmanager
def waited() -> Iterator[list[float]]:
    """Seconds that are spent in the engine meanwhile."""
    from ibis.expr.types import Table

    found: list[float] = []

    def watched(name: str) -> Any:
        original = getattr(Table, name)

        def call(table: Any, *args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return original(table, *args, **kwargs)
            finally:
                found.append(time.perf_counter() - start)

        return mock.patch.object(Table, name, call)

    with watched("to_pyarrow"), watched("cache"):
        yield found


def by_hand_once(crm: CRM, connection: Any, report: str) -> float:
    """How long the statements by hand take, their rows as Arrow."""
    start = time.perf_counter()
    for sql in BY_HAND[report]:
        executed(crm, connection, sql).fetch_arrow_table()
    return time.perf_counter() - start


def executed(crm: CRM, connection: Any, sql: str) -> Any:
    """A statement with the values that it names."""
    own = {name: each for name, each in parameters(crm).items() if f"${name}" in sql}
    return connection.execute(sql, own or None)


def parameters(crm: CRM) -> Mapping[str, Any]:
    """The values of the statements."""
    from crmkit_analytical.reports.channel_use.contacts import customs

    known, now = customs(crm), crm.now().astimezone(UTC).replace(tzinfo=None)
    times = {"until": now, "since": now - timedelta(days=28), "before": now - timedelta(days=56)}
    return {"now": now, "live": [*known.live], "missed": [*known.unanswered], **times}
