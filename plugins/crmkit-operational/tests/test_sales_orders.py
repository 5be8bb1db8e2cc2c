"""An order's total is what its lines add up to, whoever wrote which line, and in one currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from crmkit_operational.sales.kinds import Deal, OrderLine, SalesOrder
from crmkit_operational.sales.moving import win
from crmkit_operational.sales.orders import Item, cancel, convert, place, read_item, totals_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sales_company import START, customer, krw, make_company

from crmkit import (
    CRM,
    Config,
    Customer,
    CustomField,
    InvalidRecords,
    Money,
    TransactionError,
    ValueRefused,
)
from crmkit.testing.fixtures import FakeClock
from crmkit.worker import run_workers


@pytest.fixture
def crm_plugins():
    return ["sales"]


@pytest.fixture
def hanbit(crm):
    with crm.transaction() as tx:
        return customer(tx)


def item(quantity, minor, currency="KRW"):
    return Item("토너", Decimal(quantity), Money(minor, currency))


def placed(crm, buyer, *items):
    with crm.transaction() as tx:
        return place(tx, items, START, customer=buyer)


def lines(crm, order):
    return list(crm.find(OrderLine, order="position"))


def test_a_line_is_quantity_times_price_rounded_half_up(open_crm):
    crm = open_crm(own=["sales"])
    with crm.transaction() as tx:
        buyer = customer(tx)
    order = placed(crm, buyer, item("2.5", 3999), item("0.5", 1), item("3", 10))

    assert [each.amount.minor for each in lines(crm, order)] == [9998, 1, 30]
    assert totals_of(crm, [order]) == {order.id: krw(10029)}
    assert totals_of(crm, [order], as_of=crm.clock()) == {order.id: krw(10029)}


def test_a_changed_line_changes_its_amount_and_the_total(open_crm, clock):
    crm = open_crm(own=["sales"])
    with crm.transaction() as tx:
        buyer = customer(tx)
    order = placed(crm, buyer, item(2, 10), item(1, 5))
    clock.tick(days=1)
    one, other = lines(crm, order)
    with crm.transaction() as tx:
        tx.update(one.evolve(quantity=Decimal(3)))
        tx.delete(other)

    assert totals_of(crm, [order]) == {order.id: krw(30)}
    assert totals_of(crm, [order], as_of=START) == {order.id: krw(25)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"amount": krw(7)}, "amount"), ({"quantity": Decimal(0)}, "quantity"), ({"quantity": Decimal(-1)}, "quantity")],
)  # fmt: skip
def test_a_line_that_is_not_true_is_refused(crm, hanbit, changes, field):
    order = placed(crm, hanbit, item(2, 10))
    [line] = lines(crm, order)
    new = OrderLine(order_id=order.id, product="x", unit_price=krw(10))

    for write in (lambda tx: tx.update(line.evolve(**changes)), lambda tx: tx.add(new.evolve(**changes))):  # fmt: skip
        with pytest.raises(InvalidRecords) as error, crm.transaction() as tx:
            write(tx)
        assert [each.field for each in error.value.problems] == [field]
    assert totals_of(crm, [order]) == {order.id: krw(20)}


def test_one_order_is_in_one_currency(crm, hanbit):
    with pytest.raises(InvalidRecords, match="make it two orders"):
        placed(crm, hanbit, item(1, 5), item(1, 5, "USD"))
    assert crm.count(SalesOrder) == 0
    order = placed(crm, hanbit, item(1, 5), item(1, 6))
    one, other = lines(crm, order)
    with pytest.raises(InvalidRecords, match="in USD"), crm.transaction() as tx:
        tx.update(one.evolve(unit_price=Money(5, "USD")))
    with crm.transaction() as tx:  # both at once are an order in another currency
        tx.update_all([each.evolve(unit_price=Money(5, "USD")) for each in (one, other)])
    assert totals_of(crm, [order]) == {order.id: Money(10, "USD")}


def test_an_order_is_somebody_s_and_has_a_line(crm, hanbit):
    with pytest.raises(TransactionError, match="somebody's"), crm.transaction() as tx:
        place(tx, [item(1, 5)], START)
    with pytest.raises(TransactionError, match="at least one line"), crm.transaction() as tx:
        place(tx, [], START, customer=hanbit)


def test_a_won_deal_becomes_an_order_with_what_both_kinds_have(crm, hanbit):
    company = make_company(crm)
    with crm.transaction() as tx:
        for name, kinds in (("tier", ("deal", "order")), ("mood", ("deal",))):
            tx.add_all(CustomField(on=each, name=name) for each in kinds)
        tx.add(CustomField(on="deal", name="size", type="whole"))
        tx.add(CustomField(on="order", name="size", type="text"))
    with crm.transaction() as tx:
        deal = company.deal(customer_id=hanbit.id, amount=krw(500))
        deal = tx.add(
            deal.set("custom.tier", "gold").set("custom.mood", "good").set("custom.size", 3)
        )
        won = win(tx, deal)
        order = convert(tx, won, [], START)

    assert (order.deal_id, order.customer_id) == (deal.id, hanbit.id)
    assert dict(order.added) == {"custom.tier": "gold"}
    assert totals_of(crm, [order]) == {order.id: krw(500)}
    with pytest.raises(TransactionError, match="already"), crm.transaction() as tx:
        convert(tx, tx.get(Deal, deal.id), [], START)
    with crm.transaction() as tx:
        bare = tx.add(company.deal(customer_id=hanbit.id))
    with pytest.raises(TransactionError, match="no amount"), crm.transaction() as tx:
        convert(tx, bare, [], START)
    assert crm.count(SalesOrder) == 1


def test_only_what_is_placed_can_be_cancelled(crm, hanbit):
    order = placed(crm, hanbit, item(1, 5))
    with crm.transaction() as tx:
        assert cancel(tx, order).status == "cancelled"
    with pytest.raises(TransactionError, match="is cancelled"), crm.transaction() as tx:
        cancel(tx, tx.get(SalesOrder, order.id))


@pytest.mark.parametrize(
    "text", ["토너", "토너, 3", ", 3, 5", "토너, x, 5", "토너, 3, five", "토너, 3, 5 won"]
)
def test_what_is_no_line_is_said_to_be_none(text):
    with pytest.raises(ValueRefused, match="is no line of an order"):
        read_item(text, "KRW")


def test_a_product_may_have_a_comma_and_a_price_its_currency():
    assert read_item("A4, 흰색, 2.5, 3.99 USD", "KRW") == Item("A4, 흰색", Decimal("2.5"), Money(399, "USD"))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "quantity", "minor"),
    [
        ("원두, 2, 5,000", 2, 5000),
        ("원두, 1,500, 300", 1500, 300),
        ("원두,1,000,2,150,000 KRW", 1000, 2_150_000),
        ("원두,100,200", 100, 200),
        ("원두, 2, -5,000", 2, -5000),
    ],
)
def test_a_comma_between_thousands_is_part_of_the_number(text, quantity, minor):
    assert read_item(text, "KRW") == Item("원두", Decimal(quantity), Money(minor, "KRW"))


def test_lines_follow_their_order_to_another_customer(open_crm):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        one, other = customer(tx, "a"), customer(tx, "b")
        deal = tx.add(company.deal(customer_id=one.id, amount=krw(5)))
        order = place(tx, [item(1, 5)], START, customer=one)
    from crmkit_operational.sales.kinds import ForecastLine
    from crmkit_operational.sales.snapshots import keep

    with crm.transaction() as tx:
        keep(tx, START)
        tx.update(tx.get(SalesOrder, order.id).evolve(customer_id=other.id))
        tx.update(tx.get(Deal, deal.id).evolve(customer_id=other.id))
    run_workers(crm, once=True, names=["sales-lines"])

    assert {each.customer_id for each in crm.find(OrderLine)} == {other.id}
    assert {each.customer_id for each in crm.find(ForecastLine)} == {other.id}


def test_merging_customers_takes_orders_and_lines_along(open_crm):
    crm = open_crm(own=["sales"])
    with crm.transaction() as tx:
        keep, lose = customer(tx, "a"), customer(tx, "b")
        order = place(tx, [item(1, 5), item(2, 5)], START, customer=lose)
        tx.merge(keep, lose)

    assert {each.customer_id for each in crm.find(OrderLine)} == {keep.id}
    assert crm.get(SalesOrder, order.id).customer_id == keep.id


QUANTITIES = st.decimals("0.001", "999", places=3)
WRITES = st.lists(
    st.tuples(st.sampled_from(["add", "change", "drop"]), st.integers(0, 5), QUANTITIES, st.integers(-500, 10**6)),
    max_size=10,
)  # fmt: skip


@settings(max_examples=50)
@given(WRITES)
def test_law_a_total_is_the_sum_of_the_rounded_lines_after_any_writes(writes):
    with CRM.open("memory://", plugins=["sales"], config=Config(), clock=FakeClock()) as crm:
        with crm.transaction() as tx:
            buyer = tx.add(Customer(name="a"))
            order = place(tx, [item(1, 100)], START, customer=buyer)
        for what, place_, quantity, minor in writes:
            there = list(crm.find(OrderLine))
            with crm.transaction() as tx:
                if what == "add" or not there:
                    values = {"product": "x", "quantity": quantity, "unit_price": krw(minor)}
                    tx.add(OrderLine(order_id=order.id, **values))
                elif what == "change":
                    line = there[place_ % len(there)]
                    tx.update(line.evolve(quantity=quantity, unit_price=krw(minor)))
                else:
                    tx.delete(there[place_ % len(there)])
        left = list(crm.find(OrderLine))
        expected = sum(
            int((e.quantity * e.unit_price.minor).to_integral_value(ROUND_HALF_UP)) for e in left
        )
        found = totals_of(crm, [order])
        assert found == ({order.id: krw(expected)} if left else {})
        assert all(each.customer_id == buyer.id for each in left)


def test_the_profile_shows_open_deals_and_last_orders_as_they_were(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        buyer = customer(tx)
        deal = tx.add(company.deal(customer_id=buyer.id, amount=krw(500)))
    before = clock()
    clock.tick(days=1)
    with crm.transaction() as tx:
        won = win(tx, deal)
        convert(tx, won, [], clock())
    then = {each.name: each.rows for each in crm.profile(buyer.id, as_of=before)}
    now = {each.name: each.rows for each in crm.profile(buyer.id)}

    assert list(then) == ["deals"]
    assert then["deals"][0][1] == ["lead", krw(500)]
    assert list(now) == ["orders"]
    assert now["orders"][0][1][:2] == [krw(500), "placed"]
