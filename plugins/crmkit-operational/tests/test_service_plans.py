"""The queue and the boards of a large desk are answered by indexes, on both databases: nothing is read whole or sorted."""

from __future__ import annotations

import importlib.util
import re

import pytest
from crmkit_operational.routing.byhand import take
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.routing.queue import WAITING, pages
from crmkit_operational.sales.board import page_of
from crmkit_operational.sales.kinds import Deal
from crmkit_operational.service.kinds import Ticket
from sales_company import START, customer, make_company

from crmkit import CRM, Config, where

ROWS = 20_000
WAYS = ("Seq Scan", "Sort  (", "TEMP B-TREE", "SCAN r")
"""How a table is read whole, or what was read is sorted; a scan by an index of SQLite says so."""

TICKETS = (
    "INSERT INTO ticket (id, version, created_at, updated_at, subject, body, state, priority, channel, skills, "
    "excluded, assignee, opened_at, queue_key) SELECT 't' || n, 1, now(), now(), 'word', '', "
    "CASE WHEN n % 4 = 0 THEN 'new' ELSE 'closed' END, 'normal', 'email', '[]', '[]', CASE WHEN n % 4 > 0 THEN 'agent' "
    "|| n % 200 END, now() - n * interval '1 minute', CASE WHEN n % 4 = 0 THEN lpad(n::text, 10, '0') END "
    f"FROM generate_series(1, {ROWS}) AS n"
)
DEALS = (
    "INSERT INTO deal (id, version, created_at, updated_at, title, stage_id, amount, amount__currency, owner, opened_at, "
    "expected_close, next_step, lost_note) SELECT 'd' || n, 1, now(), now(), 'word', (SELECT id FROM stage ORDER BY "
    "position LIMIT 1 OFFSET n % 2), n * 7919 % 100003, 'KRW', 'owner' || n % 20, now(), date '2026-01-01' + n % 300, '', '' "
    f"FROM generate_series(1, {ROWS}) AS n"
)


def of_sqlite(crm, work):
    """The plans of what SQLite was asked."""
    asked: list[str] = []
    connection = crm.storage._connections.get()
    connection.set_trace_callback(asked.append)
    work()
    connection.set_trace_callback(None)
    found = [sql for sql in asked if sql.startswith("SELECT") and re.search('"(ticket|deal)"', sql)]
    plans = (connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in found)
    return [" / ".join(row[3] for row in plan) for plan in plans]


def of_postgres(crm, work):
    """The plans by which PostgreSQL answered, among many rows."""
    plans: list[str] = []

    def hear(said):
        if re.search(r" on (ticket|deal)\b", said.message_primary):
            plans.append(said.message_primary)

    with crm.storage._lent() as link:
        connection = link.connection
        for statement in (
            "SET session_replication_role = replica",
            TICKETS,
            DEALS,
            "VACUUM ANALYZE",
        ):
            connection.execute(statement)
        connection.execute("SET session_replication_role = DEFAULT")
        connection.execute("LOAD 'auto_explain'")
        connection.execute("SET auto_explain.log_min_duration = 0")
        connection.execute("SET client_min_messages = log")
    connection.add_notice_handler(hear)
    work()
    connection.remove_notice_handler(hear)
    return plans


@pytest.fixture(params=["sqlite", "postgres"])
def planned(request, tmp_path, clock):
    """Runs something with a company and gives the plans of what it asked of tickets and deals."""
    plugin, url = "sqlite", f"sqlite:///{tmp_path}/crm.db"
    if request.param == "postgres":
        pytest.importorskip("crmkit_sql")
        plugin, url = "sql", f"{request.getfixturevalue('postgres_url')}?pool=1"
    elif importlib.util.find_spec("crmkit_sqlite") is None:
        pytest.skip("crmkit-sqlite is not installed")
    with CRM.open(url, plugins=[plugin, "sales", "service"], config=Config(), clock=clock) as crm:
        company = make_company(crm)
        with crm.transaction() as tx:
            who = customer(tx)
            agent = tx.add(Agent(actor="kim", name="Kim", status="online"))
            tx.add(Ticket(subject="word", customer_id=who.id, opened_at=START))
        plans = of_sqlite if request.param == "sqlite" else of_postgres

        def run(work):
            found = plans(crm, lambda: work(crm, company, agent))
            assert found
            return found

        yield run


def by_index(plans, *names):
    """Whether each plan reads one of these indexes, and none a table whole or in another order."""
    return all(
        any(name in plan for name in names) and not any(way in plan for way in WAYS)
        for plan in plans
    )


def test_a_page_of_the_queue_is_read_in_the_order_of_its_index(planned):
    def work(crm, company, agent):
        first = crm.page(Ticket, WAITING, order="queue_key", limit=50)
        if first.after:
            crm.page(Ticket, WAITING, order="queue_key", limit=50, after=first.after)
        next(iter(pages(crm)))

    assert by_index(planned(work), "ticket__by__queue_key")


def test_a_claim_finds_the_first_ticket_and_the_load_of_an_agent_by_indexes(planned):
    plans = planned(lambda crm, company, agent: take(crm.acting("lee"), agent))

    those = ("queue_key", "ticket__by__assignee__state__opened_at", "id_key", "autoindex")
    load = [plan for plan in plans if "ticket__by__assignee__state__opened_at" in plan]
    assert load
    # What is grouped is the few tickets of one agent.
    others = [plan for plan in plans if plan not in load]
    assert by_index(others, *those)
    assert not any("Seq Scan" in plan or "SCAN r" in plan for plan in load)


def test_the_deals_of_a_stage_by_amount_are_read_in_the_order_of_an_index(planned):
    def work(crm, company, agent):
        lead = where.stage_id == company.stages["lead"].id
        first = crm.page(Deal, lead, order="-amount", limit=50)
        if first.after:
            crm.page(Deal, lead, order="-amount", limit=50, after=first.after)

    assert by_index(planned(work), "deal__by__stage_id__amount")


def test_a_column_of_the_board_is_read_in_the_order_of_an_index(planned):
    plans = planned(lambda crm, company, agent: page_of(crm, company.stages["lead"], (), 10))

    assert by_index(plans, "deal__by__stage_id__expected_close")


def test_the_tickets_of_a_state_are_read_in_the_order_of_an_index(planned):
    def work(crm, company, agent):
        crm.page(Ticket, where.state == "new", order="-opened_at", limit=50)

    assert by_index(planned(work), "ticket__by__state__opened_at")


def test_the_board_by_state_and_priority_is_counted_in_an_index_alone(planned):
    [plan] = planned(lambda crm, *_: crm.totals(Ticket, by=("state", "priority")))

    assert "ticket__by__state__priority" in plan
    assert "COVERING INDEX" in plan or "Index Only Scan" in plan
