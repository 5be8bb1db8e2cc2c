"""An app with the plugin, in memory and on SQLite, and short words for importing files into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from crmkit_exchange.importing.files import RefusedFile, made_ready
from crmkit_exchange.importing.invalid import InvalidFile
from crmkit_exchange.importing.laying import Table
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.order import in_order
from crmkit_exchange.importing.outcome import Counts, Outcome
from crmkit_exchange.importing.planning import Plan, applied, planned
from crmkit_exchange.importing.running import run_import
from crmkit_exchange.kinds import ImportRun

from crmkit import CRM, Actor, Config
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
            for table in in_order(tables):
                found: list[Outcome] = []
                path = self.folder / f"{table.name}.invalid.csv"
                with InvalidFile(path) as invalid:
                    told = lambda _, some, found=found: found.extend(some)  # noqa: E731
                    run, counts = run_import(self.crm, KIM, table, options.said(), invalid, told)
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
