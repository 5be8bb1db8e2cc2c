import sys
import threading
from datetime import timedelta

import pytest

from crmkit import Customer, Interaction, PluginError, WorkerSpec, where
from crmkit.positions import retry, worker_states
from crmkit.worker import run_workers


@pytest.fixture
def worker(plugin, monkeypatch):
    """Makes a plugin with one worker, whose function is given."""

    def make(function, name="greeter", **spec):
        module = plugin(
            name, crm_workers=lambda: [WorkerSpec(name, f"{name}_plugin:function", **spec)]
        )
        module.function = function
        monkeypatch.setitem(sys.modules, f"{name}_plugin", module)
        return module

    return make


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def greet(tx, changes):
    for change in changes:
        if change.kind == "customer":
            happened = change.effective
            tx.add(
                Interaction(
                    customer_id=change.id, channel="mail", happened_at=happened, subject="hi"
                )
            )


def test_a_follower_sees_every_change_once(open_crm, worker):
    crm = open_crm(worker(greet, kinds=(Customer,)))
    add(crm, *(Customer(name=str(n)) for n in range(450)))

    assert run_workers(crm, once=True) == 450
    assert run_workers(crm, once=True) == 0
    add(crm, Customer(name="one more"))
    assert run_workers(crm, once=True) == 1
    assert crm.count(Interaction) == 451


def test_writes_of_a_worker_bear_its_name_and_their_cause(open_crm, worker):
    crm = open_crm(worker(greet, kinds=(Customer,)))
    with crm.acting("kim").transaction() as tx:
        tx.add(Customer(name="x"))
    run_workers(crm, once=True)

    [change] = crm.changes(kinds=[Interaction])
    assert (change.actor.id, change.actor.type, change.actor.via) == (
        "worker:greeter",
        "bot",
        "worker",
    )
    assert (change.cause.root, change.cause.by) == (tx.id, ("greeter",))


def test_one_bad_change_does_not_hold_up_the_rest(open_crm, worker):
    def picky(tx, changes):
        for change in changes:
            if tx.get(Customer, change.id).name == "bad":
                raise ValueError("bad one")
        greet(tx, changes)

    crm = open_crm(worker(picky, kinds=(Customer,)))
    customers = add(crm, *(Customer(name="bad" if n == 70 else "fine") for n in range(100)))
    run_workers(crm, once=True)

    assert crm.count(Interaction) == 99
    [state] = worker_states(crm)
    [aside] = state.aside
    assert (aside.id, aside.tries, aside.error) == (customers[70].id, 1, "ValueError: bad one")
    assert state.lag == 0


def test_later_changes_of_a_record_wait_behind_its_bad_one(open_crm, worker):
    seen = []

    def picky(tx, changes):
        for change in changes:
            if change.version == 1 and mend is False:
                raise ValueError("not yet")
            seen.append(change.version)

    mend = False
    crm = open_crm(worker(picky, kinds=(Customer,)))
    [customer] = add(crm, Customer(name="x"))
    run_workers(crm, once=True)
    with crm.transaction() as tx:
        tx.update(customer.evolve(name="y"))
    run_workers(crm, once=True)
    assert seen == []
    assert [aside.tries for aside in worker_states(crm)[0].aside] == [1, 0]

    mend = True
    assert retry(crm) == 2
    run_workers(crm, once=True)
    assert seen == [1, 2]
    assert worker_states(crm)[0].aside == ()


def test_a_change_is_tried_again_with_growing_pauses_and_then_set_aside(
    open_crm, worker, monkeypatch
):
    tries = []

    def fails(tx, changes):
        tries.append(len(changes))
        raise ValueError("never")

    crm = open_crm(worker(fails, kinds=(Customer,)))
    start = crm.storage.now()
    later = [timedelta()]
    monkeypatch.setattr(crm.storage, "now", lambda: start + later[0])
    add(crm, Customer(name="x"))
    pauses = []
    for _ in range(10):
        run_workers(crm, once=True)
        [aside] = worker_states(crm)[0].aside
        if aside.again is None:
            break
        pauses.append((aside.again - crm.storage.now()).total_seconds())
        later[0] = aside.again - start

    assert pauses == [1, 2, 4, 8]
    assert (len(tries), aside.tries) == (5, 5)


