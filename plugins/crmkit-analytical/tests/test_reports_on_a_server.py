"""The expressions of the reports are of no one engine: PostgreSQL answers as DuckDB does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from crmkit_analytical.engine.engine import engine
from crmkit_analytical.engine.tables import KEY
from crmkit_analytical.report import asking
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.registry import named, sources_of
from crmkit_analytical.terminal.answering import document

from crmkit import CRM
from crmkit.testing.fixtures import FakeClock
from crmkit.testing.restricting import SHY

pytest.importorskip("pandas", reason="Ibis reaches PostgreSQL with pandas, which is not installed")
pytest.importorskip("crmkit_sql", reason="crmkit-sql is not installed")
companies = pytest.importorskip("test_reports_contract")

REPORTS = {
    each.name: each
    for each in vars(companies).values()
    if isinstance(each, type) and issubclass(each, companies.Own) and hasattr(each, "name")
}


@pytest.fixture
def server(postgres_url: str) -> Iterator[Any]:
    """The connection of Ibis to a database of a server."""
    import ibis

    found = ibis.connect(postgres_url)
    yield found
    found.disconnect()


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_asks_a_server_as_it_asks_the_engine(name: str, server: Any) -> None:
    case, clock = REPORTS[name](), FakeClock()
    plugins = [*case.plugins, SHY]
    with CRM.open("memory://", plugins=plugins, config=case.config, clock=clock) as crm:
        case.fill(crm)
        with engine(crm, sources_of(crm, named(crm, name))) as con:
            copy(con, server)
        here, there = answers(crm, name, case), answers_of(server, crm, name, case)
    assert there == here
    assert here[0]["rows"]


def copy(con: Any, server: Any) -> None:
    """Every table of the engine, without the key that only finds rows there."""
    for name in con.list_tables():
        rows = con.table(name)
        kept = rows.drop(KEY) if KEY in rows.columns else rows
        server.create_table(name, kept.to_pyarrow())


def answers(crm: CRM, name: str, case: Any) -> list[dict[str, Any]]:
    """What whoever sees all is told, and who does not."""
    readers = (crm, crm.acting("kim"))
    found = (ask(crm, name, reader=each, **case.parameters) for each in readers)
    return [document(named(crm, name), each) for each in found]


def answers_of(server: Any, crm: CRM, name: str, case: Any) -> list[dict[str, Any]]:
    """The same, where the tables are on a server."""

    @contextmanager
    def elsewhere(*_: Any, **__: Any) -> Iterator[Any]:
        yield server

    with mock.patch.object(asking, "engine", elsewhere):
        return answers(crm, name, case)
