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

from crmkit import (
    CRM,
    Config,
    Customer,
    Identity,
    Interaction,
    Manifest,
    Restriction,
    hookimpl,
    where,
)
from crmkit.values import now

ROOT = Path(__file__).parents[1]
COLUMNS = ["name", "backend", "size", "crmkit", "raw", "ratio", "budget"]
BOTH = {
    *("get", "page", "timeline", "search", "search_hits", "search_index"),
    *("create", "update", "bulk", "bulk_search", "load"),
    *("queue", "board_page", "board", "board_tickets"),
    *("claim", "deal_create", "deal_move", "ticket_create"),
}
ENGINE = {"engine_fill", "engine_refresh", "report_lost_reasons"}
REPORTS = {
    *("report_adoption", "report_channel_use", "report_lifetime_value", "report_pipeline"),
    *("report_resolution_effectiveness", "report_resolution_speed"),
}
NAMES = {*BOTH, *ENGINE, "import", "version", "show"}

UNASKED = {"search_hits", "search_index"}
"""Rows that come along with `search`."""

pytest.importorskip("crmkit_sqlite")
pytest.importorskip("crmkit_operational")
pytest.importorskip("crmkit_analytical")


def measured(folder: Path, *arguments: str) -> list[dict[str, object]]:
    file = folder / "rows.json"
    small = ["--customers", "120", "--interactions", "1200", "--tickets", "120"]
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks",
        *small,
        "--effort",
        "0.01",
        "--json",
        str(file),
        *arguments,
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    rows: list[dict[str, object]] = json.loads(file.read_text("utf-8"))
    return rows


def test_every_row_comes_out_with_its_name_and_columns(tmp_path: Path) -> None:
    rows = measured(tmp_path, "--backend", "sqlite", "--only", ",".join(NAMES - UNASKED))

    assert {row["name"] for row in rows} == NAMES
    assert all(list(row) == COLUMNS for row in rows)


@pytest.mark.long
def test_every_report_counts_what_is_counted_by_hand(tmp_path: Path) -> None:
    rows = measured(tmp_path, "--backend", "sqlite", "--only", ",".join(REPORTS))

    assert {row["name"] for row in rows} == REPORTS


def test_on_a_server_every_row_comes_out_that_is_not_about_files_or_processes(
    tmp_path: Path, postgres_server: str
) -> None:
    rows = measured(tmp_path, "--backend", "postgres", "--postgres", postgres_server)

    assert {row["name"] for row in rows} == BOTH
    assert {row["backend"] for row in rows} <= {"postgres", "postgres not durable"}


def test_without_a_server_its_rows_are_left_out_and_it_is_said_why(tmp_path: Path) -> None:
    nobody = "postgresql://127.0.0.1:1/nobody"
    arguments = ["--backend", "postgres", "--only", "get", "--postgres", nobody]
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]

    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)

    assert "no rows for PostgreSQL: " in done.stderr


def test_a_large_company_is_measured_against_its_own_small_figures(tmp_path: Path) -> None:
    sizes = ["--large-customers", "240", "--large-interactions", "2400"]

    small, large = measured(tmp_path, "--backend", "sqlite", "--large", "--only", "get", *sizes)

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
    # Nor is it a question to the database how long the driver waits.
    apart = ("--", "PRAGMA busy_timeout")
    connection.set_trace_callback(lambda sql: None if sql.startswith(apart) else seen.append(sql))
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


# PostgreSQL ----------------------------------------------------------------------------------------------------

