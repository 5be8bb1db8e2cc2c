"""What is true of every plugin and every kind is true of the studio's, and its words are whole."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType

import pytest
import studio
from studio.kinds import Project, State

from crmkit import CRM, Config, InvalidRecords, load_config
from crmkit.testing import KindContract, PluginContract
from crmkit.testing.catalogs import check_catalogs

HERE = Path(__file__).parents[1]
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)


class TestStudio(PluginContract):
    @pytest.fixture
    def plugin(self) -> ModuleType:
        return studio

    @pytest.fixture
    def others(self) -> list[str]:
        """All of crm.toml, whose tables are theirs."""
        return [name for name in load_config(HERE / "crm.toml").plugins or () if "/" not in name]

    @pytest.fixture
    def config(self) -> Config:
        return load_config(HERE / "crm.toml")


class TestProject(KindContract):
    @pytest.fixture
    def record(self) -> Project:
        return Project(title="하버 하우스 브랜드", begun_at=NOW, lead="jiwoo")


def test_nothing_is_delivered_that_nobody_approved(crm: CRM) -> None:
    done = Project(title="간판", begun_at=NOW, state=State.DELIVERED)
    with pytest.raises(InvalidRecords, match="approved_on"), crm.transaction() as tx:
        tx.add(done)
    with crm.transaction() as tx:
        assert tx.add(done.evolve(approved_on=date(2026, 3, 9))).version == 1


def test_every_word_is_translated() -> None:
    pytest.importorskip("babel", reason="babel is not installed")
    check_catalogs(Path(studio.__file__).parent, "studio", "ko")
