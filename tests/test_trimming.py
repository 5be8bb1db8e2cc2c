"""Trimming the journal: nobody who asks for what is gone gets a wrong answer, and no worker misses a change."""

import sys
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    BusyError,
    Config,
    ConflictError,
    Customer,
    Interaction,
    NotFound,
    PluginError,
    QueryError,
    TrimmedError,
    ValueRefused,
    WorkerSpec,
    trimming,
    where,
)
from crmkit.past import TRIMMED, Horizon, Past
from crmkit.positions import forget, worker_states
from crmkit.testing.fixtures import FakeClock
from crmkit.trimming import trim, trimmable
from crmkit.values import format_time
from crmkit.worker import run_workers

from .conftest import BACKENDS


def add(crm, *records):
    with crm.transaction() as tx:
        return tx.add_all(records)


def change(crm, record, **values):
    with crm.transaction() as tx:
        return tx.update(tx.get(record.__kind__, record.id).evolve(**values))


@pytest.fixture
def kim(app, clock):
    """A customer who was renamed twice, an hour apart, an hour ago."""
    [kim] = add(app, Customer(name="one"))
    for name in ("two", "three"):
        clock.tick(hours=1)
        kim = change(app, kim, name=name)
    clock.tick(hours=1)
    return kim


# What is known ---------------------------------------------------------------------------------------------------


def test_reads_of_before_the_horizon_say_from_when_on_the_past_is_known(app, clock, kim):
    horizon = clock()
    clock.tick(hours=1)
    change(app, kim, name="four")

    told = trim(app, horizon)

    assert (told.count, told.position) == (2, 3)
    early = horizon - timedelta(microseconds=1)
    reads = [
        lambda at: app.get(Customer, kim.id, as_of=at),
        lambda at: app.get(Customer, "nobody", as_of=at),
        lambda at: list(app.find(Customer, as_of=at)),
        lambda at: app.page(Interaction, as_of=at),
        lambda at: app.count(Customer, where.name == "two", as_of=at),
        lambda at: app.timeline(kim.id, as_of=at),
        lambda at: app.profile(kim.id, as_of=at),
        lambda at: app.changes(since=at),
    ]
    for read in reads:
        with pytest.raises(
            TrimmedError, match=f"the past is known from {horizon.date()}T"
        ) as caught:
            read(early)
        assert isinstance(caught.value, QueryError)
        assert caught.value.since == horizon
    with pytest.raises(TrimmedError):
        Past(app.storage, early)  # before anything is read
    then = app.get(Customer, kim.id, as_of=horizon)
    assert (then.name, then.version) == ("three", 3)
    assert app.get(Customer, kim.id).name == "four"


def test_versions_that_were_trimmed_are_not_there(app, clock, kim):
    trim(app, clock())

    assert app.at_version(Customer, kim.id, 3) == kim
    with pytest.raises(NotFound, match=f"`crm history customer {kim.id}` shows what there is"):
        app.at_version(Customer, kim.id, 2)
    with app.transaction() as tx, pytest.raises(NotFound):
        tx.revert(Customer, kim.id, 1)
    assert [each.version for each in app.history(Customer, kim.id)] == [3]


def test_a_change_of_what_was_read_before_the_trim_is_a_conflict_not_a_guess(app, clock, kim):
    stale = app.at_version(Customer, kim.id, 2)
    trim(app, clock())
    change(app, kim, owner="lee")

    with pytest.raises(ConflictError), app.transaction() as tx:
        tx.update(stale.evolve(country="KR"))
    with app.transaction() as tx:
        assert tx.update(kim.evolve(country="KR")).owner == "lee"


def test_redaction_works_on_what_trimming_left(app, clock, kim):
    [gone] = add(app, Customer(name="secret"))
    with app.transaction() as tx:
        tx.delete(gone)
    clock.tick(hours=1)
    trim(app, clock())
    with app.transaction() as tx:
        tx.redact(Customer, [kim.id, gone.id])

    assert app.get(Customer, kim.id).name == ""
    assert "secret" not in repr(app.storage.changes())
    with app.transaction() as tx, pytest.raises(NotFound):
        tx.redact(Customer, ["nobody"])
    [again] = add(app, Customer(id=gone.id, name="back"))
    assert again.version == 3


def test_what_is_trimmed_while_the_past_is_read_is_refused_too(app, clock, kim):
    early = clock() - timedelta(hours=2)
    past, other = Past(app.storage, early), Past(app.storage, early)
    assert past.get("customer", kim.id).version == 2
    trim(app, clock())

    with pytest.raises(TrimmedError):
        past.get("customer", kim.id)
    with pytest.raises(TrimmedError):
        other.all("customer")


# Going on behind a position --------------------------------------------------------------------------------------