ROWS = 100_000
FILLING = (
    "INSERT INTO customer (id, version, created_at, updated_at, name, owner, country, tags, crm_tokens__name) "
    f"SELECT 'c' || n, 1, now(), now(), 'name' || n % 9973, 'owner' || n % 100, 'KR', '[]', "
    f"to_tsvector('simple', 'name' || n % 9973) FROM generate_series(1, {ROWS}) AS n",
    "INSERT INTO identity (id, version, created_at, updated_at, customer_id, channel, value, normalised) "
    "SELECT 'i' || n, 1, now(), now(), 'c' || n, 'email', n || '@acme.example', n || '@acme.example' "
    f"FROM generate_series(1, {ROWS}) AS n",
    "INSERT INTO interaction (id, version, created_at, updated_at, customer_id, channel, direction, happened_at, "
    "subject, body, crm_tokens__body) SELECT 'm' || n, 1, now(), now(), 'c' || 1 + n % 500, 'email', 'in', "
    "timestamptz '2026-01-01' + n * interval '1 minute', '', 'word' || n % 1000, "
    f"to_tsvector('simple', 'word' || n % 1000 || CASE WHEN n % 10000 = 0 THEN ' 견적' ELSE '' END) FROM generate_series(1, {ROWS}) AS n",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def planned(request: pytest.FixtureRequest) -> Iterator[tuple[CRM, list[str]]]:
    """An app on PostgreSQL with many rows of each kind, and the plans by which it reads them from then on."""
    testing = pytest.importorskip("crmkit_sql.testing.cluster")
    server: str = request.getfixturevalue("postgres_server")
    url = testing.create_database(server)
    with CRM.open(f"{url}?pool=1", plugins=["sql", branch], config=Config()) as app:
        plans: list[str] = []
        with app.storage._lent() as link:  # type: ignore[attr-defined]
            connection = link.connection
            for statement in ("SET session_replication_role = replica", *FILLING):
                connection.execute(statement)
            connection.execute("LOAD 'auto_explain'")
            connection.execute("SET auto_explain.log_min_duration = 0")
            connection.execute("SET client_min_messages = log")
        # Settings are statements as well; what reads a table says how in lines of costs.
        connection.add_notice_handler(
            lambda said: (
                plans.append(said.message_primary) if " on " in said.message_primary else None
            )
        )
        yield app, plans
    testing.drop_database(server, url)


def by_index(plans: list[str], name: str) -> bool:
    """Whether every plan reads this index, and none reads or sorts a whole table."""
    whole = ("Seq Scan", "Sort  (")
    return bool(plans) and all(
        f" {name} " in each and not any(word in each for word in whole) for each in plans
    )


def test_a_list_of_many_is_read_by_its_declared_index(planned: tuple[CRM, list[str]]) -> None:
    app, plans = planned
    plans.clear()

    for _ in range(
        8
    ):  # the driver prepares it meanwhile, and the server may take a plan for any values
        first = app.page(Customer, where.owner == "owner7", order="name", limit=50)
        app.page(Customer, where.owner == "owner7", order="name", limit=50, after=first.after)

    assert len(plans) == 16
    assert by_index(plans, "customer__by__owner__name")


def test_a_restricted_list_is_read_by_it_too(planned: tuple[CRM, list[str]]) -> None:
    app, plans = planned
    plans.clear()

    app.acting("kim").page(Customer, where.owner == "owner7", order="name", limit=50)

    assert by_index(plans, "customer__by__owner__name")


def test_a_timeline_among_many_is_read_by_its_index(planned: tuple[CRM, list[str]]) -> None:
    app, plans = planned
    plans.clear()

    for _ in range(8):
        app.timeline("c7", limit=50)

    assert by_index(plans, "interaction__by__customer_id__happened_at")


def test_an_address_among_many_is_found_by_its_index(planned: tuple[CRM, list[str]]) -> None:
    app, plans = planned
    plans.clear()

    for number in range(8):
        app.page(
            Identity,
            where.channel == "email",
            where.normalised == f"{number}@acme.example",
            limit=2,
        )

    assert all("identity__by__channel__normalised" in each for each in plans)
    assert not any("Seq Scan" in each for each in plans)


def test_a_word_among_many_texts_is_found_by_the_index_of_tokens(
    planned: tuple[CRM, list[str]],
) -> None:
    app, plans = planned
    plans.clear()

    hits = app.search("견적", [Interaction], limit=20)

    assert len(hits) == ROWS // 10_000
    assert plans
    assert all("interaction__search" in each for each in plans)
    assert not any("Seq Scan" in each for each in plans)
