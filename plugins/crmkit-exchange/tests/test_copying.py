"""One database into another: everything arrives, wherever it goes, and a copy goes on where it was broken off."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import attrs
import pytest
from crmkit_exchange.copying import COPY, copying
from crmkit_exchange.copying.comparing import compare
from crmkit_exchange.copying.copying import copy

from crmkit import (
    CRM,
    Config,
    CrmError,
    Customer,
    CustomField,
    Identity,
    Interaction,
    Manifest,
    Query,
    Record,
    field,
    hookimpl,
    kind,
    where,
)
from crmkit.codec import dump_document
from crmkit.crm import chosen
from crmkit.opening import CATALOGUE, NORMALISERS
from crmkit.plugins import Plugins
from crmkit.trimming import trim

SHARED = ["sqlite", *(["postgres"] if find_spec("crmkit_sql.storage") else [])]
"""Where two processes can write to one database."""

PLACES = ["memory", *SHARED]
ENOUGH = {
    ("sqlite", "sqlite"),
    ("memory", "sqlite"),
    ("sqlite", "postgres"),
    ("postgres", "memory"),
}
"""Directions in which each place is read and is written to."""

BROKEN_OFF = [
    pytest.param(pair, marks=() if pair in ENOUGH else pytest.mark.long, id="-".join(pair))
    for pair in itertools.product(PLACES, repeat=2)
]


@kind("wish", title="text")
class Wish(Record):
    """Refers to itself, and to a customer that may refer to another."""

    text: str = field(default="", search=True)
    customer_id: str | None = field(default=None, refers_to=Customer, on_delete="clear")
    after_id: str | None = field(default=None, refers_to="wish", on_delete="clear")
    details: Mapping[str, Any] | None = None


def plugin(name, **hooks):
    module = ModuleType(name)
    module.manifest = Manifest(name)
    for each, does in hooks.items():
        setattr(module, each, hookimpl(does))
    return module


WISHES = plugin("wishes", crm_kinds=lambda: [Wish])


@pytest.fixture
def small(monkeypatch):
    """Batches of a few."""
    monkeypatch.setattr(copying, "RECORDS", 5)
    monkeypatch.setattr(copying, "CHANGES", 5)


def live(crm, clock):
    """A few years of a company: circles, merges, deletes and returns, redactions, what people and nobody declared."""
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier", index=True, search=True))
    with crm.transaction() as tx:
        a = tx.add(Customer(name="한빛전자", type="organization"))
        b = tx.add(Customer(name="김하늘", organization_id=a.id, added={"custom.tier": "gold"}))
        a = tx.update(a.evolve(organization_id=b.id))
        c = tx.add(Customer(name="김하늘 2", extra={"old.field": {"x": [1, 1.0, None]}}))
        for customer in (a, b, c):
            tx.add(Identity(customer_id=customer.id, channel="email", value="Buy@Hanbit.example"))
        gone = tx.add(Customer(name="gone"))
    clock.tick(days=1)
    with crm.acting("kim").transaction(effective=clock() - timedelta(days=300)) as tx:
        for number in range(30):
            tx.add(
                Interaction(
                    customer_id=[a, b, c][number % 3].id,
                    channel="email",
                    happened_at=clock(),
                    subject=f"환불 {number}",
                )
            )
        tx.delete(gone)
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.merge(tx.get(Customer, b.id), tx.get(Customer, c.id))
        tx.add(Customer(id=gone.id, name="back"))
        tx.redact(Identity, [next(iter(tx.find(Identity))).id], ["value"])
    if Wish.__kind__ in crm.schema.kinds:
        with crm.transaction() as tx:
            one = tx.add(Wish(text="one", customer_id=a.id, details={"b": 1, "a": 1e22}))
            two = tx.add(Wish(text="two", after_id=one.id))
            tx.update(one.evolve(after_id=two.id))
    return crm


def journal(reads):
    return [attrs.evolve(each, position=0) for each in reads.changes()]


def counts(done):
    assert [each.name for each in done.compared if not each.equal] == []
    return {each.name: each.source.count for each in done.compared}


# What arrives -----------------------------------------------------------------------------------------------------


def test_everything_arrives(both, clock, small):
    start, end = both
    source = live(start.app(WISHES), clock)

    done = copy(start.reading(WISHES), end.storage(WISHES))

    target = end.app(WISHES)
    assert counts(done) == {
        **{each.name: source.count(each.name) for each in source.schema},
        "journal": len(list(source.changes())),
    }
    assert (done.resumed, done.since) == (False, 0)
    assert journal(source) == journal(target)
    assert {hit.id for hit in target.search("환불")} == {hit.id for hit in source.search("환불")}
    assert target.storage.check() == []
    assert target.storage.states("") == {
        each: source.storage.state(each) for each in (CATALOGUE, NORMALISERS)
    }
    customer = next(iter(target.find(Customer, where["custom.tier"] == "gold")))
    with target.transaction() as tx:
        assert tx.update(customer.evolve(owner="kim")).version == customer.version + 1


def test_kinds_without_their_plugin_arrive_as_they_are(both, clock):
    start, end = both
    live(start.app(WISHES), clock)

    assert counts(copy(start.reading(), end.storage()))["wish"] == 2

    wishes = end.app(WISHES).find(Wish)
    assert sorted(each.text for each in wishes) == ["one", "two"]


def test_documents_of_an_older_schema_are_copied_as_they_are_and_brought_forward_there(
    database, clock
):
    @kind("wish", title="text", schema=2)
    class Newer(Wish):
        @classmethod
        def upgrade(cls, data, from_schema):
            return {**data, "text": data["text"].upper()}

    start, end, newer = database(), database(), plugin("wishes", crm_kinds=lambda: [Newer])
    live(start.app(WISHES), clock)
    before = start.storage().states(""), journal(start.storage())

    counts(copy(start.reading(newer), end.storage(newer)))

    assert (start.storage().states(""), journal(start.storage())) == before
    assert journal(end.storage()) == before[1]
    assert sorted(each.text for each in end.app(newer).find(Newer)) == ["ONE", "TWO"]


def test_a_newer_schema_arrives_too(database, clock):
    @kind("wish", title="text", schema=2)
    class Newer(Wish):
        pass

    start, end, newer = database(), database(), plugin("wishes", crm_kinds=lambda: [Newer])
    with start.app(newer).transaction() as tx:
        tx.add(Newer(text="new"))

    counts(copy(start.reading(WISHES), end.storage(WISHES)))

    assert [each.text for each in end.app(newer).find(Newer)] == ["new"]
    with pytest.raises(CrmError, match="upgrade that plugin"):
        end.app(WISHES)


def test_no_plugin_is_started_on_either(database):
    def crm_startup(crm):
        with crm.transaction() as tx:
            tx.add(Customer(name="seeded"))

    start, end, seeds = database(), database(), plugin("seeds", crm_startup=crm_startup)
    start.app()

    done = copy(start.reading(seeds), end.storage(seeds))

    assert counts(done)["customer"] == 0


def test_a_trimmed_journal_arrives_with_its_horizon(both, clock, small):
    start, end = both
    source = live(start.app(), clock)
    clock.tick(days=1)
    trim(source, clock() - timedelta(days=1))
    with source.transaction() as tx:
        tx.add(Customer(name="later"))

    counts(copy(start.reading(), end.storage()))

    target = end.app()
    moment = clock() - timedelta(hours=1)
    assert target.count(Customer, as_of=moment) == source.count(Customer, as_of=moment)
    with pytest.raises(CrmError, match="the past is known from"):
        target.count(Customer, as_of=clock() - timedelta(days=3))
    assert [each.id for each in target.changes()] == [each.id for each in source.changes()]


def test_what_plugins_keep_for_themselves_comes_along_and_nothing_else_stays(database, clock):
    start, end = database(), database("memory")
    end.app()
    with end.storage().transaction() as tx:
        tx.set_state("plugin/stale", 1)
    source = live(start.app(), clock)
    with source.storage.transaction() as tx:
        tx.set_state("plugin/note", {"a": [1]})
        tx.set_state("crmkit/worker/greet/lease", {"holder": "me", "until": ""})
    copy(start.reading(), end.storage())
    kept = end.storage().states("")
    assert {*kept} == {"plugin/note", CATALOGUE, NORMALISERS}
    assert kept["plugin/note"] == {"a": [1]}


def test_a_source_half_brought_forward_is_refused(database):
    start, end = database(), database()
    with start.app().storage.transaction() as tx:
        tx.set_state("crmkit/upgrade/customer/2", "cursor")
    with pytest.raises(CrmError, match="customer records of the source were not all brought"):
        copy(start.reading(), end.storage())


def test_kinds_that_only_the_target_has_stay(database, clock):
    start, end = database(), database()
    live(start.app(), clock)
    end.app(WISHES)

    done = copy(start.reading(), end.storage())

    assert counts(done)["wish"] == 0
    assert "wish" in end.app().schema.kinds


@pytest.mark.parametrize("place", SHARED)
def test_what_is_written_meanwhile_is_counted_and_not_in_the_copy(database, clock, small, place):
    start, end = database(place), database()
    source = live(start.app(), clock)
    before = journal(source)

    def write(done, total):
        if not source.count(Customer, where.name == "new"):
            with source.transaction() as tx:
                tx.add(Customer(name="new"))

    done = copy(start.reading(), end.storage(), write)

    assert done.since == 1
    counts(done)
    assert journal(end.storage()) == before


def test_progress_rises_to_the_end(database, clock, small):
    start, end = database(), database()
    live(start.app(), clock)
    told = []

    done = copy(start.reading(), end.storage(), lambda *said: told.append(said))

    total = 3 * sum(counts(done).values())
    assert told == sorted(told)
    assert (total / 3, total) in told
    assert len([done for done, _ in told if done < total / 3]) > 10
    assert told[-1] == (total, total)
    assert {each[1] for each in told} == {total}


# Broken off, and gone on with ---------------------------------------------------------------------------------------


class Stopped(Exception):
    pass


def begun(start, end, *plugins, after=3):
    """The beginning of a copy, of so many batches."""
    steps = itertools.count(1)

    def stop(done, total):
        if next(steps) == after:
            raise Stopped

    with pytest.raises(Stopped):
        copy(start.reading(*plugins), end.storage(*plugins), stop)


@pytest.mark.parametrize("both", BROKEN_OFF, indirect=True)
def test_a_copy_goes_on_wherever_it_was_broken_off(both, clock, small):
    start, end = both
    live(start.app(WISHES), clock)
    runs, reached = 0, set()

    def stop(done, total):
        if done <= total / 3 and done not in reached:
            reached.add(done)
            raise Stopped

    while True:
        runs += 1
        try:
            done = copy(start.reading(WISHES), end.storage(WISHES), stop)
        except Stopped:
            continue
        break

    assert runs > 12
    assert done.resumed
    counts(done)
    assert journal(start.storage()) == journal(end.storage())
    assert end.app(WISHES).storage.check() == []


def test_records_that_were_copied_are_not_copied_again(database, clock, small, monkeypatch):
    start, end = database(), database()
    live(start.app(), clock)
    begun(start, end, after=8)
    there = end.reading()
    had = sum(there.count(Query(each.name)) for each in there.schema)
    written = []
    original = copying.Batches.write

    def write(self, *args):
        found = original(self, *args)
        written.append(found[0])
        return found

    monkeypatch.setattr(copying.Batches, "write", write)
    done = copy(start.reading(), end.storage())

    assert had
    assert sum(written) == sum(counts(done).values()) - counts(done)["journal"] - had


def test_a_copy_broken_off_while_it_compares_only_compares(database, clock, monkeypatch):
    start, end = database(), database()
    live(start.app(), clock)

    def broken(*args):
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(copying, "compare_reads", broken)
        with pytest.raises(Stopped):
            copy(start.reading(), end.storage())
    position = end.storage().position()

    done = copy(start.reading(), end.storage())

    assert done.resumed
    counts(done)
    assert end.storage().position() == position
    assert end.storage().state(COPY) is None


def test_what_a_broken_off_copy_brought_of_the_state_is_as_it_is_now(database, clock, monkeypatch):
    start, end = database(), database()
    source = live(start.app(), clock)

    def broken(*args):
        raise Stopped

    with source.storage.transaction() as tx:
        tx.set_state("plugin/note", 1)
        tx.set_state("plugin/done", 1)
    with monkeypatch.context() as patch:
        patch.setattr(copying, "compare_reads", broken)
        with pytest.raises(Stopped):
            copy(start.reading(), end.storage())
    assert end.storage().state("plugin/done") == 1
    with source.storage.transaction() as tx:
        tx.set_state("plugin/note", 2)
        tx.set_state("plugin/done", None)

    copy(start.reading(), end.storage())

    assert end.storage().states("plugin/") == {"plugin/note": 2}


def test_half_a_copy_opens_no_app(database, clock, small):
    start, end = database(), database()
    live(start.app(), clock)
    begun(start, end)
    with pytest.raises(CrmError, match="copy that was broken off"):
        end.app()
    copy(start.reading(), end.storage())
    assert end.app().count(Customer)


def test_a_source_that_was_written_to_is_no_longer_the_one_that_was_begun_with(
    database, clock, small
):
    start, end = database(), database()
    source = live(start.app(), clock)
    begun(start, end)
    with source.transaction() as tx:
        tx.add(Customer(name="new"))
    with pytest.raises(CrmError, match="the source was written to since"):
        copy(start.reading(), end.storage())


def test_a_source_that_was_trimmed_is_another_too(database, clock, small):
    start, end = database(), database()
    source = live(start.app(), clock)
    begun(start, end, after=20)
    clock.tick(days=1)
    trim(source, clock() - timedelta(days=1))
    with pytest.raises(CrmError, match="the source was written to since"):
        copy(start.reading(), end.storage())


def test_another_source_is_not_gone_on_with(database, clock, small):
    start, other, end = database(), database(), database()
    live(start.app(), clock)
    live(other.app(), clock)
    begun(start, end)
    with pytest.raises(CrmError, match="the source was written to since"):
        copy(other.reading(), end.storage())


def test_a_target_that_was_written_to_is_no_beginning(database, clock, small):
    start, end = database(), database()
    live(start.app(), clock)
    begun(start, end)
    loaded = Plugins.load(chosen(Config(), ["sqlite"]), {})
    unguarded = CRM(end.storage(), loaded, Config(), clock)
    unguarded.start()
    with unguarded.transaction() as tx:
        tx.add(Customer(name="there"))
    with pytest.raises(CrmError, match="the target was written to since"):
        copy(start.reading(), end.storage())


def test_a_target_that_holds_anything_is_refused(both, clock):
    start, end = both
    live(start.app(), clock)
    with end.app().transaction() as tx:
        tx.add(Customer(name="there"))
    before = end.storage().states("")
    with pytest.raises(CrmError, match="goes into an empty database"):
        copy(start.reading(WISHES), end.storage(WISHES))
    assert [each.name for each in end.app().find(Customer)] == ["there"]
    assert end.storage().states("") == before


def test_what_was_copied_is_not_copied_over(database, clock):
    start, end = database(), database()
    live(start.app(), clock)
    copy(start.reading(), end.storage())
    with pytest.raises(CrmError, match="--check"):
        copy(start.reading(), end.storage())


@pytest.mark.parametrize("at", [1, 4, 12])
@pytest.mark.parametrize("place", SHARED)
def test_two_copies_at_once_do_nothing_twice(database, clock, small, place, at):
    start, end = database(), database(place)
    live(start.app(), clock)
    first, steps = [], itertools.count(1)

    def meanwhile(done, total):
        if next(steps) == at:
            first.append(copy(start.reading(), end.storage()))

    with pytest.raises(CrmError, match="another process copies"):
        copy(start.reading(), end.storage(), meanwhile)

    counts(*first)
    assert journal(start.storage()) == journal(end.storage())


# Comparing --------------------------------------------------------------------------------------------------------


def test_a_difference_is_named(both, clock):
    start, end = both
    live(start.app(), clock)
    copy(start.reading(), end.storage())
    target = end.app()
    with target.transaction() as tx:
        customer = next(iter(tx.find(Customer)))
        tx.update(customer.evolve(owner="other"))

    found = {each.name: each for each in compare(start.reading(), end.reading()) if not each.equal}

    assert {*found} == {"customer", "journal"}
    assert found["customer"].source.count == found["customer"].target.count
    assert found["journal"].source.count == found["journal"].target.count - 1


def test_a_copy_that_is_not_equal_stays_unopened(database, clock, monkeypatch):
    start, end = database(), database()
    live(start.app(), clock)
    original = copying.carried

    def spoilt(reads, tx):
        record = next(reads.find(Query("customer")))
        document = dump_document(reads.schema["customer"], record)
        tx.restore([("customer", {**document, "id": "one too many"})], [])
        return original(reads, tx)

    monkeypatch.setattr(copying, "carried", spoilt)
    done = copy(start.reading(), end.storage())

    assert [each.name for each in done.compared if not each.equal] == ["customer"]
    with pytest.raises(CrmError, match="broken off"):
        end.app()
