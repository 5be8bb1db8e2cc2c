"""Workers after a move: they go on where they were, each effect once, and what was set aside is tried again there."""

from __future__ import annotations

import sys
from datetime import timedelta
from types import ModuleType

import pytest
from crmkit_exchange.copying import copying
from crmkit_exchange.copying.copying import copy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import Customer, Interaction, Manifest, WorkerSpec, hookimpl
from crmkit.positions import asides, key_of, retry, worker_states
from crmkit.trimming import trim
from crmkit.worker import run_workers

BAD: set[str] = set()
"""The names at which the worker fails."""


def greet(tx, changes):
    for change in changes:
        if change.action == "insert":
            name = tx.get(Customer, change.id).name
            if name in BAD:
                raise ValueError(f"{name} is bad")
            tx.add(
                Interaction(
                    customer_id=change.id,
                    channel="mail",
                    happened_at=change.at,
                    subject=f"hello {name}",
                )
            )


def tick(tx, now):
    tx.add(Customer(name=f"tick {now.isoformat()}"))


def idle(tx, changes):
    pass


sys.modules["copying_workers"] = ModuleType("copying_workers")
vars(sys.modules["copying_workers"]).update(greet=greet, tick=tick, idle=idle)


def with_worker(name, **when):
    module = ModuleType(name)
    module.manifest = Manifest(name)
    module.crm_workers = hookimpl(lambda: [WorkerSpec(name, f"copying_workers:{name}", **when)])
    return module


GREETER = with_worker("greet", kinds=(Customer,))
IDLER = with_worker("idle", kinds=(Customer,))
CLOCK = with_worker("tick", every=timedelta(hours=1))


@pytest.fixture(autouse=True)
def bad(monkeypatch):
    """Batches of a few, and a worker that fails at one name."""
    monkeypatch.setattr(copying, "CHANGES", 3)
    monkeypatch.setattr(copying, "RECORDS", 3)
    BAD.clear()
    BAD.add("bad")
    return BAD


def add(crm, *names):
    for name in names:
        with crm.transaction() as tx:
            tx.add(Customer(name=name))


def said(crm):
    return sorted(each.subject for each in crm.find(Interaction))


def hello(*names):
    return sorted(f"hello {name}" for name in names if name != "bad")


def test_a_worker_goes_on_where_it_was(both, bad):
    start, end = both
    source = start.app(GREETER)
    add(source, *"abcd", "bad", *"ef")
    run_workers(source, once=True)
    add(source, *"hij")

    copy(start.reading(GREETER), end.storage(GREETER))

    target = end.app(GREETER)
    [before], [after] = worker_states(source), worker_states(target)
    assert (after.lag, after.ran_at) == (before.lag, before.ran_at) == (3, before.ran_at)
    assert not target.storage.states("crmkit/worker/greet/lease")
    [entry] = asides(target.storage, "greet")
    [change] = target.storage.changes(entry.position - 1, None, 1)
    assert (change.position, change.id) == (entry.position, entry.id)
    assert target.get(Customer, change.id).name == "bad"

    run_workers(target, once=True)
    assert said(target) == hello(*"abcdefhij")
    bad.clear()
    retry(target)
    run_workers(target, once=True)
    assert said(target) == sorted([*hello(*"abcdefhij"), "hello bad"])
    assert asides(target.storage, "greet") == []


def test_later_changes_of_a_record_that_was_set_aside_wait_behind_it(both):
    start, end = both
    source = start.app(GREETER)
    add(source, "bad")
    run_workers(source, once=True)
    customer = next(iter(source.find(Customer)))
    with source.transaction() as tx:
        tx.update(customer.evolve(owner="kim"))
    run_workers(source, once=True)

    copy(start.reading(GREETER), end.storage(GREETER))

    there = end.app(GREETER).storage
    entries = asides(there, "greet")
    changes = [there.changes(each.position - 1, None, 1)[0] for each in entries]
    assert [each.action for each in changes] == ["insert", "update"]
    assert [each.position for each in changes] == [each.position for each in entries]


