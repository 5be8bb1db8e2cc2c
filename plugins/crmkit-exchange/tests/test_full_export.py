"""Full exports: an export into an empty database is the same database, whatever happened in it and wherever it goes."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from types import ModuleType

import attrs
import pytest
from crmkit_exchange.full.exporting import check_unrestricted, export_lines
from crmkit_exchange.full.restoring import restore
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Actor,
    Config,
    CrmError,
    Customer,
    CustomField,
    FieldSpec,
    Identity,
    Interaction,
    Manifest,
    Query,
    Record,
    Restriction,
    field,
    hookimpl,
    kind,
)
from crmkit.catalogue import catalogue
from crmkit.codec import dump_document
from crmkit.testing.fixtures import FakeClock
from crmkit.testing.kinds import Slip, Specimen, zoo
from crmkit.testing.strategies import SEARCHES, records


def plugin(name, **hooks):
    module = ModuleType(name)
    module.manifest = Manifest(name)
    for each, does in hooks.items():
        setattr(module, each, hookimpl(does))
    return module


ZOO = plugin(
    "zoo",
    crm_kinds=lambda: [Specimen, Slip],
    crm_fields=lambda: [
        FieldSpec(on=Specimen, name="story", type=str | None, search=True),
        FieldSpec(on=Customer, name="keeper", type=bool | None),
    ],
)
"""Kinds with fields of every type, and fields on others' kinds."""


def opened(url="memory://", *plugins, clock=None):
    chosen = ["sqlite", "exchange", *plugins]
    return CRM.open(url, plugins=chosen, config=Config(), clock=clock or FakeClock())


def facts(crm):
    """All records of all kinds and the journal, positions apart, read through the storage."""
    records = {
        (each.name, record.id): dump_document(each, record)
        for each in crm.schema
        for record in crm.storage.find(Query(each.name))
    }
    journal = [attrs.evolve(change, position=0) for change in crm.changes()]
    return records, journal


def exported(crm, path):
    path.write_text("".join(export_lines(crm)), "utf-8")
    return path


def told(path):
    """What the lines say, without the time of the export and the hash over it."""
    first, *body, last = map(json.loads, path.read_bytes().splitlines())
    del first["exported_at"], last["end"]["sha256"]
    return [first, *body, last]


# The law ----------------------------------------------------------------------------------------------------------

BARE = zoo(added=False)
SOME = st.integers(0, 20)
WORK = ("add", "edit", "contact", "merge", "delete", "again", "redact", "refer", "custom", "define")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["add", *WORK]),
            SOME,
            SOME,
            st.sampled_from(["김하늘", "O'Neil", '환불 "요청"\n', "", "🎉", "a" * 300, "\u2028"]),
        ),
        st.tuples(st.just("put"), records(BARE["specimen"])),
        st.tuples(st.just("put"), records(BARE["slip"])),
        st.tuples(st.just("take"), st.sampled_from(["specimen", "slip"]), SOME),
    ),
    min_size=3,
    max_size=25,
)


def live(crm, steps, clock):
    """A history: each step a transaction, an hour after the last; what cannot be done is not."""
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier", index=True, search=True))
        tx.add_all(Customer(id=id, name=id) for id in "ab")
    for number, (what, *how) in enumerate(steps):
        clock.tick(hours=1)
        actor = Actor(f"user{number % 3}", "bot" if number % 2 else "person", "test")
        past = clock() - timedelta(days=number) if number % 4 == 0 else None
        try:
            with crm.acting(actor).transaction(effective=past) as tx:
                {"put": put, "take": take}.get(what, work)(tx, clock, *how, what=what)
        except CrmError:
            continue


def put(tx, clock, record, what):
    there = tx.get_many(record.__kind__, [record.id])[0]
    if there is None:
        tx.add(record)
    else:
        tx.update(record.evolve(version=there.version))


def take(tx, clock, kind, one, what):
    found = list(tx.find(kind))
    tx.delete(found[one % len(found)]) if found else None


def work(tx, clock, one, other, text, what):
    people = list(tx.find(Customer, order="id"))
    if what == "add" or not people:
        made = tx.add(Customer(name=text or "x", extra={"unknown": [one, text]}))
        tx.add(Identity(customer_id=made.id, channel="email", value=f"{one}@a.example"))
        return
    mine, their = people[one % len(people)], people[other % len(people)]
    if what == "edit":
        tx.update(mine.evolve(name=text or "y", tags=(text, "t")))
    elif what == "contact":
        tx.add(Interaction(customer_id=mine.id, channel="email", happened_at=clock(), body=text))
    elif what == "merge" and mine.id != their.id:
        tx.merge(mine, their)
    elif what == "delete":
        tx.delete(mine)
    elif what == "again":
        tx.add(Customer(id="ab"[one % 2], name=text or "again"))
    elif what == "redact":
        tx.redact(Customer, [mine.id], ["name"])
    elif what == "refer":  # in circles, too
        tx.update(mine.evolve(organization_id=their.id))
    elif what == "custom":
        tx.update(mine.set("custom.tier", text or None).set("zoo.keeper", bool(one % 2)))
    elif what == "define":
        tx.add(CustomField(on="specimen", name=f"note{one}", type=["text", "money"][one % 2]))


def then(crm, moment):
    """Everything as it was at a moment."""
    return {
        (each.name, record.id): dump_document(each, record)
        for each in crm.schema
        for record in crm.find(each.name, as_of=moment)
    }


