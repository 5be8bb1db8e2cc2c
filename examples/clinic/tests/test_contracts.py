"""What is true of every plugin and of every kind is true of the clinic's."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType

import clinic
import pytest
from clinic.kinds import Visit

from crmkit import Config, Customer, load_config
from crmkit.testing import KindContract, PluginContract


class TestClinic(PluginContract):
    @pytest.fixture
    def plugin(self) -> ModuleType:
        return clinic

    @pytest.fixture
    def config(self) -> Config:
        return load_config(Path(__file__).parents[1] / "crm.toml")


class TestVisit(KindContract):
    @pytest.fixture
    def record(self, patient: Customer, at: Callable[..., datetime]) -> Visit:
        return Visit(
            customer_id=patient.id,
            at=at(9),
            doctor="김서연",
            branch="강남",
            note="예약 변경",
            reason="감기",
        )
