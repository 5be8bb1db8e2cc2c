"""Processes that start at once, starts that are broken off, and two whose tables differ."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time

import psycopg
import pytest
from crmkit_sql.storage import open_postgresql

from crmkit import CRM, Config, Customer
from crmkit.errors import BackendError, SchemaError
from crmkit.manifest import Manifest, hookimpl
from crmkit.query import where
from crmkit.records import Record, field, kind
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab

PREPARE = """
    import sys
    from crmkit.testing.kinds import zoo
    from crmkit_sql.storage import open_postgresql
    print("ready", flush=True)
    for url in sys.stdin:
        storage = open_postgresql(url.strip() + "?timeout=30")
        print(len(storage.prepare(zoo())), flush=True)
        storage.close()
"""

UPGRADE = """
    import sys
    from crmkit import CRM, Config
    from crmkit.manifest import Manifest, hookimpl
    from crmkit.records import Record, field, kind
    from types import ModuleType

    def upgrade(data, stored):
        print("record", flush=True)
        return {**data, "size": data.pop("length")}

    @kind("thing", schema=2, title="id")
    class Thing(Record):
        size: int = field(default=0)
        upgrade = staticmethod(upgrade)

    module = ModuleType("things")
    module.manifest = Manifest(name="things")
    module.crm_kinds = hookimpl(lambda: [Thing])
    with CRM.open(sys.argv[1], plugins=["sql", module], config=Config()) as crm:
        print("open", sorted(each.size for each in crm.find(Thing))[:3], flush=True)
