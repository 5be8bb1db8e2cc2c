"""Connections: fewer than threads, dropped by the server, broken in the middle, inherited by a child."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

import psycopg
import pytest

from crmkit.errors import (
    BackendError,
    BusyError,
    ClosedError,
    CrmError,
    Duplicate,
    MissingReference,
    TransactionError,
)
from crmkit.query import where
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab


def out(storage) -> int:
    """How many connections somebody has."""
    found: int = storage._connections.busy
    return found


def sessions(url: str) -> int:
    """How many sessions of crmkit the server has in the database."""
    with psycopg.connect(url, autocommit=True) as link:
        sql = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'crmkit'"
        )
        return link.execute(sql).fetchone()[0]


def drop_sessions(url: str) -> None:
    """Have the server end every session of crmkit, as a restart or a firewall does."""
    with psycopg.connect(url, autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def in_threads(count: int, work) -> list[BaseException]:
    """What the threads fail at that run `work(number)`."""
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return failures


# More threads than connections ---------------------------------------------------------------------------------


def test_more_threads_than_connections_wait_their_turn(open_storage):
    lab = Lab(open_storage("?pool=2"))

    def work(number: int) -> None:
        own = Lab(lab.storage)
        for turn in range(10):
            own.add(Specimen(name=f"{number} {turn}"))
            assert own.count(where.name.prefix(f"{number} ")) == turn + 1

    assert in_threads(8, work) == []
    assert lab.count() == 80
    assert out(lab.storage) == 0


def test_a_connection_that_does_not_come_free_is_one_sentence(open_storage):
    lab = Lab(open_storage("?pool=1&timeout=0.2"))
    with lab.storage.transaction() as tx:
        lab.add(Specimen(name="a"), tx=tx)
        [failure] = in_threads(1, lambda number: lab.storage.position())
    assert isinstance(failure, BusyError)
    assert "are in use" in str(failure)
    assert "?pool=" in str(failure)
    assert "\n" not in str(failure)
    assert lab.count() == 1
    assert out(lab.storage) == 0


def test_a_process_never_has_more_sessions_than_its_pool(open_storage, postgres_url):
    """Not even when several threads find at once that the server has dropped theirs."""
    lab = Lab(open_storage("?pool=3"))
    most = 0
    for _ in range(3):
        all_have_one = threading.Barrier(3)

        def hold(number: int, barrier=all_have_one) -> None:
            with lab.storage._connections.lent() as link:
                link.run("SELECT 1")
                barrier.wait()

        assert in_threads(3, hold) == []
        drop_sessions(postgres_url)

        def read(number: int) -> None:
            for _ in range(5):
                lab.storage.position()

        assert in_threads(6, read) == []
        most = max(most, sessions(postgres_url))
    assert most <= 3
    assert out(lab.storage) == 0


# Connections that the server has dropped -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda lab: lab.count(),
        lambda lab: lab.find(),
        lambda lab: lab.search("a", "specimen", "customer"),
        lambda lab: lab.storage.state("key"),
        lambda lab: lab.storage.prepare(lab.schema),
        lambda lab: lab.storage.check(),
        lambda lab: lab.add(Specimen(name="b")),
        lambda lab: lab.insert(*(Specimen(name=str(n)) for n in range(100))),
    ],
    ids=["count", "find", "search", "state", "prepare", "check", "add", "insert"],
)
def test_what_the_server_dropped_meanwhile_is_replaced_silently(open_storage, postgres_url, use):
    lab = Lab(open_storage("?pool=1"))
    lab.named("a")
    drop_sessions(postgres_url)
    use(lab)
    assert out(lab.storage) == 0


@pytest.mark.parametrize("write", [True, False], ids=["writing", "reading"])
def test_a_transaction_that_has_not_begun_takes_another_connection(
    open_storage, postgres_url, write
):
    lab = Lab(open_storage("?pool=1"))
    [record] = lab.named("a")
    with lab.storage.transaction(write=write) as tx:
        drop_sessions(postgres_url)
        assert tx.get("specimen", [record.id]) == [record]
        if write:
            lab.update(record, tx=tx, name="b")
    assert lab.names() == ["b" if write else "a"]
    assert out(lab.storage) == 0


def test_a_lock_may_be_what_a_transaction_begins_with(open_storage, postgres_url):
    lab = Lab(open_storage("?pool=1"))
    with lab.storage.transaction() as tx:
        drop_sessions(postgres_url)
        tx.lock("rule")
        lab.add(Specimen(name="a"), tx=tx)
    assert lab.names() == ["a"]


def test_a_transaction_whose_connection_is_lost_ends_in_one_sentence(open_storage, postgres_url):
    lab = Lab(open_storage("?pool=1"))
    with (
        pytest.raises(BackendError, match=r"not to be reached.*try again") as caught,
        lab.storage.transaction() as tx,
    ):
        lab.add(Specimen(name="half"), tx=tx)
        drop_sessions(postgres_url)
        lab.add(Specimen(name="other half"), tx=tx)
    assert "\n" not in str(caught.value)
    assert lab.names() == []
    assert out(lab.storage) == 0


def test_a_snapshot_whose_connection_is_lost_is_not_continued_by_another(
    open_storage, postgres_url
):
    lab = Lab(open_storage())
    lab.named("a")
    with (
        pytest.raises(BackendError, match="not to be reached"),
        lab.storage.transaction(write=False) as tx,
    ):
        assert len(lab.find(tx=tx)) == 1
        drop_sessions(postgres_url)
        lab.find(tx=tx)
    assert out(lab.storage) == 0


# Nothing leaks -------------------------------------------------------------------------------------------------


def leave(lab: Lab, tx) -> None:
    raise ZeroDivisionError


def cut(lab: Lab, tx) -> None:
    lab.add(Specimen(name="a"), tx=tx)
    tx.link.connection.close()
    lab.add(Specimen(name="b"), tx=tx)


def caught_inside(lab: Lab, tx) -> None:
    with suppress(CrmError):
        lab.add(Specimen(customer_id="nobody"), tx=tx)


def part(lab: Lab, tx) -> None:
    with tx.savepoint():
        lab.add(Specimen(customer_id="nobody"), tx=tx)


FAILURES = {
    "exception": (leave, ZeroDivisionError),
    "reference": (lambda lab, tx: lab.add(Specimen(customer_id="x"), tx=tx), MissingReference),
    "duplicate": (
        lambda lab, tx: lab.insert(Specimen(serial="1"), Specimen(serial="1"), tx=tx),
        Duplicate,
    ),
    "nested": (lambda lab, tx: lab.storage.transaction().__enter__(), TransactionError),
    "driver": (lambda lab, tx: tx.link.run("SELECT 1 / 0"), psycopg.Error),
    "connection": (cut, BackendError),
    "savepoint": (part, MissingReference),
    "caught": (caught_inside, ()),
    "interrupt": (lambda lab, tx: (_ for _ in ()).throw(KeyboardInterrupt), KeyboardInterrupt),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_connection_leaks_after_a_failure(open_storage, failure):
    lab = Lab(open_storage("?pool=1&timeout=1"))
    act, expected = FAILURES[failure]
    for _ in range(3):
        if expected:
            with pytest.raises(expected), lab.storage.transaction() as tx:
                act(lab, tx)
        else:
            with lab.storage.transaction() as tx:
                act(lab, tx)
        assert out(lab.storage) == 0
    assert lab.names() == []
    lab.named("after")
    assert lab.names() == ["after"]


def test_no_connection_leaks_from_a_loop_that_is_left(open_storage):
    lab = Lab(open_storage("?pool=1&timeout=1"))
    lab.named("a", "b", "c")
    for _ in lab.storage.find(lab.query("specimen"), batch=1):
        assert out(lab.storage) == 0
        break
    with pytest.raises(CrmError):
        lab.count(where.nothing == 1)
    assert out(lab.storage) == 0


def test_no_connection_leaks_when_the_tables_changed_meanwhile(open_storage):
    """One connection is enough to find out what they are by now."""
    small = Lab(open_storage("?pool=1&timeout=1"), zoo(added=False))
    small.named("a")
    Lab(open_storage())
    small.named("b")
    assert small.count() == 2
    assert out(small.storage) == 0


# Forks and the end ---------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_parent_and_child_both_go_on_after_a_fork(open_storage, postgres_url):
    lab = Lab(open_storage("?pool=2"))
    lab.named("a")
    child = os.fork()
    if child == 0:
        code = 2
        try:
            for number in range(5):
                lab.named(f"child {number}")
            code = 0 if lab.count(where.name.prefix("child")) == 5 else 1
            lab.storage.close()
        finally:
            os._exit(code)
    for number in range(5):
        lab.named(f"parent {number}")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lab.count() == 11
    assert lab.storage.check() == []
    assert out(lab.storage) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_closes_leaves_the_parent_s_transaction_alone(open_storage):
    lab = Lab(open_storage())
    with lab.storage.transaction() as tx:
        lab.add(Specimen(name="a"), tx=tx)
        child = os.fork()
        if child == 0:
            lab.storage.close()
            os._exit(0)
        os.waitpid(child, 0)
        lab.add(Specimen(name="b"), tx=tx)
    assert lab.count() == 2


def test_closing_with_connections_out_lets_them_end(open_storage, postgres_url):
    lab = Lab(open_storage())
    with lab.storage.transaction() as tx:
        lab.add(Specimen(name="a"), tx=tx)
        lab.storage.close()
        lab.add(Specimen(name="b"), tx=tx)
    with pytest.raises(ClosedError, match="open it again"):
        lab.find()
    with pytest.raises(ClosedError), lab.storage.transaction():
        pass
    assert Lab(open_storage()).count() == 2
    until = time.monotonic() + 5
    while sessions(postgres_url) > 1 and time.monotonic() < until:
        time.sleep(0.02)
    assert sessions(postgres_url) == 1


def test_connections_that_come_back_late_are_closed_too(open_storage, postgres_url):
    """Another thread finds all dropped while this one is using its own: that one is not forgotten open."""
    lab = Lab(open_storage("?pool=3"))
    lab.named("a")
    with lab.storage.transaction(write=False) as tx:
        lab.find(tx=tx)
        lab.storage._connections.renew()
        assert lab.count() == 1
    lab.storage.close()
    until = time.monotonic() + 5
    while sessions(postgres_url) and time.monotonic() < until:
        time.sleep(0.02)
    assert sessions(postgres_url) == 0
