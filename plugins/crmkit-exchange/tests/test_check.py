"""The plugin keeps what plugins promise."""

from pathlib import Path

import crmkit_exchange
import pytest
from crmkit_exchange.kinds import ExternalId, ImportRun

from crmkit.testing import KindContract, PluginContract
from crmkit.testing.check import check_plugin


def test_crm_plugin_check_has_nothing_to_object_to():
    assert check_plugin(str(Path(__file__).parents[1])) == []


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin(self):
        return crmkit_exchange


class TestExternalId(KindContract):
    @pytest.fixture
    def record(self):
        return ExternalId(
            source="hubspot",
            kind="contact",
            external_id="501",
            record_kind="customer",
            record_id="x",
        )


class TestImportRun(KindContract):
    @pytest.fixture
    def record(self):
        return ImportRun(file="people.csv", digest="0" * 64)
