"""The engine: what is in its tables is what storage has, however it got there."""

from __future__ import annotations

import importlib.util
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from crmkit_analytical.engine.columns import arrow_schema, plain_batches, read_batches
from crmkit_analytical.engine.engine import engine
from crmkit_analytical.engine.journal import journal_batches, journal_schema, read_journal
from crmkit_analytical.engine.place import IN_MEMORY, place_of
from crmkit_analytical.engine.sources import History, Journal, Records
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    SYSTEM,
    Actor,
    BusyError,
    Config,
    Customer,
    Interaction,
    Manifest,
    SchemaError,
    hookimpl,
)
from crmkit.testing.kinds import Slip, Specimen
from crmkit.testing.strategies import records
from crmkit.values import new_id

ZOO = ModuleType("zoo")
ZOO.manifest = Manifest(name="zoo")
ZOO.crm_kinds = hookimpl(lambda: [Specimen, Slip])
ZOO.crm_kinds.__module__ = "zoo"

SPECIMEN = (
    "id", "version", "created_at", "labels", "items", "flag", "number", "weight", "price", "seen_at", "day", "colour",
    "grade", "details", "shelf", "serial", "customer_id", "parent_id",
)  # fmt: skip
SLIP = (
    "id",
    "specimen_id",
    "done",
    "count",
    "share",
    "rate",
    "at",
    "on",
    "colour",
    "fee",
    "details",
)


def rows(batches):
    import pyarrow as pa

    found = list(batches)
    return sorted(
        pa.Table.from_batches(found).to_pylist() if found else [],
        key=lambda row: (row["id"], row.get("version")),
    )


def table(crm, *sources):
    """What the engine has of the first source."""
    with engine(crm, sources) as con:
        found = con.table(sources[0].name).to_pyarrow().to_pylist()
    return [{name: value for name, value in row.items() if name != "crm_key"} for row in found]


def whole(crm, kind, fields):
    return rows(plain_batches(crm, crm.schema[kind], fields))


def by_id(found):
    return sorted(found, key=lambda row: row["id"])


@pytest.fixture
def crm(open_crm):
    return open_crm(ZOO, own=["analytical"])


@pytest.fixture
def fast(monkeypatch):
    """Few records are read the fastest way, too."""
    if importlib.util.find_spec("crmkit_sqlite"):
        monkeypatch.setattr("crmkit_sqlite.arrow.MANY", 0)


# Columns --------------------------------------------------------------------------------------------------------


def specimens(crm, draw):
    kind = crm.schema["specimen"]
    plain = {"customer_id": None, "parent_id": None, "serial": None, "batch": None}
    drawn = draw(st.lists(records(kind, extra=False), max_size=5))
    return [each.evolve(id=new_id(), **plain) for each in drawn]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_fastest_way_reads_the_same_as_the_plain_one(crm, fast, data):
    with crm.transaction() as tx:
        tx.delete_all(list(tx.find(Slip)))
        tx.delete_all(list(tx.find(Specimen)))
        made = tx.add_all(specimens(crm, data.draw))
        tx.add_all(Slip(specimen_id=each.id) for each in made)

    for kind, fields in (("specimen", SPECIMEN), ("slip", SLIP)):
        fast = rows(read_batches(crm, crm.schema[kind], fields))
        assert fast == whole(crm, kind, fields)
        assert len(fast) == len(made)


def test_the_journal_is_read_the_fastest_way_as_it_is_the_plain_one(crm, fast):
    for actor in (Actor("kim"), Actor("워커", "bot", "worker"), SYSTEM):
        with crm.acting(actor).transaction(effective=datetime(2020, 5, 17, tzinfo=UTC)) as tx:
            made = tx.add(Specimen(name="x", number=1))
        with crm.acting(actor).transaction() as tx:
            tx.delete(tx.update(made.evolve(number=2)))
    until = crm.storage.position()
    with crm.transaction() as tx:
        tx.add(Specimen(name="later"))

    fastest, plain = list(read_journal(crm, until)), list(journal_batches(crm, 0, until))

    assert {each.schema for each in fastest} == {journal_schema()}
    assert rows(fastest) == rows(plain)
    assert len(rows(fastest)) == 9


