"""The clinic as its crm.toml has it, on a Monday morning, in memory and on SQLite."""

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from crmkit import CRM, Customer, Handle, load_config
from crmkit.testing.fixtures import FakeClock

HERE = Path(__file__).parents[1]
# `plugins = ["./clinic"]` finds the package beside crm.toml, where it is not installed.
sys.path.append(str(HERE))

KST = timezone(timedelta(hours=9))
MONDAY = datetime(2026, 3, 2, 8, 30, tzinfo=KST)

Open = Callable[..., CRM]


@pytest.fixture(params=["memory", "sqlite"])
def open_clinic(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Open]:
    """Opens the clinic's database, with further plugins given as modules."""
    clock.set(MONDAY)
    opened: list[CRM] = []
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/clinic.db"

    def open(*plugins: Any) -> CRM:
        config = load_config(HERE / "crm.toml")
        chosen = [*(config.plugins or ()), *plugins]
        opened.append(CRM.open(url, plugins=chosen, config=config, clock=clock))
        return opened[-1]

    yield open
    for crm in opened:
        crm.close()


@pytest.fixture
def crm(open_clinic: Open) -> CRM:
    return open_clinic()


@pytest.fixture
def doctor(crm: CRM) -> Handle:
    return crm.acting("김서연")


@pytest.fixture
def desk(crm: CRM) -> Handle:
    """The reception of the branch 강남."""
    return crm.acting("민지@강남")


@pytest.fixture
def other_desk(crm: CRM) -> Handle:
    """The reception of the branch 판교."""
    return crm.acting("도현@판교")


@pytest.fixture
def patient(desk: Handle) -> Customer:
    with desk.transaction() as tx:
        return tx.add(Customer(name="김하늘"))


@pytest.fixture
def at() -> Callable[..., datetime]:
    """A time of that Monday: `at(9, 20)`."""
    return lambda hour, minute=0, day=0: MONDAY.replace(hour=hour, minute=minute) + timedelta(day)
