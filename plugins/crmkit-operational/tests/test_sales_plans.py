"""The board of a large database is answered by indexes: nothing is sorted, and what is added up is read from one."""

from __future__ import annotations

import pytest
from crmkit_operational.sales.board import board, page_of
from crmkit_operational.sales.finding import stages_of
from crmkit_operational.sales.kinds import Deal
from sales_company import START, krw, make_company

from crmkit import CRM, Config, where

pytest.importorskip("crmkit_sqlite", reason="crmkit-sqlite is not installed")


@pytest.fixture
def asked(tmp_path, clock):
    """Runs something and gives the connection and what was asked SQLite of a kind."""
    config = Config()
    url = f"sqlite:///{tmp_path}/crm.db"
    with CRM.open(url, plugins=["sqlite", "sales"], config=config, clock=clock) as crm:
        company = make_company(crm)

        def run(work, of):
            said: list[str] = []
            connection = crm.storage._connections.get()
            connection.set_trace_callback(said.append)
            work(crm, company)
            connection.set_trace_callback(None)
            return connection, [
                sql for sql in said if sql.startswith("SELECT") and f'"{of}" ' in sql
            ]

        yield run


@pytest.fixture
def planned(asked):
    """Runs something and gives the plans of what it asked SQLite of deals."""

    def run(work):
        connection, of_deals = asked(work, "deal")
        assert of_deals
        plans = (connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in of_deals)
        return [" / ".join(row[3] for row in plan) for plan in plans]

    return run


def test_a_page_of_a_stage_is_read_in_the_order_of_its_index(planned):
    [plan] = planned(lambda crm, company: page_of(crm, company.stages["lead"]))

    assert "deal__by__stage_id__expected_close" in plan
    assert "TEMP B-TREE" not in plan


def test_a_page_of_an_owner_s_deals_in_a_stage_too(planned):
    mine = [where.owner == "kim"]
    [plan] = planned(lambda crm, company: page_of(crm, company.stages["lead"], mine))

    assert "deal__by__owner__stage_id__expected_close" in plan
    assert "TEMP B-TREE" not in plan


def test_counts_and_sums_of_a_board_are_read_from_an_index_alone(planned):
    [plan] = planned(lambda crm, company: board(crm, stages_of(crm), [], START))

    assert "COVERING INDEX deal__by__stage_id__amount" in plan


def test_the_stages_of_a_deal_are_asked_for_once(asked):
    """What a deal is filled in by is what it is judged by, and on a server each question is a trip."""

    def add(crm, company):
        with crm.transaction() as tx:
            tx.add(company.deal())

    def go_on(crm, company):
        [deal] = crm.find(Deal)
        with crm.transaction() as tx:
            tx.update(deal.evolve(stage_id=company.stages["offer"].id, amount=krw(5)))

    assert [len(asked(each, "stage")[1]) for each in (add, go_on)] == [1, 1]
