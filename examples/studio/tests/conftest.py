"""The studio as its crm.toml has it, in memory; its commands speak English."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmkit import CRM, load_config
from crmkit.testing.fixtures import FakeClock

HERE = Path(__file__).parents[1]
# `plugins = ["./studio"]` finds the package beside crm.toml, where it is not installed.
sys.path.append(str(HERE))


@pytest.fixture
def crm(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[CRM]:
    """What `crm_cli` works on."""
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.delenv("CRMKIT_ACTOR", raising=False)
    config = load_config(HERE / "crm.toml")
    with CRM.open("memory://", plugins=config.plugins, config=config, clock=clock) as crm:
        yield crm