def test_a_reader_from_before_the_trim_is_told_and_a_new_one_goes_through_what_is_left(
    app, clock, kim
):
    other = add(app, Customer(name="a"))[0]
    clock.tick(hours=1)
    told = trim(app, clock())
    assert app.changes() == []
    later = [change(app, other, name=name) for name in "bcd"]

    with pytest.raises(TrimmedError, match="behind position 1 are trimmed"):
        app.changes(1)
    found, after = [], 0
    while page := app.changes(after, limit=2):
        found, after = found + page, page[-1].position
    assert [each.version for each in found] == [each.version for each in later]
    assert app.changes(told.position) == found
    assert app.changes(after) == []
    assert app.changes(kinds=["interaction"]) == []


def test_a_reader_is_told_even_where_only_the_middle_is_missing(app, clock, kim):
    add(app, Customer(name="a"))
    change(app, kim, name="four")
    clock.tick(hours=1)
    trim(app, clock())
    left = [each.position for each in app.storage.changes()]
    assert left == [4, 5]
    assert [each.position for each in app.changes(3)] == left  # all behind 3 are there
    with pytest.raises(TrimmedError):
        app.changes(2)


# What is refused -------------------------------------------------------------------------------------------------


def test_an_earlier_date_and_one_that_lies_ahead_are_refused(app, clock, kim):
    trim(app, clock())

    with pytest.raises(TrimmedError, match="already; name a later time"):
        trim(app, clock() - timedelta(seconds=1))
    with pytest.raises(ValueRefused, match="lies ahead"):
        trim(app, clock() + timedelta(seconds=1))
    with pytest.raises(ValueRefused, match="time zone"):
        trim(app, clock().replace(tzinfo=None))
    assert trim(app, clock()).count == 0


def test_a_journal_in_which_nothing_is_old_stays_whole(app, clock, kim):
    first = app.changes()[0].at

    assert trim(app, first).position == 0
    assert app.count(Customer, as_of=first - timedelta(days=1)) == 0
    assert Horizon.of(app.storage) is None


def test_nothing_is_kept_of_a_trim_that_was_only_asked_about(app, clock, kim):
    before = app.changes()
    assert trimmable(app, clock()).count == 2
    assert app.changes() == before
    assert app.storage.state(TRIMMED) is None


def test_a_trim_that_was_broken_off_goes_on(app, clock, monkeypatch):
    monkeypatch.setattr(trimming, "STEP", 2)
    _, _, kim = add(app, *(Customer(name=each) for each in "abc"))
    for number in range(5):
        kim = change(app, kim, name=f"n{number}")
    clock.tick(hours=1)

    def broken_off(reached, position):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trim(app, clock(), broken_off)
    assert Horizon.of(app.storage) == Horizon(clock(), 8, 2)
    assert app.storage.check() == []
    with pytest.raises(TrimmedError):
        app.get(Customer, kim.id, as_of=clock() - timedelta(seconds=1))
    seen = []
    assert trim(app, clock(), lambda *done: seen.append(done)).count == 5
    assert seen == [(4, 8), (6, 8), (8, 8)]
    assert [each.version for each in app.history(Customer, kim.id)] == [6]


def test_two_who_trim_at_once_do_not_mix(app, clock, kim, monkeypatch):
    monkeypatch.setattr(trimming, "STEP", 1)

    def another(reached, position):
        if reached == 1:
            trim(app, clock())

    with pytest.raises(BusyError, match="another process is trimming"):
        trim(app, clock(), another)
    assert Horizon.of(app.storage).reached == 3
    assert app.storage.check() == []


# Workers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def follower(plugin, monkeypatch):
    """A plugin with a worker for customers, which keeps what it saw and fails at those called bad."""
    seen = []

    def function(tx, changes):
        for each in changes:
            if tx.get(Customer, each.id).name == "bad":
                raise ValueError("bad")
            seen.append((each.position, each.delta))

    module = plugin(
        "mail", crm_workers=lambda: [WorkerSpec("mail", "mail_plugin:function", kinds=[Customer])]
    )
    module.function, module.seen = function, seen
    monkeypatch.setitem(sys.modules, "mail_plugin", module)
    return module


def test_a_worker_that_has_not_seen_all_holds_trimming_back(open_crm, clock, follower):
    crm = open_crm(follower)
    [kim] = add(crm, Customer(name="a"))
    change(crm, kim, name="b")
    clock.tick(hours=1)

    with pytest.raises(PluginError, match="worker 'mail' has not seen all of that; run `crm work"):
        trim(crm, clock())
    run_workers(crm, once=True)
    add(crm, Interaction(channel="mail", happened_at=clock()))  # none of its kinds
    clock.tick(hours=1)
    horizon = clock()
    change(crm, kim, name="c")  # not yet seen, but it stays
    assert trim(crm, horizon).count == 1


def test_a_change_set_aside_holds_trimming_back(open_crm, clock, follower):
    crm = open_crm(follower)
    add(crm, Customer(name="bad"))
    clock.tick(hours=1)
    run_workers(crm, once=True)

    with pytest.raises(PluginError, match="set a change of that aside; run `crm worker retry`"):
        trim(crm, clock())
    assert worker_states(crm)[0].lag == 0


