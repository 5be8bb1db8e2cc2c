"""The server goes away in the middle: an error in one sentence or a clean retry, and never a half."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

pytest.importorskip("crmkit_sql")

from crmkit_sql.testing import Cluster, NoServer

from crmkit import BackendError, Customer, Identity, Interaction
from crmkit.worker import run_workers
from tests.company import open_company
from tests.processes import Process
from tests.test_processes import assert_the_journal_is_lawful


@pytest.fixture(scope="module")
def durable():
    """A server that waits for its disk, as one of a company does."""
    try:
        with Cluster(durable=True) as cluster:
            yield cluster
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def url(durable):
    return durable.create()


class Writers:
    """Threads that write pairs of records until they are stopped, and note what they were told of each."""

    def __init__(self, crm, count: int) -> None:
        self.crm = crm
        self.committed: list[str] = []
        self.refused: list[tuple[str, BaseException]] = []
        self.read = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(count)]
        self._threads.append(threading.Thread(target=self._read, daemon=True))
        self.reading_failed: list[BaseException] = []
        for each in self._threads:
            each.start()

    def _write(self) -> None:
        while not self._stop.is_set():
            customer = Customer(name="pair")
            address = {"customer_id": customer.id, "channel": "email", "value": "a@b.example"}
            try:
                with self.crm.transaction() as tx:
                    tx.add(customer)
                    tx.add(Identity(**address))
                self.committed.append(customer.id)
            except BaseException as error:
                self.refused.append((customer.id, error))
                time.sleep(0.02)

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                self.crm.count(Customer)
                for _ in self.crm.find(Customer, limit=20):
                    self.read += 1
            except BaseException as error:
                self.reading_failed.append(error)
                time.sleep(0.02)

    def wait_for(self, more: int) -> None:
        """Until so many more are committed."""
        wanted, until = len(self.committed) + more, time.monotonic() + 30
        while len(self.committed) < wanted:
            assert time.monotonic() < until, (self.refused[-1:], self.reading_failed[-1:])
            time.sleep(0.005)

    def stop(self) -> None:
        self._stop.set()
        for each in self._threads:
            each.join(30)


def unknown(error: BaseException) -> bool:
    return "nobody knows" in str(error)


def ride_out(durable, url, act, rounds: int) -> None:
    with open_company(url) as crm:
        writers = Writers(crm, 4)
        try:
            for _ in range(rounds):
                writers.wait_for(20)
                act(durable)
            writers.wait_for(20)
        finally:
            writers.stop()
        errors = [error for _, error in writers.refused] + writers.reading_failed
        assert {type(each).__name__ for each in errors} <= {"BackendError", "BusyError"}, errors
        for each in errors:
            assert "\n" not in str(each)
            assert durable.password not in str(each)
        there = {each.id for each in crm.find(Customer)}
        assert set(writers.committed) <= there
        assert not there & {id for id, error in writers.refused if not unknown(error)}
        assert {each.customer_id for each in crm.find(Identity)} == there
        assert crm.count(Identity) == len(there)
        assert_the_journal_is_lawful(crm)
        assert crm.storage.check() == []
        assert crm.storage._connections.busy == 0
        doubtful = sum(unknown(error) for _, error in writers.refused)
        print(
            f"{rounds} outages: {len(writers.committed)} committed, {len(writers.refused)} refused "
            f"({doubtful} unknown), {len(writers.reading_failed)} reads failed"
        )


def restart(durable) -> None:
    durable.restart()


def power_cut(durable) -> None:
    durable.kill()
    durable.start()


def drop_connections(durable) -> None:
    import psycopg

    with psycopg.connect(durable.url("postgres"), autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'crmkit'"
        )


COMMAND = "from crmkit.cli import main; main()"
ACTS = [restart, power_cut, drop_connections]


@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_lost_or_halved_when_the_server_goes_away(durable, url, act):
    ride_out(durable, url, act, 1)


@pytest.mark.long
@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_lost_or_halved_when_the_server_goes_away_often(durable, url, act):
    ride_out(durable, url, act, 40)


def test_workers_outlast_a_power_cut(durable, url, monkeypatch):
    """Each effect happens once, whatever they were in the middle of."""
    outlast(durable, url, monkeypatch, power_cut)


@pytest.mark.long
def test_workers_outlast_many_outages(durable, url, monkeypatch):
    outlast(durable, url, monkeypatch, *ACTS * 8)


def outlast(durable, url, monkeypatch, *acts):
    monkeypatch.setattr("crmkit.worker.POLL", 0.02)
    trouble: list[tuple[BackendError, float]] = []
    stop = threading.Event()
    with open_company(url) as crm:

        def work() -> None:
            run_workers(crm, once=False, on_trouble=lambda *told: trouble.append(told), stop=stop)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            for act in acts:
                with crm.transaction() as tx:
                    tx.add_all(Customer(name="before") for _ in range(200))
                seen = crm.count(Interaction)
                while crm.count(Interaction) == seen:
                    time.sleep(0.005)
                act(durable)
                assert worker.is_alive()
            with crm.transaction() as tx:
                tx.add(Customer(name="after"))
            until = time.monotonic() + 20
            while crm.count(Interaction) < 200 * len(acts) + 1 and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            stop.set()
            worker.join(30)
        greeted = Counter(each.customer_id for each in crm.find(Interaction))
        assert greeted == Counter(each.id for each in crm.find(Customer))
        assert crm.storage.state("crmkit/worker/greet/lease") is None
    assert all(isinstance(error, BackendError) for error, _ in trouble)


def test_a_process_that_works_outlasts_a_long_outage(durable, url):
    """It says what is wrong, waits longer each time, and goes on."""
    told: list[tuple[BackendError, float]] = []
    twice = threading.Event()

    def trouble(error: BackendError, pause: float) -> None:
        told.append((error, pause))
        if len(told) == 2:
            twice.set()

    stop = threading.Event()
    with open_company(url) as crm:
        work = lambda: run_workers(crm, once=False, on_trouble=trouble, stop=stop)  # noqa: E731
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            durable.stop()
            assert twice.wait(20)
            durable.start()
            with crm.transaction() as tx:
                customer = tx.add(Customer(name="after"))
            until = time.monotonic() + 20
            while not crm.count(Interaction) and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            stop.set()
            worker.join(30)
        assert [each.customer_id for each in crm.find(Interaction)] == [customer.id]
    assert [pause for _, pause in told[:2]] == [1, 2]
    assert all("try again" in str(error) for error, _ in told)


@pytest.mark.parametrize("words", [["customer", "list"], ["work", "--once"]])
def test_a_command_ends_in_a_sentence_and_code_4(words):
    url = "postgresql://kim:hunter2@127.0.0.1:1/acme"
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "--db", url, *words], capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert "hunter2" not in said
    assert "is not to be reached" in said
    assert "Traceback" not in said
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.long
def test_processes_of_a_company_go_on_after_their_server_was_away(durable, url):
    open_company(url).close()
    worker = Process("work", url).ready()
    durable.restart()
    with open_company(url) as crm:
        with crm.transaction() as tx:
            tx.add_all(Customer(name=str(number)) for number in range(20))
        until = time.monotonic() + 20
        while crm.count(Interaction) < 20 and time.monotonic() < until:
            time.sleep(0.02)
        worker.kill()
        assert crm.count(Interaction) == 20
