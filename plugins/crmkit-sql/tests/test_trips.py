"""How many round trips there are to the server; nothing that people write is in a statement."""

from __future__ import annotations

from types import ModuleType

import pytest

from crmkit import CRM, Config, Customer, Identity, Interaction, Manifest, hookimpl
from crmkit.errors import QueryError
from crmkit.query import Where, where
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab
from crmkit.values import now


@pytest.fixture
def app(postgres_url):
    with CRM.open(postgres_url, plugins=["sql"], config=Config()) as crm:
        with crm.transaction() as tx:  # whoever is first prepares statements
            tx.add(Customer(name="first"))
        yield crm


def test_one_trip_reads_one_record_and_one_reads_many(lab, wire):
    records = lab.named("a", "b", "c")
    ran = wire(lab.storage)
    lab.get(records[0])
    assert ran.trips() == 1
    lab.storage.get("specimen", [each.id for each in records])
    assert ran.trips() == 1


def test_one_trip_reads_a_page_with_what_it_refers_to(lab, wire):
    lab.named("a", "b", "c")
    ran = wire(lab.storage)
    page = lab.page(where.customer_id.owner == None, order="name", limit=1)  # noqa: E711
    assert ran.trips() == 1
    lab.page(where.customer_id.owner == None, order="name", limit=1, after=page.after)  # noqa: E711
    assert ran.trips() == 1


def test_one_trip_reads_a_page_behind_missing_values(lab, wire):
    lab.insert(*(Specimen(number=number) for number in (None, 1, 2, 3)))
    ran = wire(lab.storage)
    page = lab.page(order="-number", limit=2)
    assert ran.trips() == 1
    assert [each.number for each in lab.page(order="-number", limit=2, after=page.after)] == [
        1,
        None,
    ]
    assert ran.trips() == 1


def test_creating_a_record_is_one_trip_beyond_the_commit(app, wire):
    ran = wire(app.storage)
    with app.transaction() as tx:
        tx.add(Customer(name="한빛전자", owner="kim"))
        assert ran.trips() == 1
    assert ran.trips() == 1


def test_an_observer_costs_no_trip(postgres_url, wire):
    told = []
    watching = ModuleType("watching")
    watching.manifest = Manifest("watching")
    watching.crm_committed = hookimpl(lambda changes: told.append(list(changes)))
    with CRM.open(postgres_url, plugins=["sql", watching], config=Config()) as app:
        with app.transaction() as tx:
            tx.add(Customer(name="first"))
        ran = wire(app.storage)
        with app.transaction() as tx:
            tx.add(Customer(name="한빛전자", owner="kim"))
            assert ran.trips() == 1
        assert ran.trips() == 1
        assert [each for one in told for each in one] == app.changes()


def test_changing_a_record_is_two_trips_beyond_the_commit(app, wire):
    with app.transaction() as tx:
        customer = tx.add(Customer(name="한빛전자"))
    ran = wire(app.storage)
    with app.transaction() as tx:
        tx.update(customer.evolve(owner="kim"))
        assert ran.trips() == 2
    assert ran.trips() == 1


def test_a_timeline_is_one_trip_for_each_kind(app, wire):
    with app.transaction() as tx:
        customer = tx.add(Customer(name="한빛전자"))
        tx.add(Identity(customer_id=customer.id, channel="email", value="a@b.example"))
        tx.add(Interaction(customer_id=customer.id, channel="email", happened_at=now()))
    ran = wire(app.storage)
    assert len(app.timeline(customer.id)) == 1
    assert ran.trips() == 1


def test_a_transaction_in_which_nothing_is_done_says_nothing(lab, wire):
    ran = wire(lab.storage)
    for write in (True, False):
        with lab.storage.transaction(write=write):
            pass
    assert ran.lines() == []


def test_a_search_in_several_kinds_is_a_snapshot(lab, wire):
    lab.named("word")
    ran = wire(lab.storage)
    assert lab.search("word", "specimen", "customer", "slip") == ["word"]
    assert "REPEATABLE READ" in " ".join(ran.lines())


def test_opening_what_is_prepared_is_one_trip(lab, open_storage, wire):
    storage = open_storage()
    storage.state("any")
    ran = wire(storage)
    assert storage.prepare(zoo()) == []
    assert ran.trips() == 1


def test_a_large_batch_needs_no_more_trips_than_a_small_one(lab, wire):
    ran = wire(lab.storage)
    lab.insert(*(Specimen(name=str(number)) for number in range(100)))
    few = ran.trips()
    lab.insert(*(Specimen(name=str(number)) for number in range(1_000)))
    assert ran.trips() <= few + 3  # a copy is sent as a stream of messages, and answered once


def test_a_shape_is_compiled_once(lab):
    lab.named("a")
    lab.count(where.name == "a", where.number.in_([1, 2]))
    kept = len(lab.storage._book.cache)
    lab.count(where.name == "b", where.number.in_([1, 2, 3, 4]))
    assert len(lab.storage._book.cache) == kept


@pytest.mark.parametrize(
    "hostile",
    ['name" = 1 OR "1', "name; DROP TABLE specimen", "ctid", "crm_seq", "rest", "customer_id.x'y"],
)
def test_a_hostile_path_never_reaches_the_server(lab, wire, hostile):
    ran = wire(lab.storage)
    with pytest.raises(QueryError):
        lab.count(Where(hostile, "eq", "x"))
    with pytest.raises(QueryError):
        lab.page(order=hostile, limit=1)
    assert ran.lines() == []


def test_hostile_values_are_only_ever_bound(lab, wire):
    text = """'); DROP TABLE specimen; --"%s $1 \N{RIGHT-TO-LEFT OVERRIDE}"""
    ran = wire(lab.storage)
    record = lab.add(Specimen(name=text, labels=(text,), details={text: text}))
    assert lab.get(record) == record
    assert lab.count(where.name == text, where.labels.has(text), where.name.contains(text)) == 1
    lab.search(text)
    sent = [line for line in ran.lines() if line.split("\t")[2:3] in (["Parse"], ["Query"])]
    assert sent
    assert not any("DROP TABLE" in line for line in sent)


def test_many_shapes_do_not_pile_up(lab):
    for number in range(1100):
        lab.storage._book.compiled(("probe", number), dict)
    assert len(lab.storage._book.cache) <= 1000


def test_two_schemas_of_one_database_share_nothing(open_storage):
    first, second = Lab(open_storage("?schema=one")), Lab(open_storage("?schema=two"))
    first.named("a")
    assert second.count() == 0
    assert second.storage.position() == 0


def test_a_name_that_is_held_is_held_without_another_trip(app, wire):
    ran = wire(app.storage)
    with app.transaction() as tx:
        tx.lock("seat")
        assert ran.trips() == 1
        tx.lock("seat")
        assert ran.trips() == 0


def test_a_name_that_a_part_let_go_of_is_taken_again(app, wire):
    ran = wire(app.storage)
    with app.transaction() as tx:
        tx.lock("before")
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            tx.lock("seat")
            raise ZeroDivisionError
        ran.trips()
        tx.lock("before")
        assert ran.trips() == 0
        tx.lock("seat")
        assert ran.trips() == 1
