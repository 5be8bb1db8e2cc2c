"""The raw side of the rows of a desk and a pipeline is fair: it leaves in the tables what crmkit leaves there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from crmkit import CRM, Interaction

pytest.importorskip("crmkit_sqlite")
pytest.importorskip("crmkit_operational")

from crmkit_operational.routing.byhand import take
from crmkit_operational.sales.kinds import Deal
from crmkit_operational.sales.moving import move
from crmkit_operational.service.opening import open_ticket

from tests.benchmarks import desk
from tests.benchmarks.backends import Absent, Backend, Postgres, Sqlite
from tests.benchmarks.desk import Desk
from tests.benchmarks.raw_operational import RawDesk

TABLES = ("ticket", "deal", "metric_event", "routing_decision", "agent")


@pytest.fixture(params=["sqlite", "postgres"])
def on(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "sqlite":
        yield Sqlite()
        return
    pytest.importorskip("crmkit_sql.testing.cluster")
    try:
        backend = Postgres.on(request.getfixturevalue("postgres_server"))
    except Absent as error:
        pytest.skip(str(error))
    with closing(backend):
        yield backend


@contextmanager
def opened(on: Backend, folder: Path) -> Iterator[tuple[CRM, RawDesk, Desk]]:
    with on.open(folder, "desk", *desk.PLUGINS) as crm:
        filled = desk.fill(crm, 60)
        with closing(on.same(crm, folder, "desk")) as raw:
            yield crm, RawDesk(raw), filled


def left(raw: RawDesk, work: Callable[[], object]) -> list[Any]:
    """What a work leaves: its changes with the fields of their deltas, and the columns that its new rows fill."""
    last = "SELECT coalesce(max(position), 0) FROM crm_journal"
    [(before,)] = raw.raw.execute(last).fetchall()
    seqs = {name: _seq(raw, name) for name in TABLES}
    work()
    mark = raw.raw.mark
    sql = f"SELECT kind, action, delta FROM crm_journal WHERE position > {mark}"
    changes = raw.raw.execute(sql, (before,)).fetchall()
    found = [(kind, action, *sorted(json.loads(delta or "{}"))) for kind, action, delta in changes]
    return sorted([*found, *(row for name in TABLES for row in _new(raw, name, seqs[name]))])


def _seq(raw: RawDesk, table: str) -> int:
    [(found,)] = raw.raw.execute(f"SELECT coalesce(max(crm_seq), 0) FROM {table}").fetchall()
    return int(found)


def _new(raw: RawDesk, table: str, seq: int) -> Iterator[tuple[str, ...]]:
    columns = raw.raw.columns(table)
    sql = f"SELECT * FROM {table} WHERE crm_seq > {raw.raw.mark}"
    for row in raw.raw.execute(sql, (seq,)).fetchall():
        given = (name for name, value in zip(columns, row, strict=True) if value is not None)
        yield (table, *sorted(given))


def test_a_claim(on: Backend, tmp_path: Path) -> None:
    with opened(on, tmp_path) as (crm, raw, filled):
        first, second = filled.agents[:2]

        ours = left(raw, lambda: take(crm.acting("kim"), first))
        theirs = left(raw, lambda: raw.claim()([second.actor]))

        assert ours == theirs
        assert len(ours) == 4


def test_a_new_ticket(on: Backend, tmp_path: Path) -> None:
    def open_one(crm: CRM, values: dict[str, Any]) -> None:
        with crm.acting("kim").transaction() as tx:
            open_ticket(tx, **values)

    with opened(on, tmp_path) as (crm, raw, filled):
        for seed in range(3):  # other policies promise other things
            values = desk.ticket_values(filled.customers, random.Random(seed))

            ours = left(raw, lambda values=values: open_one(crm, values))
            theirs = left(raw, lambda values=values: raw.ticket_create()([values]))

            assert ours == theirs


def test_a_new_deal_and_its_move(on: Backend, tmp_path: Path) -> None:
    def add(crm: CRM, deal: Deal) -> None:
        with crm.acting("kim").transaction() as tx:
            tx.add(deal)

    def moved(crm: CRM, pairs: Sequence[Any]) -> None:
        with crm.acting("kim").transaction() as tx:
            move(tx, *pairs)

    with opened(on, tmp_path) as (crm, raw, filled):
        lead, contacted, *_ = filled.open_stages
        values = desk.deal_values(filled.customers, random.Random(1))
        deal = Deal(**values, stage_id=lead.id, opened_at=desk.NOW)

        assert left(raw, lambda: add(crm, deal)) == left(raw, lambda: raw.deal_create()([deal]))

        one, other = crm.find(Deal, limit=2, order="-id")
        ours = left(raw, lambda: moved(crm, (one, contacted)))
        theirs = left(raw, lambda: raw.deal_move()([(other, contacted)]))

        assert ours == theirs


def test_the_company_has_contacts_for_its_boards(on: Backend, tmp_path: Path) -> None:
    with opened(on, tmp_path) as (crm, raw, _):
        assert crm.count(Interaction) == 15

        raw.board()([None])
        raw.board_tickets()([None])