def test_a_worker_whose_plugin_is_gone_holds_trimming_back_until_it_is_forgotten(
    open_crm, clock, follower, url
):
    if url == "memory://":
        pytest.skip("nothing is left of a database in memory")
    crm = open_crm(follower)
    add(crm, Customer(name="a"), Customer(name="bad"))
    run_workers(crm, once=True)
    crm.close()
    crm = open_crm()
    add(crm, Customer(name="b"))
    clock.tick(hours=1)

    with pytest.raises(PluginError, match=r"is not loaded; enable it .*`crm worker forget mail`"):
        trim(crm, clock())
    [state] = worker_states(crm)
    assert (state.name, state.loaded, state.lag, len(state.aside)) == ("mail", False, 1, 1)
    with crm.transaction() as tx:
        tx.set_state("crmkit/worker/mailing", {"position": 99})
    forget(crm, "mail")
    assert list(crm.storage.states("crmkit/worker/")) == ["crmkit/worker/mailing"]
    assert trim(crm, clock()).position == 3
    with pytest.raises(PluginError, match="nothing is kept"):
        forget(crm, "mail")


def test_a_worker_in_use_is_not_forgotten(open_crm, follower):
    with pytest.raises(PluginError, match="is in use; disable its plugin"):
        forget(open_crm(follower), "mail")


def test_a_new_worker_begins_where_the_journal_does(open_crm, clock, follower, url):
    if url == "memory://":
        pytest.skip("nothing is left of a database in memory")
    crm = open_crm()
    [kim] = add(crm, Customer(name="a"))
    change(crm, kim, name="b")
    clock.tick(hours=1)
    trim(crm, clock())
    crm.close()

    crm = open_crm(follower)
    assert worker_states(crm)[0].lag == 0
    change(crm, kim, name="c")
    assert worker_states(crm)[0].lag == 1
    run_workers(crm, once=True)
    assert follower.seen == [(3, {"name": ("b", "c")})]
    clock.tick(hours=1)
    assert trim(crm, clock()).position == 3


def test_what_was_set_aside_and_is_trimmed_is_let_go(open_crm, clock, follower):
    crm = open_crm(follower)
    [kim] = add(crm, Customer(name="bad"))
    run_workers(crm, once=True)
    change(crm, kim, name="good")
    # As if it had begun in another process after the trim had looked for workers.
    with crm.storage.transaction() as tx:
        tx.trim(2, 0, 10)
    clock.tick(hours=1)
    run_workers(crm, once=True)
    for key, entry in crm.storage.states("crmkit/worker/mail/aside/").items():
        with crm.storage.transaction() as tx:
            tx.set_state(key, {**entry, "again": format_time(clock().replace(year=2000))})
    run_workers(crm, once=True)

    assert worker_states(crm)[0].aside == ()
    assert [position for position, _ in follower.seen] == [2]


# The law ---------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["write", "write", "write", "delete"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from([None, "a", "b"]),
    ),
    min_size=1,
    max_size=25,
)


def _play(crm, clock, steps):
    """Inserts, updates and deletes of customers who refer to each other; the moments behind each."""
    moments = []
    for id, action, name, organization in steps:
        clock.tick(minutes=1)
        [there] = crm.get_many(Customer, [id])
        known = {each.id for each in crm.find(Customer)} - {id}
        values = {"name": name, "organization_id": organization if organization in known else None}
        with crm.transaction() as tx:
            if action == "delete":
                if there is not None:
                    tx.delete(there)
            elif there is None:
                tx.add(Customer(id=id, **values))
            else:
                tx.update(there.evolve(**values))
        clock.tick(minutes=1)
        moments.append(clock())
    return moments


def _answers(crm, moment):
    return [
        crm.get_many(Customer, ["a", "b", "c"], as_of=moment),
        list(crm.find(Customer, order="name", as_of=moment)),
        list(crm.find(Customer, where.organization_id.name == "x", as_of=moment)),
        crm.count(Customer, where.name == "x", as_of=moment),
    ]


# A server has the contract's random histories: a database for each of forty would take longer than the rest.
@pytest.mark.parametrize("backend", [each for each in BACKENDS if each != "postgresql"])
@settings(max_examples=40)
@given(steps=STEPS, cuts=st.lists(st.integers(0, 24), min_size=1, max_size=3))
def test_the_past_from_the_horizon_on_is_the_same_as_before(backend, steps, cuts):
    clock = FakeClock()
    plugins = [] if backend == "memory" else [backend]
    with CRM.open(f"{backend}://", plugins=plugins, config=Config(), clock=clock) as crm:
        moments = _play(crm, clock, steps)
        for cut in sorted(min(each, len(moments) - 1) for each in cuts):
            known = moments[cut:]
            before = [_answers(crm, each) for each in known]
            trim(crm, known[0])
            assert [_answers(crm, each) for each in known] == before
            assert crm.storage.check() == []
        assert _answers(crm, clock()) == _answers(crm, None)
