"""What every plugin keeps, and the catalog of its words."""

import crmkit_demo
import pytest

from crmkit.testing import PluginContract


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin(self):
        return crmkit_demo
