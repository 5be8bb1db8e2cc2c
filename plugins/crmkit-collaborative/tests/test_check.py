"""The plugin keeps what plugins promise."""

from datetime import UTC, datetime
from pathlib import Path

import crmkit_collaborative
import pytest
from crmkit_collaborative import kinds

from crmkit.testing import KindContract, PluginContract
from crmkit.testing.check import check_plugin

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_crm_plugin_check_has_nothing_to_object_to():
    assert check_plugin(str(Path(__file__).parents[1])) == []


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin(self):
        return crmkit_collaborative


class TestMember(KindContract):
    @pytest.fixture
    def record(self):
        return kinds.Member(
            actor="kim@acme.example", name="김서연", working_hours={"mon": ["09:00-18:00"]}
        )


class TestDepartment(KindContract):
    @pytest.fixture
    def record(self):
        return kinds.Department(name="지원")


class TestBranch(KindContract):
    @pytest.fixture
    def record(self):
        return kinds.Branch(name="부산", timezone="Asia/Seoul")


class TestTeam(KindContract):
    @pytest.fixture
    def record(self):
        return kinds.Team(name="1차 상담")


class TestMerge(KindContract):
    @pytest.fixture
    def record(self):
        return kinds.Merge(keep_id="a", lose_id="b", plan={"moved": []})
