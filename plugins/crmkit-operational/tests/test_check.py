"""The plugins keep what plugins promise."""

from pathlib import Path

import pytest
from crmkit_operational import automation, sales, service

from crmkit.testing import PluginContract
from crmkit.testing.check import check_plugin


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
