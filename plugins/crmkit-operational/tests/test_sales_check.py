"""Each kind of sales does what every kind must do."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from crmkit_operational.sales import kinds
from crmkit_operational.sales.orders import Item, place
from sales_company import customer, krw, make_company

from crmkit.testing import KindContract

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Sales(KindContract):
    @pytest.fixture
    def crm_plugins(self):
        return ["sales"]

    @pytest.fixture
    def company(self, crm):
        return make_company(crm)

    @pytest.fixture
    def buyer(self, crm):
        with crm.transaction() as tx:
            return customer(tx)


class TestPipeline(Sales):
    @pytest.fixture
    def record(self):
        return kinds.Pipeline(name="신규")


class TestStage(Sales):
    @pytest.fixture
    def record(self, company):
        return kinds.Stage(pipeline_id=company.pipeline.id, name="협상", position=9, probability=70)


class TestLostReason(Sales):
    @pytest.fixture
    def record(self):
        return kinds.LostReason(name="가격", wants_note=True)


class TestDeal(Sales):
    @pytest.fixture
    def record(self, company, buyer):
        return company.deal(customer_id=buyer.id, amount=krw(5), next_step="견적 보내기")


class TestOrder(Sales):
    @pytest.fixture
    def record(self, buyer):
        return kinds.SalesOrder(customer_id=buyer.id, number="2026-1", placed_at=NOW)


class TestOrderLine(Sales):
    @pytest.fixture
    def record(self, crm, buyer):
        with crm.transaction() as tx:
            order = place(tx, [Item("용지", Decimal(1), krw(5))], NOW, customer=buyer)
        return kinds.OrderLine(order_id=order.id, product="토너", unit_price=krw(7))


class TestForecastLine(Sales):
    @pytest.fixture
    def record(self, crm, company):
        with crm.transaction() as tx:
            deal = tx.add(company.deal())
        values = {"deal_id": deal.id, "pipeline_id": company.pipeline.id, "probability": 10}
        return kinds.ForecastLine(taken_at=NOW, amount=krw(5), **values)