def test_a_column_that_is_empty_at_first_has_its_type(crm, fast):
    with crm.transaction() as tx:
        tx.add_all(Specimen(name=str(n)) for n in range(3))
        tx.add(Specimen(name="z", shelf="ㄱ", number=7))

    found = list(read_batches(crm, crm.schema["specimen"], ("id", "shelf", "number")))

    assert {batch.schema for batch in found} == {
        arrow_schema(crm.schema["specimen"], ("id", "shelf", "number"))
    }
    assert {row["shelf"] for row in rows(found)} == {None, "ㄱ"}


def test_personal_data_stays_in_the_database(crm):
    with (
        pytest.raises(SchemaError, match=r"specimen\.notes holds personal data"),
        engine(crm, [Records("specimen", ("id", "notes"))]),
    ):
        pass


# Up to date -----------------------------------------------------------------------------------------------------

SOURCES = (
    Records("specimen", ("id", "number", "shelf")),
    History("specimen", ("shelf",)),
    Journal(),
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "change", "shelve", "delete", "ask"]), st.integers(0, 5)),
        max_size=12,
    )
)
def test_what_is_refreshed_is_what_would_be_read_anew(crm, steps):
    if place_of(crm) == IN_MEMORY:
        pytest.skip("a database in memory is always read anew")
    for step, number in steps:
        with crm.transaction() as tx:
            known = list(tx.find(Specimen, order="created_at"))
            chosen = known[number % len(known)] if known else None
            if step == "add":
                tx.add(Specimen(name="x", number=number, shelf="a"))
            elif chosen is not None and step == "change":
                tx.update(chosen.evolve(number=number))
            elif chosen is not None and step == "shelve":
                tx.update(chosen.evolve(shelf="abc"[number % 3]))
            elif chosen is not None and step == "delete":
                tx.delete(chosen)
        if step == "ask":
            table(crm, *SOURCES)

    assert by_id(table(crm, *SOURCES)) == whole(crm, "specimen", ("id", "number", "shelf"))
    changes = crm.storage.changes(0, None, None)
    journal = table(crm, *reversed(SOURCES))
    assert sorted(row["position"] for row in journal) == [each.position for each in changes]
    past = table(crm, *SOURCES[1:])
    wanted = [
        each
        for each in changes
        if each.kind == "specimen"
        and (each.action in ("insert", "delete") or "shelf" in (each.delta or {}))
    ]
    assert sorted(row["position"] for row in past) == [each.position for each in wanted]


def test_a_refresh_reads_only_what_has_changed(open_crm, monkeypatch):
    crm = open_crm(ZOO, own=["analytical"])
    if place_of(crm) == IN_MEMORY:
        pytest.skip("a database in memory keeps its columns as long as a question lasts")
    with crm.transaction() as tx:
        known = tx.add_all(Specimen(name="x", number=n) for n in range(50))
    table(crm, SOURCES[0])
    read = []
    columns = crm.storage.columns
    monkeypatch.setattr(crm.storage, "columns", lambda *args: read.append(args) or columns(*args))
    monkeypatch.setattr(
        "crmkit_analytical.engine.sources.read_batches", lambda *_: pytest.fail("it was read whole")
    )

    with crm.transaction() as tx:
        tx.update(known[3].evolve(number=-1))
    found = table(crm, SOURCES[0])

    assert {row["id"]: row["number"] for row in found}[known[3].id] == -1
    [(query, *_)] = read
    assert list(query.conditions[0].value) == [known[3].id]


