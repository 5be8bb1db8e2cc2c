"""The law of copies: whatever happened in a database, and wherever a copy is broken off, both are the same."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import attrs
import pytest
from crmkit_exchange.copying import copying
from crmkit_exchange.copying.copying import copy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import (
    Actor,
    CrmError,
    Customer,
    CustomField,
    FieldSpec,
    Identity,
    Interaction,
    Manifest,
    Money,
    Query,
    Record,
    field,
    hookimpl,
    kind,
)
from crmkit.catalogue import catalogue
from crmkit.codec import dump_document
from crmkit.testing.fixtures import FakeClock
from crmkit.trimming import trim


@kind("barn")
class Barn(Record):
    """Where a hen is; a circle of three begins with it."""

    hen_id: str | None = field(default=None, refers_to="hen", on_delete="clear")


@kind("hen", title="name")
class Hen(Record):
    """Came from an egg, behind another hen."""

    name: str = field(default="", search=True)
    egg_id: str | None = field(default=None, refers_to="egg", on_delete="clear")
    barn_id: str | None = field(default=None, refers_to=Barn, on_delete="clear")
    after_id: str | None = field(default=None, refers_to="hen", on_delete="clear")
    price: Money | None = None
    details: Mapping[str, Any] | None = None


@kind("egg")
class Egg(Record):
    """Came from a hen."""

    hen_id: str | None = field(default=None, refers_to=Hen, on_delete="clear")
    customer_id: str | None = field(default=None, refers_to=Customer, on_delete="cascade")


FARM = ModuleType("farm")
FARM.manifest = Manifest("farm")
FARM.crm_kinds = hookimpl(lambda: [Barn, Hen, Egg])
FARM.crm_fields = hookimpl(
    lambda: [FieldSpec(on=Customer, name="rooster", type=str | None, search=True)]
)

SOME = st.integers(0, 9)
TEXT = st.sampled_from(["김하늘", "O'Neil", '환불 "요청"\n', "", "🎉", "a" * 300, "\u2028"])
WORK = (
    "add",
    "edit",
    "contact",
    "merge",
    "delete",
    "again",
    "redact",
    "circle",
    "lay",
    "custom",
    "define",
    "trim",
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "lay", *WORK]), SOME, SOME, TEXT), min_size=1, max_size=25
)


def live(crm, clock, steps):
    """A history: each step a transaction, an hour after the last; what cannot be done is not."""
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier", index=True, search=True))
        tx.add_all(Customer(id=id, name=id) for id in "ab")
    for number, (what, *how) in enumerate(steps):
        clock.tick(hours=1)
        actor = Actor(f"user{number % 3}", "bot" if number % 2 else "person", "test")
        past = clock() - timedelta(days=number) if number % 4 == 0 else None
        try:
            if what == "trim":
                trim(crm, clock() - timedelta(hours=2))
                continue
            with crm.acting(actor).transaction(effective=past) as tx:
                step(tx, clock, what, *how)
        except CrmError:
            continue


def step(tx, clock, what, one, other, text):
    people, hens, eggs = (list(tx.find(each, order="id")) for each in (Customer, Hen, Egg))
    if what == "add" or not people:
        made = tx.add(Customer(name=text or "x", extra={"unknown": [one, text, 1.0, 1, True]}))
        tx.add(Identity(customer_id=made.id, channel="email", value=f"{one}@a.example"))
        return
    mine, their = people[one % len(people)], people[other % len(people)]
    if what == "edit":
        tx.update(mine.evolve(name=text or "y", tags=(text, "t"), organization_id=their.id))
    elif what == "contact":
        tx.add(Interaction(customer_id=mine.id, channel="email", happened_at=clock(), body=text))
    elif what == "merge" and mine.id != their.id:
        tx.merge(mine, their)
    elif what == "delete":
        tx.delete(mine if one % 2 or not hens else hens[one % len(hens)])
    elif what == "again":
        tx.add(Customer(id="ab"[one % 2], name=text or "again"))
    elif what == "redact":
        tx.redact(Customer, [mine.id], ["name"])
    elif what == "circle" and hens and eggs:
        egg, hen = eggs[one % len(eggs)], hens[other % len(hens)]
        barn = tx.add(Barn(id=f"{other}-{clock():%H%M%d}", hen_id=hen.id))
        before = hens[one % len(hens)].id
        tx.update(hen.evolve(egg_id=egg.id, barn_id=barn.id, after_id=before))
        tx.update(egg.evolve(hen_id=hen.id))
    elif what == "lay":
        details = {"n": [1, 1.0, True, None], text or "k": 1e22}
        # Ids in an order of their own, so that references lead ahead and back.
        hen = tx.add(
            Hen(id=f"{other}-{clock():%H%M%d}", name=text, price=Money(one, "KRW"), details=details)
        )
        tx.add(Egg(id=f"{one}-{clock():%H%M%d}", hen_id=hen.id, customer_id=mine.id))
    elif what == "custom":
        tx.update(mine.set("custom.tier", text or None).set("farm.rooster", text or "r"))
    elif what == "define":
        tx.add(CustomField(on="hen", name=f"note{one}", type=["text", "money"][one % 2]))


def facts(crm):
    """All records of all kinds and the journal, positions apart, read through the storage."""
    records = {
        (each.name, record.id): dump_document(each, record)
        for each in crm.schema
        for record in crm.storage.find(Query(each.name))
    }
    return records, [attrs.evolve(each, position=0) for each in crm.storage.changes()]


def moved(here, there, plugins, stops):
    """Copy, broken off behind so many steps, and again, then to the end."""
    for after in [*stops, 0]:
        left = [after]

        def stop(done, total, left=left):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        try:
            return copy(here.reading(*plugins), there.storage(*plugins), stop)
        except KeyboardInterrupt:
            continue
    raise AssertionError("it came to no end")


def check_law(database, clock, steps, start, end, with_plugin, stops, sizes, monkeypatch):
    monkeypatch.setattr(copying, "RECORDS", sizes[0])
    monkeypatch.setattr(copying, "CHANGES", sizes[1])
    here, there = database(start), database(end)
    source = here.app(FARM)
    live(source, clock, steps)
    plugins = [FARM] if with_plugin else []

    done = moved(here, there, plugins, stops)

    assert [each.name for each in done.compared if not each.equal] == []
    target = there.app(FARM)
    assert facts(target) == facts(source)
    assert catalogue(target.schema) == catalogue(source.schema)
    for text in ("김하늘", "요청", "t", "r"):
        hits = [
            {(each.__kind__, each.id) for each in crm.search(text, limit=200)}
            for crm in (source, target)
        ]
        assert hits[0] == hits[1]
    assert target.storage.check() == []
    assert target.storage.states("") == {
        key: each for key, each in source.storage.states("").items() if key != "crmkit/trimmed"
    } | target.storage.states("crmkit/trimmed")


def law(**more):
    return given(
        steps=STEPS,
        start=st.sampled_from(["memory", "sqlite"]),
        end=st.sampled_from(["memory", "sqlite"]),
        with_plugin=st.booleans(),
        stops=st.lists(st.integers(1, 30), max_size=3),
        sizes=st.tuples(st.integers(1, 6), st.integers(1, 20)),
        **more,
    )


KEPT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(KEPT, max_examples=40)
@law()
def test_both_are_the_same(database, monkeypatch, **drawn):
    check_law(database, FakeClock(), monkeypatch=monkeypatch, **drawn)


@pytest.mark.long
@settings(KEPT, max_examples=1_000)
@law()
def test_both_are_the_same_after_many_histories(database, monkeypatch, **drawn):
    check_law(database, FakeClock(), monkeypatch=monkeypatch, **drawn)


@pytest.mark.long
@settings(KEPT, max_examples=60)
@given(steps=STEPS, stops=st.lists(st.integers(1, 30), max_size=2), back=st.booleans())
def test_both_are_the_same_on_a_server(database, monkeypatch, steps, stops, back):
    pytest.importorskip("crmkit_sql.storage")
    places = ("postgres", "sqlite") if back else ("sqlite", "postgres")
    check_law(database, FakeClock(), steps, *places, True, stops, (3, 7), monkeypatch)


# References -------------------------------------------------------------------------------------------------------

PAIR = st.tuples(SOME, SOME)


@settings(KEPT, max_examples=30)
@given(pairs=st.lists(PAIR, max_size=30), size=st.integers(1, 5))
def test_references_in_any_shape_hold_at_every_commit(database, monkeypatch, pairs, size):
    monkeypatch.setattr(copying, "RECORDS", size)
    here, there = database("memory"), database("sqlite")
    with here.app(FARM).transaction() as tx:
        hens = tx.add_all(Hen(id=f"h{number}") for number in range(10))
        eggs = tx.add_all(Egg(id=f"e{number}") for number in range(10))
        barns = tx.add_all(Barn(id=f"b{number}") for number in range(10))
        for one, other in pairs:
            hen, egg, barn = (
                tx.get(each.__kind__, each.id) for each in (hens[one], eggs[other], barns[one])
            )
            tx.update(hen.evolve(egg_id=eggs[other].id, after_id=hens[other].id))
            tx.update(egg.evolve(hen_id=hens[one - other].id))
            tx.update(barn.evolve(hen_id=hens[other].id))
            hen = tx.get(Hen, hens[other].id)
            tx.update(hen.evolve(barn_id=barns[one].id))

    done = copy(here.reading(FARM), there.storage(FARM))  # SQLite refuses what leads nowhere

    assert all(each.equal for each in done.compared)


def test_a_chain_of_references_is_not_held_in_memory(database, monkeypatch):
    monkeypatch.setattr(copying, "RECORDS", 5)
    here, there = database(), database()
    with here.app(FARM).transaction() as tx:
        tx.add_all(
            Hen(id=f"{number:04}", details={"text": str(number) * 5_000}) for number in range(300)
        )
        # Each was laid by the next hen, so the first batch draws all of them after it.
        tx.add_all(Egg(id=f"{number:04}", hen_id=f"{number + 1:04}") for number in range(299))
        for number in range(299):
            tx.update(tx.get(Hen, f"{number:04}").evolve(egg_id=f"{number:04}"))
    source, target = here.reading(FARM), there.storage(FARM)

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    tracemalloc.start()
    with pytest.raises(KeyboardInterrupt):
        copy(source, target, stop)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (
        there.reading(FARM).count(Query("hen")) == 299
    )  # all but the first, which no egg refers to
    assert peak < 3_000_000
