"""The plugin keeps what plugins promise."""

from pathlib import Path

import crmkit_sql
import pytest

from crmkit.testing import PluginContract
from crmkit.testing.check import check_plugin


def test_crm_plugin_check_has_nothing_to_object_to_but_that_it_needs_a_server():
    found = check_plugin(str(Path(__file__).parents[1]))
    assert {(each.severity, each.fix) for each in found} == {
        ("warning", "run StorageContract in its tests, where there is a server")
    }


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin(self):
        return crmkit_sql
