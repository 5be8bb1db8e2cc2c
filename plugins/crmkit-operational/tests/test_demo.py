"""The plugins' shares in the company of `crm demo`."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

pytest.importorskip("crmkit_demo", reason="crmkit-demo is not installed")
pytest.importorskip("crmkit_sqlite", reason="crmkit-sqlite is not installed")

import crmkit_demo
from crmkit_demo.plot import plotted
from crmkit_demo.running import made
from crmkit_operational import sales, service
from crmkit_operational.demo.tour import sales_stops, service_stops
from crmkit_operational.sales.history import stage_history
from crmkit_operational.sales.kinds import Deal, OrderLine, Pipeline, SalesOrder, Stage
from crmkit_operational.service.kinds import Agent, MetricEvent, Policy, Ticket
from crmkit_operational.service.metrics import timers

from crmkit import CRM, Config, Customer, where
from crmkit.codec import dump_document
from crmkit.worker import run_workers

UNTIL = date(2026, 3, 2)
END = datetime(2026, 3, 2, tzinfo=UTC)


def company(customers=60, seed=1, plugins=(sales, service)):
    crm = CRM.open("memory://", plugins=["sqlite", crmkit_demo, *plugins], config=Config())
    made(crm, customers, seed, UNTIL, lambda length: lambda count: None)
    return crm


@pytest.fixture(scope="module")
def crm():
    with company() as found:
        yield found


def test_each_branch_has_a_pipeline_and_what_it_promises(crm):
    assert crm.count(Pipeline) == 2
    assert crm.count(Stage) == 12
    assert crm.count(Policy) == 4
    assert crm.count(Agent) == 8


def test_deals_go_from_stage_to_stage_and_end_where_the_story_says(crm):
    categories = {each.id: each.category for each in crm.find(Stage)}
    found = list(crm.find(Deal))
    assert {categories[each.stage_id] for each in found} == {"open", "won", "lost"}
    for deal in found:
        stays = stage_history(crm, deal.id)
        assert stays[-1].stage_id == deal.stage_id
        assert (deal.closed_at is None) == (categories[deal.stage_id] == "open")
        assert (deal.lost_reason_id is not None) == (categories[deal.stage_id] == "lost")


def test_every_order_has_lines_of_its_customer(crm):
    orders = {each.id: each for each in crm.find(SalesOrder)}
    lines = list(crm.find(OrderLine))
    assert {each.order_id for each in lines} == orders.keys()
    assert all(each.customer_id == orders[each.order_id].customer_id for each in lines)


def test_tickets_were_measured_as_the_story_went(crm):
    tickets = list(crm.find(Ticket))
    assert "solved" in {each.state for each in tickets}
    for ticket in tickets:
        known = timers(crm.find(MetricEvent, where.ticket_id == ticket.id))
        assert known["resolution", 1].is_over == (ticket.state == "solved")
        assert all(each.started_at < END for each in known.values())


def test_following_what_was_said_brings_no_solved_ticket_back():
    with company() as crm:
        before = {each.id: each.state for each in crm.find(Ticket)}
        run_workers(crm, once=True)
        assert {each.id: each.state for each in crm.find(Ticket)} == before


def test_the_same_seed_is_the_same_company_whatever_other_plugins_there_are(crm):
    with company() as again, company(plugins=(sales,)) as less:
        for kind in (Deal, SalesOrder, OrderLine, Ticket, MetricEvent):
            ids = {each.id for each in crm.find(kind)}
            assert kind is MetricEvent or ids == {each.id for each in again.find(kind)}
        kind = crm.schema[Deal.__kind__]
        assert [dump_document(kind, each) for each in crm.find(Deal)] == [
            dump_document(kind, each) for each in less.find(Deal)
        ]
        assert crm.count(Customer) == less.count(Customer)


def test_the_tour_names_what_is_there(crm):
    story = plotted(60, 1, END).story("service")
    stops = [*sales_stops(crm), *service_stops(story, crm)]
    assert {each.words[0] for each in stops} == {"deal", "forecast", "queue", "ticket"}