"""


@pytest.fixture
def run():
    """Starts another process that runs some Python; ended at the end, if it has not."""
    started = []

    def run_(source: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(source), *arguments]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        started.append(subprocess.Popen(command, text=True, **pipes))
        return started[-1]

    yield run_
    for each in started:
        each.kill()
        each.communicate()


def rounds_of_starting(run, new_postgres, rounds: int, processes: int) -> None:
    others = [run(PREPARE) for _ in range(processes)]
    for each in others:
        assert each.stdout.readline() == "ready\n"
    for _ in range(rounds):
        url = new_postgres()
        for each in others:
            each.stdin.write(f"{url}\n")
            each.stdin.flush()
        told = sorted(int(each.stdout.readline()) for each in others)
        assert told[:-1] == [0] * (processes - 1)
        assert told[-1] > 0
        storage = open_postgresql(url)
        assert storage.prepare(zoo()) == []
        assert storage.check() == []
        storage.close()


def test_two_processes_that_start_at_once_on_an_empty_database(run, new_postgres):
    rounds_of_starting(run, new_postgres, 3, 2)


@pytest.mark.long
def test_processes_that_start_at_once_many_times(run, new_postgres):
    rounds_of_starting(run, new_postgres, 20, 2)
    rounds_of_starting(run, new_postgres, 20, 4)


def test_a_start_that_is_killed_in_the_middle_leaves_all_as_it_was(run, postgres_url):
    """A writer holds a table, so that the tables wait to be changed; then whoever changes them dies."""
    small = Lab(open_postgresql(postgres_url), zoo(added=False))
    kept = small.named("a")
    before = tables(postgres_url)
    with small.storage.transaction() as tx:
        small.update(kept[0], tx=tx, name="b")
        starting = run(PREPARE)
        starting.stdin.write(f"{postgres_url}\n")
        starting.stdin.flush()
        until_one_waits(postgres_url)
        starting.send_signal(signal.SIGKILL)
        starting.wait()
    assert tables(postgres_url) == before
    assert small.names() == ["b"]
    small.named("c")
    large = Lab(open_postgresql(f"{postgres_url}?timeout=10"))
    assert large.storage.prepare(zoo()) == []
    assert large.storage.check() == []
    assert large.count() == 2
    small.storage.close()
    large.storage.close()


def tables(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as link:
        return link.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' ORDER BY 1, 2"
        ).fetchall()


def until_one_waits(url: str) -> None:
    sql = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 20
    with psycopg.connect(url, autocommit=True) as link:
        while not link.execute(sql).fetchone()[0]:
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.01)


def test_tables_that_are_in_use_for_too_long_are_one_sentence(postgres_url):
    small = Lab(open_postgresql(postgres_url), zoo(added=False))
    record = small.named("a")[0]
    hasty = open_postgresql(f"{postgres_url}?timeout=0.3")
    with small.storage.transaction() as tx:
        small.update(record, tx=tx, name="b")
        with pytest.raises(BackendError, match="is busy") as caught:
            hasty.prepare(zoo())
    assert "\n" not in str(caught.value)
    assert hasty.prepare(zoo())
    assert small.names() == ["b"]
    hasty.close()
    small.storage.close()


def things(schema: int, **fields: object):
    """A plugin with one kind."""
    from types import ModuleType

    hints = dict.fromkeys(fields, int)
    cls = type("Thing", (Record,), {**fields, "__annotations__": hints, "__module__": __name__})
    made = kind("thing", schema=schema, title="id")(cls)
    module = ModuleType("things")
    module.manifest = Manifest(name="things")
    module.crm_kinds = hookimpl(lambda: [made])
    module.Thing = made
    return module


def opened(url: str, *plugins) -> CRM:
    return CRM.open(url, plugins=["sql", *plugins], config=Config())


def test_an_upgrade_that_is_killed_goes_on_at_the_next_start(run, postgres_url):
    old = things(1, length=field(default=0))
    with opened(postgres_url, old) as crm, crm.transaction() as tx:
        tx.add_all(old.Thing(length=number + 1) for number in range(1_200))
    upgrading = run(UPGRADE, postgres_url)
    for _ in range(700):
        assert upgrading.stdout.readline() == "record\n"
    upgrading.send_signal(signal.SIGKILL)
    upgrading.wait()
    again = run(UPGRADE, postgres_url)
    told = again.communicate(timeout=60)[0].splitlines()
    assert told[-1] == "open [1, 2, 3]"
    assert 0 < told.count("record") < 1_200
    new = things(2, size=field(default=0))
    with opened(postgres_url, new) as crm:
        assert sorted(each.size for each in crm.find("thing")) == list(range(1, 1_201))
        assert {each.version for each in crm.find("thing")} == {2}
        assert crm.storage.check() == []


def test_a_kind_that_is_newer_in_the_database_is_refused(postgres_url):
    opened(postgres_url, things(2, size=field(default=0))).close()
    with pytest.raises(SchemaError, match=r"schema 2.*knows 1; upgrade that plugin"):
        opened(postgres_url, things(1, size=field(default=0)))


# Two whose tables differ ---------------------------------------------------------------------------------------


def test_who_is_writing_goes_on_while_others_add_fields(postgres_url):
    """Neither an error nor a lost value, whenever the tables change."""
    small = Lab(open_postgresql(postgres_url), zoo(added=False))
    records = small.named(*(f"n{number}" for number in range(20)))
    stop, failures, turns = threading.Event(), [], []

    def write() -> None:
        own = Lab(small.storage, small.schema)
        current = list(records)
        while not stop.is_set():
            try:
                for index, each in enumerate(current):
                    fresh = own.storage.get("specimen", [each.id])[0]
                    with own.storage.transaction() as tx:
                        held = tx.hold("specimen", [each.id])[0]
                        current[index] = own.update(held or fresh, tx=tx, notes=f"{len(turns)}")
                    turns.append(index)
            except BaseException as error:
                failures.append(error)
                return

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        until_turns(turns, 10)
        large = Lab(open_postgresql(f"{postgres_url}?timeout=20"))
        until_turns(turns, 10)
        for each in records:
            with large.storage.transaction() as tx:
                held = tx.hold("specimen", [each.id])[0]
                large.update(held, tx=tx, added={"clinic.story": "fracture"})
        until_turns(turns, 40)
    finally:
        stop.set()
        writer.join()
    assert failures == []
    assert {each["clinic.story"] for each in large.find()} == {"fracture"}
    assert len(large.search("fracture", limit=100)) == 20
    # Each of the two has an invented clock of its own.
    assert all("goes back in time" in each for each in large.storage.check())
    assert large.count(where["clinic.story"] == "fracture") == 20
    large.storage.close()
    small.storage.close()


def until_turns(turns: list[int], more: int) -> None:
    wanted, until = len(turns) + more, time.monotonic() + 20
    while len(turns) < wanted and time.monotonic() < until:
        time.sleep(0.002)


@pytest.mark.parametrize(
    "first", ["insert", "insert many", "update", "delete", "hold", "state", "lock"]
)
def test_the_first_statement_may_be_any_when_the_tables_changed(open_storage, first):
    small = Lab(open_storage(), zoo(added=False))
    a, b = small.named("a", "b")
    Lab(open_storage())
    with small.storage.transaction() as tx:
        if first == "insert":
            small.add(Specimen(name="c"), tx=tx)
        elif first == "insert many":
            small.insert(*(Specimen(name=str(number)) for number in range(50)), tx=tx)
        elif first == "update":
            small.update(a, tx=tx, name="c")
        elif first == "delete":
            small.delete(a, b, tx=tx)
        elif first == "hold":
            assert tx.hold("specimen", [a.id, b.id]) == [a, b]
        elif first == "state":
            assert tx.set_state("key", 1, None)
        else:
            tx.lock("rule")
        small.add(Specimen(name="after"), tx=tx)
    assert "after" in small.names()
    assert small.storage.check() == []


def test_an_app_goes_on_while_another_brings_a_plugin_with_fields(postgres_url):
    from types import ModuleType

    from crmkit.manifest import FieldSpec

    clinic = ModuleType("clinic")
    clinic.manifest = Manifest(name="clinic")
    clinic.crm_fields = hookimpl(
        lambda: [FieldSpec(on="customer", name="chart", type=str | None, search=True)]
    )
    with opened(postgres_url) as small:
        with small.transaction() as tx:
            customer = tx.add(Customer(name="Kim"))
        with opened(postgres_url, clinic) as large:
            with large.transaction() as tx:
                tx.update(tx.get(Customer, customer.id).set("clinic.chart", "seven"))
            with small.transaction() as tx:
                tx.update(customer.evolve(owner="lee"))
                tx.add(Customer(name="Park"))
            stored = large.get(Customer, customer.id)
            assert (stored["clinic.chart"], stored.owner) == ("seven", "lee")
            assert [each.id for each in large.search("seven")] == [customer.id]
            assert large.count(Customer) == 2


def test_starting_on_a_prepared_database_writes_nothing(postgres_url):
    opened(postgres_url).close()
    opened(f"{postgres_url}?options=-c%20default_transaction_read_only%3Don").close()


def test_a_deleted_record_s_past_has_what_others_added(open_storage):
    """Whoever opened before the field was there deletes the record with it: the document stays in the journal."""
    small = Lab(open_storage(), zoo(added=False))
    a, b = small.named("a", "b")
    large = Lab(open_storage())
    large.update(large.get(a), added={"clinic.story": "fracture"})
    with small.storage.transaction() as tx:
        small.delete(*tx.hold("specimen", [a.id]), tx=tx)
    assert large.storage.history("specimen", a.id)[-1].delta["clinic.story"] == "fracture"
    assert large.search("fracture") == []
    assert small.get(b) == b


def test_what_someone_writes_who_opened_before_reaches_the_new_columns(open_storage):
    small = Lab(open_storage(), zoo(added=False))
    a, b, c = small.named("a", "b", "c")
    large = Lab(open_storage())
    with small.storage.transaction() as tx:
        writes = [small.changed(each, extra={"clinic.story": "plaster"}) for each in (b, c)]
        tx.update("specimen", writes, small.stamp())
    small.update(a, extra={"clinic.story": "plaster"})
    small.add(Specimen(name="d", extra={"clinic.story": "plaster"}))
    assert [each["clinic.story"] for each in large.find()] == ["plaster"] * 4
    assert len(large.search("plaster")) == 4
