"""The reports on how tickets are solved, of a real log: what the README of the data says, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import fmean

import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_analytical.report.asking import ask
from lives import kinds
from test_reports_resolution import plainly, told

from crmkit import CRM, Actor, Config, where

FILE = "04_tickets/uci_incident_first5998.csv"
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CRM]:
    """The whole log, imported once."""
    from crmkit_exchange.importing.files import made_ready
    from crmkit_exchange.importing.invalid import InvalidFile
    from crmkit_exchange.importing.options import ImportOptions
    from crmkit_exchange.importing.running import run_import

    pytest.importorskip("crmkit_sqlite", reason="the plugin for SQLite is not installed")
    path = Path(__file__).parents[4] / "shared" / "data" / FILE
    if not path.exists():
        pytest.skip("../shared/data is not there")
    folder = tmp_path_factory.mktemp("log")
    plugins = ["sqlite", "exchange", "service", "analytical"]
    url, kim = f"sqlite:///{folder}/crm.db?synchronous=normal", Actor("user", "kim")
    with CRM.open(url, plugins=plugins, config=Config(path=folder / "crm.toml")) as crm:
        options = ImportOptions()
        with (
            made_ready(crm, crm.acting(kim), [path], options, lambda _: None) as [table],
            InvalidFile(folder / "invalid.csv") as invalid,
        ):
            run_import(crm, kim, table, options.said(), invalid, lambda _, __: None)
        yield crm


def test_the_speed_is_what_the_readme_of_the_log_gives(brought: CRM):
    answer = ask(brought, "resolution-speed")
    found = told(answer)

    assert found == plainly(brought)
    median = found["resolution", "median"]
    assert (median["done"], median["open"], median["never"]) == (861, 0, 29)
    assert median["calendar"] / HOUR == pytest.approx(54.47, abs=5e-3)
    assert median["with_open"] / HOUR == pytest.approx(60.97, abs=5e-3)
    assert found["first_response", "median"]["never"] == 890
    assert answer.explained.excluded == ()
    took = [
        each.solved_at - each.opened_at
        for each in brought.find(kinds.Ticket, where.solved_at.present())
    ]
    assert fmean(each / HOUR for each in took) == pytest.approx(315.87, abs=5e-3)


def test_the_effectiveness_is_what_the_readme_of_the_log_gives(brought: CRM):
    found = {row["figure"]: row for row in ask(brought, "resolution-effectiveness").rows}

    assert {name: (row["count"], row["of"]) for name, row in found.items()} == {
        "solved": (861, 890),
        "reopened": (10, 861),
        "backlog": (0, 890),
    }
