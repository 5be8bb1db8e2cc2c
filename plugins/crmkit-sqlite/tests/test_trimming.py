"""Trimming on SQLite: by few statements, through indexes, and whatever becomes of the process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crmkit import CRM, Config, Customer, TrimmedError
from crmkit.past import TRIMMED, Horizon
from crmkit.testing.fixtures import FakeClock
from crmkit.testing.kinds import Specimen
from crmkit.trimming import trim


def grown(lab, number):
    """Specimens with three versions each."""
    for record in lab.named(*map(str, range(number))):
        lab.update(lab.update(record, name="b"), name="c")


@pytest.mark.parametrize("number", [2, 30])
def test_a_step_is_a_few_statements_however_many_changes_it_goes_over(lab, statements, number):
    grown(lab, number)
    ran = statements(lab.storage)
    with lab.storage.transaction() as tx:
        through = tx.trimmable(lab.stamp().at).position
        assert tx.trim(through, 0, 1_000) == (through, 2 * number)
    verbs = [each.split()[0] for each in ran]
    assert verbs == [
        *("BEGIN", "SELECT"),  # did anybody change the tables?
        *("SELECT", "SELECT", "SELECT"),  # the first that stays, the last that goes, how many
        *("SELECT", "DELETE", "UPDATE"),  # how far the step goes
        "COMMIT",
        "PRAGMA",  # nothing of it stays in the log
    ]


def test_a_step_looks_at_its_own_changes_only(lab, statements, connection):
    grown(lab, 3)
    ran = statements(lab.storage)
    with lab.storage.transaction() as tx:
        tx.trim(9, 3, 3)
    link = connection(lab.storage)
    link.set_trace_callback(None)
    for statement in [each for each in ran if each.startswith(("DELETE", "UPDATE"))]:
        steps = [row[3] for row in link.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not any(each.startswith("SCAN") for each in steps), steps
        assert any("PRIMARY KEY (rowid>? AND rowid<?)" in each for each in steps), steps


def test_counting_changes_loads_none(lab, statements):
    grown(lab, 3)
    ran = statements(lab.storage)
    assert lab.storage.count_changes(1, ["specimen"]) == 8
    assert [each.partition("(")[0] for each in ran] == ["SELECT count"]


def test_what_was_trimmed_is_not_in_the_file_any_more(lab, path):
    record = lab.add(Specimen(name="a", details={"key": "secret one"}))
    lab.update(lab.update(record, details={"key": "secret two"}), details={})
    files = [path, path.with_name("crm.db-wal")]
    assert b"secret" in b"".join(each.read_bytes() for each in files)
    with lab.storage.transaction() as tx:
        tx.trim(3, 0, 10)
    assert b"secret" not in b"".join(each.read_bytes() for each in files)


@pytest.fixture
def crm(path):
    with CRM.open(f"sqlite:///{path}", plugins=["sqlite"], config=Config()) as crm:
        yield crm


def test_going_on_behind_a_position_costs_one_statement(crm, statements):
    with crm.transaction() as tx:
        tx.add_all(Customer(name=each) for each in "abcdef")
    ran = statements(crm.storage)
    assert len(crm.changes(2, limit=3)) == 3
    assert len(ran) == 1
    crm.changes(2)
    assert len(ran) == 2
    crm.changes()  # where the journal begins has to be asked
    assert len(ran) == 4


# What is wrong -----------------------------------------------------------------------------------------------------


def test_a_journal_that_lacks_its_beginning_is_found_unless_it_was_trimmed(lab, connection):
    grown(lab, 2)
    connection(lab.storage).execute("DELETE FROM crm_journal WHERE version = 1")
    first, second = lab.storage.check()
    assert "has 2 changes from version 2 to 3; some are missing" in first
    with lab.storage.transaction() as tx:
        tx.set_state(TRIMMED, Horizon(lab.stamp().at, 2).plain())
    assert len(lab.storage.check()) == 2  # what is left stands behind the horizon
    with lab.storage.transaction() as tx:
        tx.set_state(TRIMMED, Horizon(lab.stamp().at, 6).plain())
    assert lab.storage.check() == []
    connection(lab.storage).execute("DELETE FROM crm_journal WHERE version = 3 AND position = 4")
    assert second not in lab.storage.check()
    assert "is at version 3 and its journal at 2" in lab.storage.check()[0]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("UPDATE crm_journal SET at = '2020' WHERE version = 2", "was recorded before version 1"),
        (
            "UPDATE crm_journal SET position = position + 90 WHERE version = 1",
            "stands in the journal before version 1",
        ),
    ],
)
def test_changes_out_of_order_are_found(lab, connection, sql, sentence):
    grown(lab, 1)
    connection(lab.storage).execute(sql)
    assert sentence in lab.storage.check()[0]


# The process -------------------------------------------------------------------------------------------------------


def test_a_trim_whose_process_is_killed_goes_on(path, run):
    clock = FakeClock()
    url = f"sqlite:///{path}"
    with CRM.open(url, plugins=["sqlite"], config=Config(), clock=clock) as crm:
        for number in range(10):
            with crm.transaction() as tx:
                [there] = tx.get_many(Customer, ["a"])
                here = there and there.evolve(name=str(number))
                tx.update(here) if here else tx.add(Customer(id="a", name="first"))
            clock.tick(hours=1)
    killed = run(
        """
        import sys
        from datetime import datetime
        from crmkit import CRM, Config, trimming

        def wait(done, total):
            print(done, total, flush=True)
            sys.stdin.read()

        trimming.STEP = 3
        with CRM.open(sys.argv[1], plugins=["sqlite"], config=Config()) as crm:
            trimming.trim(crm, datetime.fromisoformat(sys.argv[2]), wait)
        """,
        url,
        clock().isoformat(),
    )
    assert killed.stdout.readline() == "3 10\n"
    killed.kill()
    killed.wait()

    with CRM.open(url, plugins=["sqlite"], config=Config(), clock=clock) as crm:
        assert Horizon.of(crm.storage) == Horizon(clock(), 10, 3)
        assert [each.version for each in crm.history(Customer, "a")] == list(range(4, 11))
        assert crm.storage.check() == []
        with pytest.raises(TrimmedError):
            crm.get(Customer, "a", as_of=clock() - timedelta(hours=2))
        assert trim(crm, clock()).count == 6
        assert [each.version for each in crm.history(Customer, "a")] == [10]
        assert crm.storage.check() == []


def test_what_was_recorded_at_the_beginning_of_time_is_old(lab):
    with lab.storage.transaction() as tx:
        assert tx.trimmable(datetime.min.replace(tzinfo=UTC)).position == 0