def test_a_retry_that_fails_does_not_put_back_what_another_process_worked_off(open_crm, worker):
    def fails(tx, changes):
        for key in crm.storage.states("crmkit/worker/greeter/aside/"):
            tx.set_state(key, None)  # stands for the other process: what it worked off is gone
            gone.append(key)
        raise ValueError("no")

    gone = []
    crm = open_crm(worker(fails, kinds=(Customer,)))
    add(crm, Customer(name="x"))
    run_workers(crm, once=True)
    [aside] = worker_states(crm)[0].aside
    retry(crm)

    original = crm.acting

    class Elsewhere:
        """Between the failed try and its note, another process works the change off."""

        def transaction(self, **options):
            if gone:
                with crm.storage.transaction() as tx:
                    tx.set_state(aside.key, None)
            return handle.transaction(**options)

    def acting(actor):
        nonlocal handle
        handle = original(actor)
        return Elsewhere()

    handle = None
    crm.acting = acting
    run_workers(crm, once=True)
    assert worker_states(crm)[0].aside == ()


def test_rules_that_keep_setting_each_other_off_are_stopped_and_named(open_crm, worker):
    def ping(tx, changes):
        for change in changes:
            record = tx.get(Customer, change.id)
            tx.update(record.evolve(owner=str(record.version)))

    crm = open_crm(worker(ping, name="ping", kinds=(Customer,)))
    [customer] = add(crm, Customer(name="x"))
    run_workers(crm, once=True)

    assert crm.get(Customer, customer.id).version == 9
    [aside] = worker_states(crm)[0].aside
    assert aside.error.startswith("these rules keep setting each other off: ping > ping")
    assert aside.again is None


def test_a_clock_ticks_when_it_is_due(open_crm, worker, clock):
    ticks = []

    def tick(tx, now):
        ticks.append(now)
        tx.add(Customer(name="tick"))

    crm = open_crm(worker(tick, every=timedelta(hours=1)))
    for _ in range(3):
        run_workers(crm, once=True)
    assert len(ticks) == 1
    clock.tick(minutes=61)
    run_workers(crm, once=True)
    assert ticks[1] - ticks[0] == timedelta(minutes=61)
    assert crm.count(Customer, where.name == "tick") == 2


def test_a_clock_that_fails_keeps_what_it_said_and_is_tried_again(open_crm, worker, clock):
    def tick(tx, now):
        tx.add(Customer(name="half"))
        raise ValueError("clock is broken")

    crm = open_crm(worker(tick, every=timedelta(hours=1)))
    run_workers(crm, once=True)
    [state] = worker_states(crm)
    assert state.error == "ValueError: clock is broken"
    assert crm.count(Customer) == 0


def test_a_lease_keeps_others_away_until_it_runs_out(open_crm, worker, monkeypatch):
    crm = open_crm(worker(greet, kinds=(Customer,)))
    add(crm, Customer(name="x"))
    until = crm.storage.now() + timedelta(seconds=30)
    with crm.storage.transaction() as tx:
        tx.set_state(
            "crmkit/worker/greeter/lease", {"holder": "a dead process", "until": until.isoformat()}
        )
    assert run_workers(crm, once=True) == 0
    monkeypatch.setattr(crm.storage, "now", lambda: until + timedelta(seconds=1))
    assert run_workers(crm, once=True) == 1


def test_two_at_once_do_everything_once(open_crm, worker):
    crm = open_crm(worker(greet, kinds=(Customer,)))
    add(crm, *(Customer(name=str(n)) for n in range(500)))
    threads = [
        threading.Thread(target=run_workers, args=(crm,), kwargs={"once": True}, daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_workers(crm, once=True)

    assert crm.count(Interaction) == 500


def test_running_stops_when_it_is_told_to(open_crm, worker):
    crm = open_crm(worker(greet, kinds=(Customer,)))
    stop = threading.Event()
    thread = threading.Thread(
        target=run_workers, args=(crm,), kwargs={"once": False, "stop": stop}, daemon=True
    )
    thread.start()
    add(crm, Customer(name="x"))
    for _ in range(200):
        if crm.count(Interaction):
            break
        stop.wait(0.05)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert crm.count(Interaction) == 1


def test_an_unknown_worker_is_refused(open_crm, worker):
    crm = open_crm(worker(greet, kinds=()))
    with pytest.raises(PluginError, match="there is no worker 'greter'; there are greeter"):
        run_workers(crm, once=True, names=["greter"])
