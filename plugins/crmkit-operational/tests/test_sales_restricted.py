"""Of customers whom an actor may not see, no deal, order or forecast shows, counts, matches or adds to a figure."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import ModuleType

import pytest
from crmkit_operational.sales import kinds
from crmkit_operational.sales.board import board, page_of
from crmkit_operational.sales.finding import stages_of
from crmkit_operational.sales.forecast import forecast
from crmkit_operational.sales.history import stage_history
from crmkit_operational.sales.kinds import Deal, SalesOrder
from crmkit_operational.sales.moving import win
from crmkit_operational.sales.orders import Item, place, totals_of
from crmkit_operational.sales.rotting import rotting
from crmkit_operational.sales.snapshots import accuracy, keep
from sales_company import START, customer, krw, make_company

from crmkit import (
    MASKED,
    Direction,
    Interaction,
    Manifest,
    NotFound,
    RestrictedError,
    Restriction,
    hookimpl,
    where,
)
from crmkit.testing.restricting import SHY

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def fill(crm, clock):
    """One of everything for a customer in Korea, and twice as much for one in Britain; it is the end of March after."""
    clock.set(datetime(2026, 2, 20, tzinfo=UTC))
    company = make_company(crm)
    with crm.transaction() as tx:
        for country, times in (("KR", 1), ("GB", 2)):
            buyer = customer(tx, f"쿼젤 {country}", country=country)
            for _ in range(times):
                values = {"customer_id": buyer.id, "title": f"쿼젤 {country}", "amount": krw(100)}
                tx.add(company.deal("offer", expected_close=MARCH, **values))
                tx.add(company.deal("offer", expected_close=MARCH, next_step="쿼젤", **values))
                place(tx, [Item("쿼젤", Decimal(1), krw(10))], clock(), customer=buyer)
    with crm.transaction() as tx:
        keep(tx, clock())
    clock.set(START)
    with crm.transaction() as tx:
        for deal in list(tx.find(Deal, where.next_step == "쿼젤")):
            win(tx, deal)
    return company


@pytest.fixture
def crm_plugins():
    return ["sales", SHY]


@pytest.fixture
def seen(open_crm, clock):
    crm = open_crm(SHY, own=["sales"])
    return fill(crm, clock), crm, crm.acting("kim")


def test_every_kind_that_belongs_to_customers_neither_shows_nor_counts_nor_matches(seen):
    _, crm, kim = seen
    belongs = {each.name for each in crm.schema if each.customer} & {
        getattr(kinds, each).__kind__ for each in kinds.__all__
    }
    assert belongs == {"deal", "order", "order_line", "forecast_line"}
    for kind in belongs:
        assert crm.count(kind) == 3 * kim.count(kind) == 3 * len(list(kim.find(kind))) > 0
        assert sum(each.count for each in kim.totals(kind)) == kim.count(kind)
    found = {reader: len(reader.search("쿼젤", belongs, limit=99)) for reader in (kim, crm)}
    assert found[crm] == 3 * found[kim] > 0
    korean = next(kim.find("customer")).id
    shown = {each.id for each in kim.changes()}
    for kind in belongs:
        assert not shown & {each.id for each in crm.find(kind, where.customer_id != korean)}


def test_board_and_rotting_count_what_may_be_seen(seen):
    company, crm, kim = seen
    late = START + timedelta(days=99)
    for reader, times in ((kim, 1), (crm, 3)):
        columns = {c.stage.name: c for c in board(reader, stages_of(reader), [], late)}
        assert (columns["offer"].count, columns["offer"].sums) == (times, (krw(100 * times),))
        assert (columns["won"].count, len(columns["won"].deals)) == (times, times)
        assert len(columns["offer"].rots) == times
        assert len(page_of(reader, company.stages["offer"])) == times
        assert len(rotting(reader, [], late)) == times


def test_a_contact_that_may_not_be_seen_keeps_no_deal_fresh(seen):
    _, crm, kim = seen
    with crm.transaction() as tx:
        [british] = tx.find("customer", where.country == "GB")
        values = {"customer_id": british.id, "channel": "email", "direction": Direction.IN}
        tx.add(Interaction(happened_at=START, **values))
    late = START + timedelta(days=5)

    assert [len(rotting(each, [], late)) for each in (kim, crm)] == [1, 1]


def test_forecast_and_its_accuracy_are_of_what_may_be_seen(seen):
    _, crm, kim = seen
    for reader, times in ((kim, 1), (crm, 3)):
        [row] = forecast(reader, MARCH, APRIL, commit_from=50).rows
        assert (row.weighted, row.best, row.commit) == (50 * times, 100 * times, 100 * times)
        assert (row.won, row.won_deals) == (100 * times, times)
        [march] = accuracy(reader, MARCH, APRIL)
        assert (march.forecast, march.actual) == (krw(100 * times), krw(100 * times))


def test_histories_orders_and_totals_of_others_are_not_there(seen):
    _, crm, kim = seen
    hidden = next(crm.find(Deal, where["customer_id.country"] == "GB"))
    with pytest.raises(NotFound):
        stage_history(kim, hidden.id)
    assert len(totals_of(crm, crm.find(SalesOrder))) == 3
    assert len(totals_of(kim, crm.find(SalesOrder))) == 1


@hookimpl
def _amounts(actor, kind):
    masks = {"deal": ["amount"], "order_line": ["amount", "unit_price"]}
    return Restriction(masked=masks.get(kind, ())) if actor.id == "lee" else None


COY = ModuleType("coy")
COY.manifest = Manifest(name="coy")
COY.crm_restrict = _amounts


def test_who_may_not_see_amounts_sees_the_deals_but_no_figure_of_them(open_crm, clock):
    crm = open_crm(COY, own=["sales"])
    fill(crm, clock)
    lee = crm.acting("lee")
    columns = {each.stage.name: each for each in board(lee, stages_of(lee), [], START)}

    assert (columns["offer"].count, columns["offer"].sums) == (3, ())
    assert {each.amount for each in columns["offer"].deals} == {MASKED}
    for refused in (
        lambda: forecast(lee, MARCH, APRIL, commit_from=50),
        lambda: accuracy(lee, MARCH, APRIL),
    ):
        with pytest.raises(RestrictedError, match="amount"):
            refused()
    assert totals_of(lee, lee.find(SalesOrder)) == {}
    assert totals_of(lee, lee.find(SalesOrder), as_of=clock()) == {}
    sections = lee.profile(next(lee.find("customer")).id)
    assert [each.name for each in sections] == ["deals", "orders"]
    assert not any("failed" in str(row) for each in sections for row in each.rows)


def test_commands_say_nothing_of_others(crm, crm_cli, clock):
    fill(crm, clock)
    for arguments in (
        ["deal", "list"], ["deal", "board"], ["deal", "rotting"], ["deal", "next", "--missing"], ["order", "list"],
        ["forecast", "show", "--explain"], ["forecast", "accuracy", "--from", "2026-03", "--months", "1", "--explain"],
        ["deal", "board", "--stage", "offer"],
    ):  # fmt: skip
        shown = crm_cli(*arguments, "--actor", "kim", "--format", "json").stdout
        assert "GB" not in shown
        assert json.loads(shown) is not None
        british = [each.id for each in crm.find(Deal, where["customer_id.country"] == "GB")]
        assert not any(id in shown for id in british)
        told = crm_cli(*arguments, "--actor", "kim").output
        assert not any(id in told for id in british)
    told = crm_cli("deal", "next", "--missing", "--actor", "kim", "--lang", "en").stderr
    assert "0 of 1 open deals" in told
