"""The reports on how tickets are solved, of a real log: what the README of the data says, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import fmean

import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_analytical.report.asking import ask
from crmkit_analytical.statistics.quantiles import nearest_rank
from crmkit_analytical.statistics.survival import survival
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


@pytest.fixture(scope="module")
def unresolved(brought: CRM) -> set[str]:
    """The tickets of which the log never says when they were resolved; as closed ones they count as solved here."""
    from crmkit_exchange.kinds import ExternalId

    found = set()
    for each in list(brought.find(ExternalId, where["kind"] == "incident")):
        version = brought.history("external_id", each.id)[-1].version
        details = brought.at_version("external_id", each.id, version).details
        if details["resolved_at"] == "?":
            found.add(each.record_id)
    return found


def test_the_times_of_the_log_have_the_quantiles_that_are_known(brought: CRM, unresolved: set[str]):
    """What the README has of the log itself, by what the report counts with; its SLA no event of ours tells."""
    found = {each.id: each for each in brought.find(kinds.Ticket)}
    took = [(each.solved_at - each.opened_at) / HOUR for each in found.values()]
    is_done = [id not in unresolved for id in found]
    for place, (id, ticket) in enumerate(found.items()):
        if id in unresolved:
            last = brought.history("ticket", id)[-1].effective
            took[place] = (last - ticket.opened_at) / HOUR

    resolved = [hours for hours, done in zip(took, is_done, strict=True) if done]
    assert (len(found), len(resolved)) == (890, 861)
    assert nearest_rank(resolved, 0.5) == pytest.approx(54.47, abs=5e-3)
    assert fmean(resolved) == pytest.approx(315.87, abs=5e-3)
    left = [not each for each in is_done]
    assert survival(took, is_done, left).quantile(0.5) == pytest.approx(60.97, abs=5e-3)


def test_ten_were_reopened_and_all_are_closed(brought: CRM):
    found = {row["figure"]: row for row in ask(brought, "resolution-effectiveness").rows}

    assert {name: (row["count"], row["of"]) for name, row in found.items()} == {
        "solved": (890, 890),
        "reopened": (10, 890),
        "backlog": (0, 890),
    }


def test_by_its_events_half_of_the_log_is_solved_within_53_hours(brought: CRM):
    """The states were left as early as the log has them; when it was resolved it says later of some."""
    answer = ask(brought, "resolution-speed")
    found = told(answer)

    assert found == plainly(brought)
    median = found["resolution", "median"]
    assert (median["done"], median["open"], median["never"]) == (890, 0, 0)
    assert median["calendar"] / HOUR == pytest.approx(53.44, abs=5e-3)
    assert median["with_open"] / HOUR == pytest.approx(53.43, abs=5e-3)
    assert found["first_response", "median"]["never"] == 890
    assert answer.explained.excluded == ()
