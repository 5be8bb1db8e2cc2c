"""Several processes on one database, killed at any moment: nothing that was committed is lost, nothing happens twice."""

import random
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

import pytest

from crmkit import Customer, Interaction, Query, where
from crmkit.positions import worker_states
from crmkit.values import format_time
from crmkit.worker import run_workers
from tests.company import open_company, storage_of
from tests.processes import Process


def assert_the_journal_is_lawful(crm) -> None:
    """Versions 1..n without a gap, each delta's after the next one's before, the last the record."""
    seen: dict[tuple[str, str], int] = {}
    values: dict[tuple[str, str], dict[str, object]] = {}
    position = 0
    for change in crm.changes():
        assert change.position > position
        position = change.position
        key = (change.kind, change.id)
        assert change.version == seen.get(key, 0) + 1
        seen[key] = change.version
        if change.action == "update":
            for name, (before, after) in change.delta.items():
                known = values.setdefault(key, {})
                assert known.get(name, before) == before
                known[name] = after
    for kind in ("customer", "interaction"):
        for record in crm.find(kind):
            assert seen[kind, record.id] == record.version
            for name, value in values.get((kind, record.id), {}).items():
                assert record[name] == value


@pytest.fixture
def url(shared_url):
    open_company(shared_url).close()
    return shared_url


def free_the_lease(url: str) -> None:
    """What a dead process holds passes on in a minute; the test has less time."""
    with open_company(url) as crm, crm.storage.transaction() as tx:
        tx.set_state("crmkit/worker/greet/lease", None)


def rounds_of_killing(url: str, rounds: int) -> None:
    added: set[str] = set()
    edited: Counter[str] = Counter()
    for number in range(rounds):
        free_the_lease(url)
        processes = Process.of(url, "write", "edit", "work")
        time.sleep(random.Random(number).uniform(0.05, 0.6))
        for process in random.Random(number).sample(processes, 3):
            for word, id, *rest in process.kill():
                if word == "added":
                    added.add(id)
                else:
                    edited[id] = max(edited[id], int(rest[0]))

    free_the_lease(url)
    with open_company(url) as crm:
        assert crm.storage.check() == []
        run_workers(crm, once=True)
        assert_the_journal_is_lawful(crm)
        customers = {customer.id: customer for customer in crm.find(Customer)}
        assert added <= customers.keys()
        assert all(customers[id].version >= version for id, version in edited.items())
        greeted = Counter(i.customer_id for i in crm.find(Interaction))
        assert greeted == Counter(customers.keys())
        assert worker_states(crm)[0].aside == ()
    assert added


def test_killing_writers_and_workers_loses_nothing_and_repeats_nothing(url):
    rounds_of_killing(url, 4 if url.startswith("sqlite") else 2)


@pytest.mark.long
def test_killing_writers_and_workers_many_times(url):
    rounds_of_killing(url, 100)


def test_reading_goes_on_while_another_process_writes(url):
    with open_company(url) as crm:
        writer = Process("write", url).ready()
        counts = []
        end = time.monotonic() + 1
        while time.monotonic() < end:
            counts.append(crm.count(Customer))
            with crm.storage.transaction(write=False) as snapshot:
                assert len(snapshot.changes(kinds=["customer"])) == len(
                    list(snapshot.find(Query("customer")))
                )
        writer.kill()
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_writing_inside_a_find_loop_while_another_process_commits(url):
    with open_company(url) as crm:
        with crm.transaction() as tx:
            before = {c.id for c in tx.add_all(Customer(name=str(n)) for n in range(1500))}
        writer = Process("write", url).ready()
        seen = []
        for customer in crm.find(Customer):
            seen.append(customer.id)
            if len(seen) % 100 == 0:
                with crm.transaction() as tx:
                    tx.update(customer.evolve(owner="seen"))
            if len(seen) >= 1600:
                break
        writer.kill()
        assert len(seen) == len(set(seen))
        assert before <= set(seen)
        assert crm.count(Customer, where.owner == "seen") >= 15


def test_two_processes_change_different_fields_of_one_record(url):
    with open_company(url) as crm:
        with crm.transaction() as tx:
            customer = tx.add(Customer(name="Kim"))
        editor = Process("edit", url).ready()
        for number in range(50):
            with crm.transaction() as tx:
                customer = tx.update(customer.evolve(country=f"C{number}"))
        said = editor.kill()
        history = crm.history(Customer, customer.id)
        countries = [c.delta["country"][1] for c in history[1:] if "country" in c.delta]
        assert countries == [f"C{number}" for number in range(50)]
        assert len(history) >= 51 + len(said) - 1
        assert_the_journal_is_lawful(crm)


def test_a_rule_over_several_records_holds_for_two_processes(shared_url):
    script = """
import sys
from types import ModuleType
from crmkit import *
def crm_validate(tx, kind, writes):
    tx.lock("ten")
    if kind == "customer" and tx.count(Customer) + len(writes) > 10:
        yield writes[0].problem(None, "ten are enough")
few = ModuleType("few"); few.manifest = Manifest(name="few"); few.crm_validate = hookimpl(crm_validate)
with CRM.open(sys.argv[1], plugins=[sys.argv[2], few], config=Config()) as crm:
    for number in range(10):
        try:
            with crm.transaction() as tx:
                tx.add(Customer(name=str(number)))
        except InvalidRecords:
            print("refused")
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, shared_url, storage_of(shared_url)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    refused = sum(len(process.communicate()[0].split()) for process in processes)
    with open_company(shared_url) as crm:
        assert crm.count(Customer) == 10
    assert refused == 10


def test_the_lease_of_a_dead_process_passes_on(url):
    """No effect is lost, none repeated: what it had committed is behind its position."""
    lease = "crmkit/worker/greet/lease"
    writer, dead = Process.of(url, "write", "work")
    with open_company(url) as crm:
        while crm.storage.state(lease) is None or not crm.count(Interaction):
            time.sleep(0.01)
        dead.kill()
        writer.kill()
        held = crm.storage.state(lease)
        assert held is not None
        assert run_workers(crm, once=True) == 0
        past = format_time(crm.storage.now() - timedelta(seconds=1))
        with crm.storage.transaction() as tx:
            assert tx.set_state(lease, {**held, "until": past}, held)
        run_workers(crm, once=True)
        greeted = Counter(i.customer_id for i in crm.find(Interaction))
        assert greeted == Counter(each.id for each in crm.find(Customer))
        assert crm.storage.state(lease) is None


def test_several_processes_share_the_workers(url):
    """Each waits while another holds the lease, and each effect happens once; none of them fails."""
    *workers, writer = Process.of(url, "work", "work", "work", "write")
    time.sleep(0.5)
    writer.kill()
    with open_company(url) as crm:
        until = time.monotonic() + 20
        while any(each.lag for each in worker_states(crm)) and time.monotonic() < until:
            time.sleep(0.02)
        for each in workers:
            each.kill()
        greeted = Counter(i.customer_id for i in crm.find(Interaction))
        assert greeted == Counter(each.id for each in crm.find(Customer))
        assert greeted
        assert_the_journal_is_lawful(crm)