def found(crm, text):
    after, hits = None, set()
    while True:
        page = crm.search(text, limit=200, after=after)
        hits |= {(each.__kind__, each.id) for each in page}
        after = page.after
        if after is None:
            return hits


def check_law(steps, folder, source, target, with_plugin, hours):
    clock = FakeClock()
    start = clock()
    urls = {"memory": "memory://", "sqlite": "sqlite:///{}/{}.db?synchronous=normal"}
    with opened(urls[source].format(folder, "a"), ZOO, clock=clock) as a:
        live(a, steps, clock)
        file = exported(a, folder / "all.jsonl")
        plugins = [ZOO] if with_plugin else []
        with opened(urls[target].format(folder, "b"), *plugins, clock=clock) as b:
            done = restore(b, file)

            records, journal = facts(a)
            assert facts(b) == (records, journal)
            assert (done.records, done.changes) == (len(records), len(journal))
            for name, entry in catalogue(b.schema).items():
                if with_plugin or b.schema[name].opaque:
                    assert entry == catalogue(a.schema)[name]
            again = told(exported(b, folder / "again.jsonl"))
            assert again[not with_plugin :] == told(file)[not with_plugin :]
            for hour in hours:
                moment = start + timedelta(hours=hour, seconds=1)
                assert then(b, moment) == then(a, moment)
            for text in (*SEARCHES, "김하늘", "요청", "t"):
                assert found(b, text) == found(a, text)
            assert b.storage.check() == []


PLACES = st.sampled_from(["memory", "sqlite"])
LAW = {
    "steps": STEPS,
    "source": PLACES,
    "target": PLACES,
    "with_plugin": st.booleans(),
    "hours": st.lists(st.integers(-1, 26), max_size=3),
}


@settings(deadline=None, max_examples=40)
@given(**LAW)
def test_a_restored_export_is_the_same_wherever_it_goes(tmp_path_factory, **drawn):
    check_law(folder=tmp_path_factory.mktemp("law"), **drawn)


@pytest.mark.long
@settings(deadline=None, max_examples=600)
@given(**LAW)
def test_the_law_for_many_histories(tmp_path_factory, **drawn):
    check_law(folder=tmp_path_factory.mktemp("law"), **drawn)


# What goes out ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite"])
def crm(request, tmp_path):
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/a.db"
    with opened(url) as crm:
        with crm.transaction() as tx:
            made = tx.add(Customer(name="김하늘"))
            tx.add(Identity(customer_id=made.id, channel="email", value="sky@a.example"))
        yield crm


def test_references_point_back_and_ids_rise(crm):
    with crm.transaction() as tx:
        tx.add_all(Customer(name=str(each)) for each in range(20))
    lines = [json.loads(line) for line in export_lines(crm)]
    kinds = [line["record"] for line in lines if "record" in line]
    ids = [line["document"]["id"] for line in lines if line.get("record") == "customer"]

    assert kinds.index("customer") < kinds.index("identity")
    assert kinds == sorted(kinds, key=kinds.index)
    assert ids == sorted(ids)


def test_what_is_written_meanwhile_is_not_in_it(crm):
    def write():
        with crm.transaction() as tx:
            tx.add(Customer(name="late"))

    lines = export_lines(crm)
    first = next(lines)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(5)
    rest = "".join(lines)
    writer.join()

    assert crm.count(Customer) == 2
    assert "late" not in first + rest
    assert '"records":2' in rest


@kind("visit", title="reason")
class Visit(Record):
    customer_id: str = field(refers_to=Customer)
    reason: str = field(default="")


def test_a_kind_that_another_process_brought_is_not_left_out_in_silence(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    spa = plugin("spa", crm_kinds=lambda: [Visit])
    with opened(url) as early, opened(url, spa) as late:
        with late.transaction() as tx:
            made = tx.add(Customer(name="Kim"))
            tx.add(Visit(customer_id=made.id, reason="치통"))
        with pytest.raises(CrmError, match="visit came while"):
            list(export_lines(early))
        assert "치통" in "".join(export_lines(late))


def test_progress_is_of_all_records_and_changes(crm):
    with crm.transaction() as tx:
        tx.add_all(Customer(name=str(each)) for each in range(2500))
    said = []

    lines = sum(1 for _ in export_lines(crm, lambda done, total: said.append((done, total))))

    assert said[-1] == (lines - 2, lines - 2)
    assert len(said) > 4
    assert said == sorted(said)


# Who may ----------------------------------------------------------------------------------------------------------


def rules(crm, actor, kind):
    if actor.id == "desk" and kind == "customer":
        return Restriction(masked={"name"})
    if actor.id == "branch" and kind == "visit":
        return [None, Restriction(conditions=[])]
    return None


@pytest.mark.parametrize(("who", "may"), [("doctor", True), ("desk", False), ("branch", True)])
def test_only_who_sees_everything_exports_everything(who, may):
    guard = plugin("guard", crm_restrict=rules, crm_kinds=lambda: [Visit])
    with opened("memory://", guard) as crm:
        if may:
            check_unrestricted(crm, Actor(who))
        else:
            with pytest.raises(CrmError, match="customer"):
                check_unrestricted(crm, Actor(who))


def test_records_of_a_plugin_that_is_gone_may_be_restricted_too(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    with opened(url, plugin("spa", crm_kinds=lambda: [Visit])):
        pass
    guard = plugin(
        "guard",
        crm_restrict=lambda kind: Restriction(masked={"reason"}) if kind == "visit" else None,
    )
    with opened(url, guard) as crm, pytest.raises(CrmError, match="visit"):
        check_unrestricted(crm, Actor("kim"))
