"""What an actor may not see is in no figure, whatever the report."""

from __future__ import annotations

from types import ModuleType

import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.registry import reports

from crmkit import (
    Customer,
    Interaction,
    Manifest,
    Money,
    RestrictedError,
    Restriction,
    hookimpl,
)
from crmkit.testing.restricting import SHY

sales = pytest.importorskip(
    "crmkit_operational.sales.kinds", reason="crmkit-operational is not installed"
)


@hookimpl
def crm_restrict(actor, kind):
    """One actor does not see why deals were lost."""
    return (
        Restriction(masked=["lost_reason_id"]) if (actor.id, kind) == ("masked", "deal") else None
    )


MASKING = ModuleType("masking")
MASKING.manifest = Manifest(name="masking")
MASKING.crm_restrict = crm_restrict


@pytest.fixture
def crm(open_crm):
    crm = open_crm(SHY, MASKING)
    with crm.transaction() as tx:
        pipeline = tx.add(sales.Pipeline(name="새 고객"))
        stage = {
            name: tx.add(
                sales.Stage(pipeline_id=pipeline.id, name=name, position=place, category=name)
            )
            for place, name in enumerate(("open", "won", "lost"))
        }
        reason = tx.add(sales.LostReason(name="가격"))
        for country, amount in (("KR", 100), ("KR", 200), ("DE", 5000)):
            who = tx.add(Customer(name=country, country=country))
            deal = tx.add(
                sales.Deal(
                    title="x",
                    stage_id=stage["open"].id,
                    customer_id=who.id,
                    opened_at=crm.now(),
                    amount=Money(amount, "KRW"),
                )
            )
            tx.update(deal.evolve(stage_id=stage["lost"].id, lost_reason_id=reason.id))
            tx.add(Interaction(customer_id=who.id, channel="phone", happened_at=crm.now()))
            order = tx.add(sales.SalesOrder(customer_id=who.id, placed_at=crm.now()))
            tx.add(
                sales.OrderLine(
                    order_id=order.id,
                    customer_id=who.id,
                    product="x",
                    unit_price=Money(amount, "KRW"),
                )
            )
    return crm


def test_figures_are_of_what_may_be_read(crm):
    [whole] = ask(crm, "lost-reasons").rows
    [seen] = ask(crm, "lost-reasons", reader=crm.acting("kim")).rows

    assert (whole["deals"], whole["amount"]) == (3, (Money(5300, "KRW"),))
    assert (seen["deals"], seen["amount"]) == (2, (Money(300, "KRW"),))
    worth = ask(crm, "lifetime-value", reader=crm.acting("kim"))
    assert sorted(row["spent"].minor for row in worth.rows) == [100, 200]


def test_no_id_of_what_is_hidden_is_behind_a_figure(crm):
    kim = crm.acting("kim")
    hidden = {
        each.id
        for kind in ("customer", "deal", "order", "interaction")
        for each in crm.find(kind)
        if kim.get_many(kind, [each.id])[0] is None
    }
    assert len(hidden) == 4

    for name in reports(crm):
        answer = ask(crm, name, reader=kim)
        told = {each for ids in answer.explained.ids.values() for each in ids}
        told |= {each for excluded in answer.explained.excluded for each in excluded.ids}
        assert not told & hidden, name


def test_a_masked_field_is_refused(crm):
    with pytest.raises(RestrictedError, match=r"may not see deal\.lost_reason_id"):
        ask(crm, "lost-reasons", reader=crm.acting("masked"))