def test_what_is_erased_is_in_no_history(crm):
    with crm.transaction() as tx:
        made = tx.add(Specimen(name="x", shelf="비밀"))
        tx.update(made.evolve(shelf="b"))
    table(crm, *SOURCES)
    with crm.transaction() as tx:
        tx.redact(Specimen, [made.id], ["shelf"])

    assert "비밀" not in str(table(crm, *SOURCES)) + str(table(crm, *SOURCES[1:]))


def test_another_database_in_the_same_place_is_not_taken_for_the_first(tmp_path, clock):
    config = Config(path=tmp_path / "crm.toml", plugin={"analytical": {"file": "columns.duckdb"}})

    def asked(name, numbers):
        with CRM.open(
            f"sqlite:///{tmp_path}/{name}.db",
            plugins=["sqlite", "analytical", ZOO],
            config=config,
            clock=clock,
        ) as crm:
            if not crm.count(Specimen):
                with crm.transaction() as tx:
                    tx.add_all(Specimen(name="x", number=n) for n in numbers)
            return sorted(row["number"] for row in table(crm, SOURCES[0]))

    pytest.importorskip("crmkit_sqlite", reason="crmkit-sqlite is not installed")
    assert asked("one", [1, 2]) == [1, 2]
    assert asked("two", [3, 4]) == [3, 4]
    assert asked("one", []) == [1, 2]


def test_a_failure_leaves_what_was_there(open_crm, monkeypatch):
    crm = open_crm(ZOO, own=["analytical"])
    with crm.transaction() as tx:
        tx.add_all(Specimen(name="x", number=n) for n in range(3))
    table(crm, *SOURCES)
    with crm.transaction() as tx:
        tx.add(Specimen(name="x", number=3))

    with monkeypatch.context() as patch:
        patch.setattr("crmkit_analytical.engine.sources.history_batches", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            table(crm, *SOURCES)

    assert [row["number"] for row in by_id(table(crm, SOURCES[0]))] == [0, 1, 2, 3]


def test_what_a_storage_says_is_raised_as_it_is(open_crm, monkeypatch):
    """DuckDB, which asks for the rows, would wrap it in pages of its own."""
    crm = open_crm(ZOO, own=["analytical"])

    def broken(*_):
        raise BusyError("the database is busy; try again")
        yield

    monkeypatch.setattr("crmkit_analytical.engine.sources.read_batches", broken)
    with pytest.raises(BusyError, match=r"^the database is busy; try again$"):
        table(crm, Records("specimen", ("id", "number")))


def test_who_interrupts_a_query_interrupts_the_program(crm):
    with pytest.raises(KeyboardInterrupt), engine(crm, [Journal()]):
        raise RuntimeError("Query interrupted")  # as DuckDB has it
    with pytest.raises(RuntimeError, match="Query refused"), engine(crm, [Journal()]):
        raise RuntimeError("Query refused")


# The file -------------------------------------------------------------------------------------------------------


def test_the_file_is_its_owners_and_a_broken_one_is_made_anew(open_crm):
    crm = open_crm(ZOO, own=["analytical"])
    place = place_of(crm)
    if place == IN_MEMORY:
        pytest.skip("a database in memory has no file")
    with crm.transaction() as tx:
        tx.add(Specimen(name="x", number=1))
    table(crm, SOURCES[0])

    assert stat.S_IMODE(os.stat(place).st_mode) == 0o600
    Path(place).write_bytes(b"not a database" * 1000)
    assert [row["number"] for row in table(crm, SOURCES[0])] == [1]


def test_kinds_of_the_core_can_be_asked(crm):
    with crm.transaction() as tx:
        customer = tx.add(Customer(name="김지원", country="KR"))
        tx.add(Interaction(customer_id=customer.id, channel="phone", happened_at=crm.now()))

    [found] = table(
        crm, Records("interaction", ("id", "customer_id", "channel", "direction", "happened_at"))
    )

    assert (found["customer_id"], found["channel"]) == (customer.id, "phone")
    assert found["happened_at"] == crm.now().replace(tzinfo=None)
