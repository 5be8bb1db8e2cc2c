"""What an actor may not read of service neither shows nor counts nor matches, nor is it in any figure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from crmkit_operational.routing.kinds import RoutingDecision
from crmkit_operational.sales.orders import Item, place
from crmkit_operational.service.brief import MOST, brief
from crmkit_operational.service.kinds import MetricEvent, Policy, Ticket
from crmkit_operational.service.opening import open_ticket, reply, solve
from crmkit_operational.service.reporting import measure

from crmkit import Customer, Interaction, Manifest, Money, Restriction, hookimpl
from crmkit.testing.restricting import SHY


@pytest.fixture
def two(open_crm, clock):
    """An app with one ticket that kim may see and one that they may not; both solved but the latter's twin."""
    crm = open_crm(SHY)
    found = []
    for country in ("KR", "GB"):
        with crm.transaction() as tx:
            customer = tx.add(Customer(name=f"고객 {country}", country=country))
            tx.add(
                Interaction(
                    customer_id=customer.id, channel="phone", happened_at=clock(), subject="전화"
                )
            )
            ticket = open_ticket(tx, "쿼젤 환불", customer_id=customer.id, topic="t")
            tx.add(
                RoutingDecision(
                    ticket_id=ticket.id, customer_id=customer.id, at=clock(), outcome="queued"
                )
            )
            twin = open_ticket(tx, "쿼젤 교환", customer_id=customer.id, topic="t")
        clock.tick(hours=1)
        with crm.transaction() as tx:
            reply(tx, tx.get(Ticket, ticket.id), "네")
            solve(tx, tx.get(Ticket, ticket.id))
        found.append((ticket, twin))
    return crm, found


def test_nothing_of_hidden_tickets_shows_counts_or_matches(two):
    crm, [(mine, _), (hidden, _)] = two
    kim = crm.acting("kim")
    for kind in (Ticket, MetricEvent, RoutingDecision):
        assert 0 < kim.count(kind) < crm.count(kind)
        assert {each["customer_id"] for each in kim.find(kind)} == {mine.customer_id}
        assert [each.count for each in kim.totals(kind)] == [kim.count(kind)]
    assert len(kim.search("쿼젤", [Ticket])) == 2 < len(crm.search("쿼젤", [Ticket]))
    assert hidden.id not in {change.id for change in kim.changes()}


def test_no_figure_counts_what_is_hidden(two, clock):
    crm, [(mine, twin), (hidden, _)] = two
    window = clock() - timedelta(days=1), clock() + timedelta(days=1)
    seen, whole = measure(crm.acting("kim"), *window), measure(crm, *window)
    for one, every in zip(seen, whole, strict=True):
        assert {each.ticket for each in one.done} == {mine.id}
        assert {each.ticket for each in every.done} == {mine.id, hidden.id}
        assert set(one.open) <= {twin.id}


def test_the_brief_names_only_records_that_may_be_read(two):
    crm, [(mine, twin), (hidden, _)] = two
    kim = crm.acting("kim")
    lines = brief(kim, twin)
    assert 0 < len(lines) <= MOST
    for line in lines:
        assert kim.get(line.kind, line.id).id == line.id
    assert mine.id in {line.id for line in lines}
    assert hidden.id not in {line.id for line in lines}
    assert hidden.id in {line.id for line in brief(crm, twin)}


def test_a_brief_is_the_same_each_time_and_never_longer_than_twelve_lines(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="김하늘", tags=("vip",)))
        tx.add(Policy(name="모두", position=1, resolution=60))
        tx.add_all(
            Interaction(customer_id=kim.id, channel="phone", happened_at=clock(), subject=f"{n}")
            for n in range(30)
        )
        tickets = [open_ticket(tx, "환불", customer_id=kim.id) for _ in range(30)]
        for each in tickets[1:15]:
            solve(tx, each)
    first = crm.get(Ticket, tickets[0].id)
    assert brief(crm, first) == brief(crm, first)
    assert len(brief(crm, first)) <= MOST
    assert [line.about for line in brief(crm, first)[:2]] == ["Promised", "Who"]


def test_the_times_of_a_brief_are_on_the_clock_of_the_company(open_crm):
    crm = open_crm()
    late = datetime(2026, 3, 1, 20, tzinfo=UTC)  # in Seoul it is the 2nd
    with crm.transaction() as tx:
        tx.add(Policy(name="모두", position=1, resolution=60))
        kim = tx.add(Customer(name="김하늘"))
        tx.add(Interaction(customer_id=kim.id, channel="phone", happened_at=late, subject="전화"))
        ticket = open_ticket(tx, "환불", customer_id=kim.id)

    due = ticket.resolution_due.astimezone(ZoneInfo(crm.company.timezone))

    said = {line.about: line.text for line in brief(crm, ticket)}
    assert said["Promised"] == f"resolution, {due:%Y-%m-%d %H:%M}, normal, new"
    assert said["Contact"] == "2026-03-02, phone, 전화"


def blind():
    """A plugin by which kim sees neither when contacts were nor the amounts of orders."""
    module = ModuleType("blind")
    module.manifest = Manifest(name="blind")

    @hookimpl
    def crm_restrict(crm, actor, kind):
        masked = {"interaction": ["happened_at"], "order_line": ["amount"]}.get(kind, [])
        return Restriction(masked=masked) if actor.id == "kim" else None

    module.crm_restrict = crm_restrict
    return module


def test_a_brief_has_the_last_order_with_its_total_and_leaves_out_what_may_not_be_seen(
    open_crm, clock
):
    crm = open_crm(blind())
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="김하늘"))
        prices = [Money.of(15_000, "KRW"), Money.of(500, "KRW")]
        order = place(
            tx, [Item("원두", Decimal(2), each) for each in prices], clock(), customer=kim
        )
        ticket = open_ticket(tx, "환불", customer_id=kim.id)
        reply(tx, ticket, "네")

    seen = {line.about: line for line in brief(crm.acting("kim"), ticket)}
    whole = {line.about: line for line in brief(crm, ticket)}

    assert whole["Last order"].id == seen["Last order"].id == order.id
    assert whole["Last order"].text.endswith(", 31,000 KRW")
    assert "KRW" not in seen["Last order"].text
    assert "Contact" in whole
    assert "Contact" not in seen
