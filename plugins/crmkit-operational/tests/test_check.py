"""The plugins keep what plugins promise."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from crmkit_operational import automation, sales, service

from crmkit.testing import KindContract, PluginContract
from crmkit.testing.check import check_plugin

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_crm_plugin_check_has_nothing_to_object_to():
    assert check_plugin(str(Path(__file__).parents[1])) == []


class TestSales(PluginContract):
    @pytest.fixture
    def plugin(self):
        return sales


class TestService(PluginContract):
    @pytest.fixture
    def plugin(self):
        return service


class TestAutomation(PluginContract):
    @pytest.fixture
    def plugin(self):
        return automation


@pytest.mark.parametrize("alone", [sales, service, automation])
def test_each_works_without_the_others(open_crm, alone):
    crm = open_crm(own=[alone.manifest.name])
    with crm.transaction() as tx:
        for kind in alone.crm_kinds():
            assert tx.count(kind) == 0


class TestTicket(KindContract):
    @pytest.fixture
    def record(self):
        return service.kinds.Ticket(subject="환불", opened_at=NOW, state_since=NOW, queued_at=NOW)


class TestPolicy(KindContract):
    @pytest.fixture
    def record(self):
        return service.kinds.Policy(name="보통", position=1, first_response=60)


class TestAgent(KindContract):
    @pytest.fixture
    def record(self):
        return service.kinds.Agent(actor="minji", name="서민지", capacities={"chat": 3})
