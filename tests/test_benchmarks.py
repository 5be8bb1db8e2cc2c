"""The benchmarks run and name their rows; what can be counted is counted here. No time is asserted anywhere."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crmkit import CRM, Config, Customer, Interaction, Manifest, Restriction, hookimpl, where
from crmkit.values import now

ROOT = Path(__file__).parents[1]
COLUMNS = ["name", "backend", "size", "crmkit", "raw", "ratio", "budget"]
NAMES = {
    *("get", "page", "timeline", "search", "search_hits", "search_index"),
    *("create", "update", "bulk", "bulk_search", "import", "version", "show"),
}

pytest.importorskip("crmkit_sqlite")


def measured(folder: Path, *arguments: str) -> list[dict[str, object]]:
    file = folder / "rows.json"
    small = ["--customers", "120", "--interactions", "1200", "--effort", "0.01"]
    command = [sys.executable, "-m", "tests.benchmarks", *small, "--json", str(file), *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    rows: list[dict[str, object]] = json.loads(file.read_text("utf-8"))
    return rows


def test_every_row_comes_out_with_its_name_and_columns(tmp_path: Path) -> None:
    rows = measured(tmp_path)

    assert {row["name"] for row in rows} == NAMES
    assert all(list(row) == COLUMNS for row in rows)


def test_a_large_company_is_measured_against_its_own_small_figures(tmp_path: Path) -> None:
    sizes = ["--large-customers", "240", "--large-interactions", "2400"]

    small, large = measured(tmp_path, "--large", "--only", "get", *sizes)

    assert (small["size"], large["size"]) == (120, 240)
    assert large["raw"] == small["crmkit"]


def test_an_unknown_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measured(tmp_path, "--only", "speed")


# What is counted -----------------------------------------------------------------------------------------------


class branch:
    """A plugin that shows the customers of Korea only."""

    manifest = Manifest(name="branch")

    @hookimpl
    @staticmethod
    def crm_restrict(kind: str) -> Restriction | None:
        return Restriction((where.country == "KR",)) if kind == "customer" else None


@pytest.fixture
def app(tmp_path: Path) -> Iterator[CRM]:
    with CRM.open(
        f"sqlite:///{tmp_path}/crm.db", plugins=["sqlite", branch], config=Config()
    ) as crm:
        yield crm


@contextmanager
def statements(app: CRM) -> Iterator[list[str]]:
    """What runs in SQLite within the block; what search tables do inside of it left out."""
    connection: sqlite3.Connection = app.storage._connections.get()  # type: ignore[attr-defined]
    seen: list[str] = []
    connection.set_trace_callback(lambda sql: None if sql.startswith("--") else seen.append(sql))
    try:
        yield seen
    finally:
        connection.set_trace_callback(None)


def plan(app: CRM, sql: str) -> str:
    connection: sqlite3.Connection = app.storage._connections.get()  # type: ignore[attr-defined]
    return " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}"))


def add_customer(app: CRM) -> Customer:
    with app.transaction() as tx:
        return tx.add(Customer(name="한빛전자", owner="kim", country="KR"))


def test_a_restricted_get_is_one_statement_by_id(app: CRM) -> None:
    customer, kim = add_customer(app), app.acting("kim")
    kim.get(Customer, customer.id)

    with statements(app) as seen:
        kim.get(Customer, customer.id)

    assert len(seen) == 1
    assert "(id=?)" in plan(app, seen[0])


def test_a_page_is_one_statement_by_its_index(app: CRM) -> None:
    add_customer(app)

    with statements(app) as seen:
        app.acting("kim").page(Customer, where.owner == "kim", order="name")

    assert len(seen) == 1
    assert "owner=?" in plan(app, seen[0])
    assert "TEMP B-TREE" not in plan(app, seen[0])


def test_a_timeline_is_one_statement_for_each_kind_by_its_index(app: CRM) -> None:
    customer = add_customer(app)

    with statements(app) as seen:
        app.timeline(customer.id)

    assert len(seen) == 1
    assert "customer_id=?" in plan(app, seen[0])
    assert "TEMP B-TREE" not in plan(app, seen[0])


def test_a_batch_needs_no_more_statements_than_its_records_have_rows(app: CRM) -> None:
    customer = add_customer(app)
    batch = [
        Interaction(
            customer_id=customer.id, channel="email", happened_at=now(), subject=f"견적 {n}"
        )
        for n in range(100)
    ]

    with statements(app) as seen, app.transaction() as tx:
        tx.add_all(batch)

    rows = [sql for sql in seen if sql.startswith("INSERT")]
    assert len(rows) == 3 * len(batch)  # the record, its tokens, its change
    assert len(seen) - len(rows) <= 6


def test_following_the_journal_goes_by_position(app: CRM) -> None:
    add_customer(app)

    with statements(app) as seen:
        app.changes(1, [Customer], limit=10)

    assert "position>?" in plan(app, seen[0]) or "rowid>?" in plan(app, seen[0])


def test_the_version_imports_neither_plugins_nor_the_metadata_of_packages() -> None:
    code = (
        "import sys\nfrom crmkit.cli import main\n"
        "sys.argv = ['crm', '--version']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(*sorted(sys.modules))"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )

    imported = set(done.stdout.split())
    assert "click" in imported
    assert not imported & {"importlib.metadata", "pluggy", "sqlite3", "attrs", "crmkit.records"}