def test_a_worker_that_went_on_while_a_copy_was_broken_off_is_where_it_is_now(database):
    start, end = database(), database()
    add(start.app(IDLER), *"abcdef")

    def stop(done, total):
        if done > total / 3 - 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(start.reading(IDLER), end.storage(IDLER), stop)
    run_workers(start.app(IDLER), once=True)  # which leaves nothing in the journal

    assert copy(start.reading(IDLER), end.storage(IDLER)).resumed

    [state] = worker_states(end.app(IDLER))
    assert state.lag == 0


def test_a_worker_of_the_clock_keeps_its_time(both, clock):
    start, end = both
    run_workers(start.app(CLOCK), once=True)
    clock.tick(minutes=30)

    copy(start.reading(CLOCK), end.storage(CLOCK))

    target = end.app(CLOCK)
    run_workers(target, once=True)
    assert target.count(Customer) == 1
    clock.tick(minutes=31)
    run_workers(target, once=True)
    assert target.count(Customer) == 2


def test_a_worker_that_has_not_run_begins_where_the_journal_does(both, clock):
    start, end = both
    source = start.app()
    add(source, *"abc")
    clock.tick(days=1)
    trim(source, clock())
    add(source, *"de")

    copy(start.reading(), end.storage())

    target = end.app(GREETER)
    run_workers(target, once=True)
    assert said(target) == hello(*"de")


def test_a_position_that_is_trimmed_from_the_journal_has_the_same_changes_behind_it(both, clock):
    start, end = both
    source = start.app()
    add(source, "a")
    for owner in "kim", "lee":
        with source.transaction() as tx:
            tx.update(next(iter(tx.find(Customer))).evolve(owner=owner))
    position = source.storage.changes()[1].position
    clock.tick(days=1)
    trim(source, clock())  # of the first customer only the last change stays
    add(source, "b", "c")
    with source.storage.transaction() as tx:
        tx.set_state(key_of("greet"), {"position": position, "ran": None})

    copy(start.reading(GREETER), end.storage(GREETER))

    assert [each.lag for each in worker_states(end.app(GREETER))] == [3]


def test_a_change_set_aside_that_is_trimmed_is_not_tried_at_another(database):
    start, end = database(), database()
    source = start.app(GREETER)
    add(source, "bad")
    run_workers(source, once=True)
    [entry] = asides(source.storage, "greet")
    with source.storage.transaction() as tx:  # as if it had been trimmed while the worker began
        tx.set_state(entry.key, None)
        tx.set_state(f"{key_of('greet')}/aside/{0:020}", {**entry.plain(), "position": 0})

    copy(start.reading(GREETER), end.storage(GREETER))

    assert asides(end.app(GREETER).storage, "greet") == []


MOVES = {
    "before": st.integers(0, 7),
    "between": st.integers(0, 4),
    "stops": st.lists(st.integers(1, 12), max_size=3),
    "start": st.sampled_from(["memory", "sqlite"]),
    "end": st.sampled_from(["memory", "sqlite"]),
}
KEPT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_once(database, before, between, stops, start, end):
    here, there = database(start), database(end)
    source = here.app(GREETER)
    done = [f"a{each}" for each in range(before)]
    waiting = [f"b{each}" for each in range(between)]
    add(source, *done)
    run_workers(source, once=True)
    add(source, *waiting)
    for after in [*stops, 0]:
        left = [after]

        def stop(done, total, left=left):
            left[0] -= 1
            if not left[0] and done <= total / 3:
                raise KeyboardInterrupt

        try:
            copy(here.reading(GREETER), there.storage(GREETER), stop)
        except KeyboardInterrupt:
            continue
        break

    target = there.app(GREETER)
    run_workers(target, once=True)
    add(target, "c")
    run_workers(target, once=True)

    assert said(target) == hello(*done, *waiting, "c")


@settings(KEPT, max_examples=15)
@given(**MOVES)
def test_each_effect_happens_once_wherever_the_move_falls(database, **drawn):
    check_once(database, **drawn)


@pytest.mark.long
@settings(KEPT, max_examples=500)
@given(**MOVES)
def test_each_effect_happens_once_in_many_moves(database, **drawn):
    check_once(database, **drawn)
