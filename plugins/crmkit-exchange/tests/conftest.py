"""An app with the plugin, in memory and on SQLite, and short words for importing files into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import pytest
from crmkit_exchange.copying.databases import kept_schema
from crmkit_exchange.importing.files import RefusedFile, made_ready
from crmkit_exchange.importing.invalid import InvalidFile
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.order import in_order
from crmkit_exchange.importing.outcome import Counts, Outcome
from crmkit_exchange.importing.planning import Plan, applied, planned
from crmkit_exchange.importing.running import Brought, run_import
from crmkit_exchange.kinds import ImportRun

from crmkit import CRM, Actor, Config, Storage
from crmkit.crm import chosen, open_storage
from crmkit.opening import CATALOGUE
from crmkit.plugins import Plugins
from crmkit.testing.fixtures import FakeClock

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
KIM = Actor("kim@acme.example")


@pytest.fixture
def data() -> Path:
    """The folder with real files; it is beside the project, not in it."""
    if not DATA.is_dir():
        pytest.skip("../shared/data is not there")
    return DATA


@pytest.fixture(params=["memory", "sqlite"])
def crm(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[CRM]:
    """The app in memory, and on SQLite."""
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/crm.db"
    with CRM.open(url, plugins=["sqlite", "exchange"], config=Config(), clock=clock) as crm:
        yield crm


@attrs.frozen
class Done:
    """What one import did."""

    run: ImportRun
    counts: Counts
    outcomes: list[Outcome]
    invalid: Path | None

    @property
    def sums(self) -> tuple[int, int, int, int, int]:
        """Read, created, updated, skipped, invalid."""
        found = self.counts
        return (found.read, found.created, found.updated, found.skipped, found.invalid)

    @property
    def actions(self) -> list[str]:
        """What became of each row."""
        return [each.action for each in self.outcomes]


@attrs.frozen
class Importer:
    """Imports files into an app as kim."""

    crm: CRM
    folder: Path

    def write(self, name: str, content: str | bytes) -> Path:
        """A file with this in it."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def __call__(self, *paths: Path, **said: Any) -> list[Done]:
        """Import files, with what is said of them."""
        options = ImportOptions(**said)
        handle = self.crm.acting(KIM)
        done = []
        with made_ready(self.crm, handle, paths, options, lambda _: None) as ready:
            for each in ready:
                if isinstance(each, RefusedFile):
                    raise each.error
            tables = [each for each in ready if isinstance(each, Table)]
            brought: Brought = {}
            for table in in_order(tables):
                found: list[Outcome] = []
                path = self.folder / f"{table.name}.invalid.csv"
                with InvalidFile(path) as invalid:
                    told = lambda _, some, found=found: found.extend(some)  # noqa: E731
                    run, counts = run_import(
                        self.crm, KIM, table, options.said(), invalid, told, brought
                    )
                    done.append(Done(run, counts, found, invalid.written))
        return done

    def text(self, content: str | bytes, name: str = "people.csv", **said: Any) -> Done:
        """Import one file with this in it."""
        return self(self.write(name, content), **said)[0]

    def plan(self, *paths: Path, **said: Any) -> tuple[Plan, list[Outcome]]:
        """What importing files would do."""
        options, handle = ImportOptions(**said), self.crm.acting(KIM)
        found: list[Outcome] = []
        with made_ready(self.crm, handle, paths, options, lambda _: None) as ready:
            tables = in_order([each for each in ready if isinstance(each, Table)])
            plan = planned(handle, tables, options.said(), lambda _, some: found.extend(some))
        return plan, found

    def apply(self, token: str, *paths: Path, **said: Any) -> list[tuple[ImportRun, Counts]]:
        """Import files if that does what the plan said."""
        options, handle = ImportOptions(**said), self.crm.acting(KIM)
        with made_ready(self.crm, handle, paths, options, lambda _: None) as ready:
            tables = in_order([each for each in ready if isinstance(each, Table)])
            return applied(self.crm, KIM, tables, options.said(), token, lambda _, some: None)


@pytest.fixture(scope="session")
def importer() -> type[Importer]:
    """Makes an importer for an app and a folder."""
    return Importer


@pytest.fixture
def bring(crm: CRM, tmp_path: Path) -> Importer:
    """Imports files."""
    return Importer(crm, tmp_path)


@pytest.fixture
def snapshot(crm: CRM) -> Callable[[], dict[str, Any]]:
    """Everything in the database but what imports leave of themselves: kind and id -> values without times."""

    def take() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind in crm.schema:
            if kind.name != ImportRun.__kind__:
                for record in crm.find(kind.name):
                    values = {name: record[name] for name in kind.fields}
                    found[f"{kind.name} {record.id}"] = values
        return found

    return take


# Databases to copy ------------------------------------------------------------------------------------------------

PLACES = ["memory", "sqlite", *(["postgres"] if find_spec("crmkit_sql.storage") else [])]
DIRECTIONS = [(start, end) for start in PLACES for end in PLACES]


class Database:
    """A database somewhere, which is opened as an app, or as a storage, as often as one likes."""

    def __init__(self, url: str, clock: FakeClock, closing: list[Any]) -> None:
        self.url = url
        self._clock = clock
        self._closing = closing
        self._only: Storage | None = None

    def _loaded(self, plugins: tuple[Any, ...]) -> Plugins:
        names = ["sqlite", "exchange", *(["sql"] if self.url.startswith("postgres") else [])]
        return Plugins.load(chosen(Config(), [*names, *plugins]), {})

    def storage(self, *plugins: Any) -> Storage:
        """The storage, nothing prepared; in memory there is but one."""
        found = self._only or open_storage(self.url, Config(), self._loaded(plugins))
        if self.url == "memory://":
            self._only = found
        self._closing.append(found)
        return found

    def app(self, *plugins: Any) -> CRM:
        """An app on it, with these plugins."""
        found = CRM(self.storage(*plugins), self._loaded(plugins), Config(), self._clock)
        found.start()
        return found

    def reading(self, *plugins: Any) -> Storage:
        """The storage with the kinds that it keeps, as a copy reads it."""
        found = self.storage(*plugins)
        found.prepare(kept_schema(found.state(CATALOGUE), self._loaded(plugins)))
        return found


@pytest.fixture
def database(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> Iterator[Callable[[str], Database]]:
    """Makes an empty database in some place; all are closed at the end."""
    numbers, closing = count(), list[Any]()

    def make(place: str = "sqlite") -> Database:
        if place == "postgres":
            url = str(request.getfixturevalue("new_postgres")())
        elif place == "sqlite":
            url = f"sqlite:///{tmp_path}/{next(numbers)}.db?synchronous=normal"
        else:
            url = "memory://"
        return Database(url, clock, closing)

    yield make
    for each in closing:
        each.close()


@pytest.fixture(params=DIRECTIONS, ids="-".join)
def both(
    request: pytest.FixtureRequest, database: Callable[[str], Database]
) -> tuple[Database, Database]:
    """Two empty databases, wherever they may be."""
    start, end = request.param
    return database(start), database(end)
