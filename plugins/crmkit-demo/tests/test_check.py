"""What every plugin keeps."""

from pathlib import Path
from types import ModuleType

import crmkit_demo
import pytest

from crmkit.testing import PluginContract
from crmkit.testing.check import check_plugin


class TestDemo(PluginContract):
    @pytest.fixture
    def plugin(self) -> ModuleType:
        return crmkit_demo


def test_crm_plugin_check_has_nothing_to_object_to() -> None:
    assert check_plugin(str(Path(__file__).parents[1])) == []
