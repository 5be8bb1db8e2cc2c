"""The plugin keeps what plugins promise."""

from pathlib import Path

import crmkit_analytical
import pytest

from crmkit.testing import PluginContract
from crmkit.testing.check import check_plugin


def test_crm_plugin_check_has_nothing_to_object_to():
    assert check_plugin(str(Path(__file__).parents[1])) == []


class TestAnalytical(PluginContract):
    @pytest.fixture
    def plugin(self):
        return crmkit_analytical
