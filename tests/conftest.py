"""Apps for the tests of the core: each runs in memory and, where they are installed, on SQLite and PostgreSQL."""

import importlib.util
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

from crmkit import CRM, Config
from crmkit.testing.fixtures import FakeClock
from tests.processes import Process

# The programs that tests start find crmkit compiled: where that is forbidden each takes twice as long to begin.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.pycache_prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
# So are the tests themselves, which pytest rewrites: that takes a third of a minute.
sys.dont_write_bytecode = False

# What is tested is what comes out, not how long a busy machine takes for it.
settings.register_profile("crmkit", deadline=None)
settings.load_profile("crmkit")

Open = Callable[..., CRM]

PLUGINS = {"memory": [], "sqlite": ["sqlite"], "postgresql": ["sql"]}
"""The plugin that brings the storage of a URL, by its scheme."""

BACKENDS = [
    scheme
    for scheme, plugins in PLUGINS.items()
    if all(importlib.util.find_spec(f"crmkit_{each}") for each in plugins)
]
SCHEMAS = itertools.count()


@pytest.fixture(autouse=True)
def no_process_outlives_its_test() -> Iterator[None]:
    yield
    Process.end_all()


@pytest.fixture(scope="session")
def server_database(postgres_server: str) -> Iterator[str]:
    """A database for all tests of the session; each takes a schema of its own, which is made sooner."""
    from crmkit_sql.testing.cluster import create_database, drop_database

    url = create_database(postgres_server)
    yield url
    drop_database(postgres_server, url)


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/crm.db"
    return f"{request.getfixturevalue('server_database')}?schema=app{next(SCHEMAS)}"


@pytest.fixture
def open_crm(url: str, clock: FakeClock) -> Iterator[Open]:
    """Opens an app with plugins given as modules; the one of the database comes along."""
    opened: list[CRM] = []

    def open(*plugins: Any, **settings: Any) -> CRM:
        needed: list[Any] = PLUGINS[url.partition("://")[0]]
        settings.setdefault("config", Config())
        settings.setdefault("clock", clock)
        opened.append(CRM.open(url, plugins=[*needed, *plugins], **settings))
        return opened[-1]

    yield open
    for crm in opened:
        crm.close()


@pytest.fixture
def app(open_crm: Open) -> CRM:
    return open_crm()


@pytest.fixture
def plugin() -> Callable[..., ModuleType]:
    """Makes a plugin of functions that implement hooks: `plugin("rules", crm_validate=...)`."""
    from crmkit import Manifest, hookimpl

    def make(name: str, **hooks: Any) -> ModuleType:
        module = ModuleType(name)
        module.manifest = Manifest(name=name)  # type: ignore[attr-defined]
        for hook, function in hooks.items():
            setattr(module, hook, hookimpl(function))
        return module

    return make


SHARED = [
    name
    for name, module in (("sqlite", "crmkit_sqlite"), ("postgresql", "crmkit_sql"))
    if importlib.util.find_spec(module)
]
"""The databases that several processes can have open."""


@pytest.fixture(params=SHARED)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database for several processes; skips where there is no server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shared.db"
    url: str = request.getfixturevalue("postgres_url")
    return url
