"""Apps with the plugin, in memory and on each database whose plugin is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from crmkit import CRM, Config
from crmkit.testing.fixtures import FakeClock

settings.register_profile("collaborative", deadline=None)
settings.load_profile("collaborative")

DATA = Path(__file__).parents[4] / "shared" / "data"
PLUGINS = {"memory": [], "sqlite": ["sqlite"], "postgres": ["sql"]}
PLACES = [
    place
    for place, needed in PLUGINS.items()
    if all(importlib.util.find_spec(f"crmkit_{each}") for each in needed)
]


@pytest.fixture
def crm_plugins() -> list[str]:
    return ["collaborative"]


@pytest.fixture
def data() -> Path:
    """The real data."""
    if not DATA.is_dir():
        pytest.skip("../shared/data is not there")
    return DATA


@pytest.fixture(params=PLACES)
def open_crm(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> Iterator[Callable[..., CRM]]:
    """Opens the app in memory, on SQLite and on PostgreSQL, with more plugins if one likes."""
    opened: list[CRM] = []
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/crm.db"}.get(request.param)
    # Asked for here, so that its database is dropped when nobody is connected any more.
    prepared = None if url else request.getfixturevalue("postgres_with")

    def open(*plugins: object, config: Config | None = None) -> CRM:
        wanted = [*PLUGINS[request.param], "collaborative", *plugins]
        place = url or prepared(*(each for each in wanted if isinstance(each, str)))
        opened.append(CRM.open(place, plugins=wanted, config=config or Config(), clock=clock))
        return opened[-1]

    yield open
    for each in opened:
        each.close()
