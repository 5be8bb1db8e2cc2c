"""Full exports: an export into an empty database is the same database, whatever happened in it and wherever it goes."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from types import ModuleType

import attrs
import pytest
from crmkit_exchange.full.exporting import check_unrestricted, export_lines
from crmkit_exchange.full.restoring import is_full_export, restore
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Actor,
    Config,
    CrmError,
    Customer,
    CustomField,
    Identity,
    Interaction,
    Manifest,
    Money,
    Record,
    Restriction,
    SchemaError,
    field,
    hookimpl,
    kind,
    where,
)
from crmkit.codec import dump_document
from crmkit.testing.fixtures import FakeClock


@kind("visit", timeline="at", title="reason")
class Visit(Record):
    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    at: datetime = field(index=True)
    reason: str = field(default="", search=True)
    fee: Money | None = field(default=None)


spa = ModuleType("spa")
spa.manifest = Manifest("spa")  # type: ignore[attr-defined]
spa.crm_kinds = hookimpl(lambda: [Visit])  # type: ignore[attr-defined]


def opened(url="memory://", *plugins, clock=None):
    chosen = ["sqlite", "exchange", *plugins]
    return CRM.open(url, plugins=chosen, config=Config(), clock=clock or FakeClock())


def facts(crm):
    """All records of all kinds and the journal, positions apart, read through the storage."""
    from crmkit import Query

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


def body(path):
    """The lines but the header, which says when, and the end, whose hash is over it."""
    return path.read_text("utf-8").splitlines()[1:-1]


# The law ----------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "edit", "contact", "visit", "merge", "delete", "redact", "refer", "custom"]
        ),
        st.integers(0, 20),
        st.integers(0, 20),
        st.sampled_from(["김하늘", "O'Neil", '환불 "요청"\n', "", "🎉", "a" * 300]),
    ),
    max_size=25,
)


def live(crm, steps, clock):
    """A history: each step a transaction, an hour after the last; what cannot be done is not."""
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier", index=True, search=True))
    for what, one, other, text in steps:
        clock.tick(hours=1)
        people = list(crm.find(Customer, order="id"))
        actor = Actor(f"user{one % 3}", "bot" if one % 2 else "person", "test")
        past = clock() - timedelta(days=one)
        try:
            with crm.acting(actor).transaction(effective=past if other % 2 else None) as tx:
                step(tx, what, people, one, other, text, clock)
        except CrmError:
            continue


def step(tx, what, people, one, other, text, clock):
    if what == "add" or not people:
        made = tx.add(Customer(name=text or "x", extra={"unknown": [one, text]}))
        tx.add(Identity(customer_id=made.id, channel="email", value=f"{one}@a.example"))
        return
    mine, their = people[one % len(people)], people[other % len(people)]
    if what == "edit":
        tx.update(mine.evolve(name=text or "y", tags=(text, "t")))
    elif what == "contact":
        tx.add(Interaction(customer_id=mine.id, channel="email", happened_at=clock(), body=text))
    elif what == "visit":
        tx.add(Visit(customer_id=mine.id, at=clock(), reason=text, fee=Money(one, "KRW")))
    elif what == "merge" and mine.id != their.id:
        tx.merge(mine, their)
    elif what == "delete":
        tx.delete(mine)
    elif what == "redact":
        tx.redact(Customer, [mine.id], ["name"])
    elif what == "refer":  # in circles, too
        tx.update(mine.evolve(organization_id=their.id))
    elif what == "custom":
        tx.update(mine.set("custom.tier", text or None))


def check_law(steps, folder, target, with_plugin):
    clock = FakeClock()
    with opened("memory://", spa, clock=clock) as source:
        live(source, steps, clock)
        file = exported(source, folder / "all.jsonl")
        moments = [datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(hours=n) for n in (1, 7, 30)]
        plugins = [spa] if with_plugin else []
        with opened(target, *plugins, clock=clock) as other:
            found = restore(other, file)
            records, journal = facts(source)
            assert facts(other) == (records, journal)
            assert (found.records, found.changes) == (len(records), len(journal))
            assert body(exported(other, folder / "again.jsonl")) == body(file)
            for moment in moments:
                then = [list(each.find(Customer, as_of=moment)) for each in (source, other)]
                assert sorted(then[0], key=lambda r: r.id) == sorted(then[1], key=lambda r: r.id)
            for word in ("김하늘", "환불", "t"):
                hits = [{r.id for r in each.search(word, limit=1000)} for each in (source, other)]
                assert hits[0] == hits[1]


@settings(deadline=None, max_examples=25)
@given(steps=STEPS, with_plugin=st.booleans())
def test_a_restored_export_is_the_same_in_memory(tmp_path_factory, steps, with_plugin):
    check_law(steps, tmp_path_factory.mktemp("law"), "memory://", with_plugin)


@settings(deadline=None, max_examples=12)
@given(steps=STEPS, with_plugin=st.booleans())
def test_a_restored_export_is_the_same_on_sqlite(tmp_path_factory, steps, with_plugin):
    folder = tmp_path_factory.mktemp("law")
    check_law(steps, folder, f"sqlite:///{folder}/b.db", with_plugin)


@pytest.mark.long
@settings(deadline=None, max_examples=400)
@given(steps=STEPS, with_plugin=st.booleans(), sqlite=st.booleans())
def test_the_law_for_many_histories(tmp_path_factory, steps, with_plugin, sqlite):
    folder = tmp_path_factory.mktemp("law")
    check_law(steps, folder, f"sqlite:///{folder}/b.db" if sqlite else "memory://", with_plugin)


# A small company, for the rest --------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    clock = FakeClock()
    with opened("memory://", spa, clock=clock) as crm:
        names = [("add", n, n, f"Customer {n}") for n in range(30)]
        live(
            crm,
            [*names, ("visit", 3, 3, "치통"), ("merge", 1, 2, ""), ("custom", 4, 4, "gold")],
            clock,
        )
        return exported(crm, tmp_path / "all.jsonl")


def test_an_export_is_recognised_by_its_first_line(file, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text('{"name": "crmkit"}\n', "utf-8")

    assert is_full_export(file)
    assert not is_full_export(other)


def test_a_kind_without_its_plugin_is_kept_and_comes_back_with_it(file, tmp_path):
    url = f"sqlite:///{tmp_path}/b.db"
    with opened(url) as crm:
        restore(crm, file)
        [visit] = crm.find("visit")
        assert visit["reason"] == "치통"
    with opened(url, spa) as crm:
        [visit] = crm.find(Visit)
        assert visit.fee == Money(3, "KRW")


def test_custom_fields_are_fields_after_restoring(file):
    with opened() as crm:
        restore(crm, file)
        assert [
            each["custom.tier"] for each in crm.find(Customer, where["custom.tier"] == "gold")
        ] == ["gold"]
        with crm.transaction() as tx:
            tx.add(Customer(name="new").set("custom.tier", "silver"))


def test_a_database_that_is_not_empty_is_refused(file):
    with opened() as crm:
        with crm.transaction() as tx:
            tx.add(Customer(name="Kim"))
        with pytest.raises(CrmError, match="1 customer"):
            restore(crm, file)
        assert crm.count(Customer) == 1


def lines_of(file):
    return file.read_text("utf-8").splitlines(keepends=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[:-5],
        lambda lines: [*lines[:-2], lines[-1]],
        lambda lines: [*lines[:5], lines[5].replace("Customer", "Gustomer"), *lines[6:]],
        lambda lines: [*lines[:-1], lines[-2], lines[-1]],
        lambda lines: [*lines, lines[3]],
        lambda lines: [*lines[:4], lines[4][:-20] + "\n", *lines[5:]],
        lambda lines: [*lines[:4], "[1]\n", *lines[4:]],
        lambda lines: [*lines[:-1], lines[-1].replace('"records":', '"records":1')],
    ],
)
def test_a_damaged_export_leaves_nothing(file, tmp_path, damage):
    broken = tmp_path / "broken.jsonl"
    broken.write_text("".join(damage(lines_of(file))), "utf-8")
    with opened() as crm:
        with pytest.raises((CrmError, ValueError, LookupError)) as caught:
            restore(crm, broken)
        assert "\n" not in str(caught.value)
        assert crm.storage.position() == 0
        assert crm.count(Customer) == 0


def test_a_newer_format_and_a_newer_kind_are_refused(file, tmp_path):
    header = json.loads(lines_of(file)[0])
    newer = tmp_path / "newer.jsonl"
    newer.write_text(json.dumps({**header, "format": 9}) + "\n", "utf-8")
    with opened() as crm, pytest.raises(CrmError, match="format 9"):
        restore(crm, newer)
    header["catalogue"]["customer"]["schema"] = 7
    newer.write_text(json.dumps(header) + "\n", "utf-8")
    with opened() as crm, pytest.raises(SchemaError, match="schema 7"):
        restore(crm, newer)


def test_lines_of_a_later_version_are_passed_over(file, tmp_path):
    import hashlib

    first, *rest, last = lines_of(file)
    lines = [first, '{"comment":"of the future"}\n', *rest]
    end = json.loads(last)
    end["end"]["sha256"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    later = tmp_path / "later.jsonl"
    later.write_text("".join(lines) + json.dumps(end) + "\n", "utf-8")
    with opened() as crm:
        assert restore(crm, later).records == end["end"]["records"]


def test_whoever_does_not_see_everything_exports_nothing_whole(tmp_path):
    guard = ModuleType("guard")
    guard.manifest = Manifest("guard")  # type: ignore[attr-defined]

    def crm_restrict(actor, kind):
        hides = actor.id == "desk" and kind == "customer"
        return Restriction(masked={"name"}) if hides else None

    guard.crm_restrict = hookimpl(crm_restrict)  # type: ignore[attr-defined]
    with opened("memory://", guard) as crm:
        check_unrestricted(crm, Actor("doctor"))
        with pytest.raises(CrmError, match="customer"):
            check_unrestricted(crm, Actor("desk"))


def peak(work):
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_is_flat(tmp_path):
    peaks = {}
    for size in (3_000, 9_000):
        with opened(f"sqlite:///{tmp_path}/{size}.db") as crm:
            for start in range(0, size, 1000):
                with crm.transaction() as tx:
                    tx.add_all(Customer(name=f"Customer {start + n}") for n in range(1000))
            file = tmp_path / f"{size}.jsonl"

            def export(crm=crm, file=file):
                with file.open("w", encoding="utf-8") as out:
                    out.writelines(export_lines(crm))

            out = peak(export)
        with opened(f"sqlite:///{tmp_path}/{size}-b.db") as crm:
            peaks[size] = (out, peak(lambda crm=crm, file=file: restore(crm, file)))
    small, large = peaks.values()
    assert large[0] < small[0] * 1.2 + 200_000
    assert large[1] < small[1] * 1.2 + 200_000


RESTORING = """
import sys, os, signal
from pathlib import Path
from crmkit import CRM, Config
from crmkit_exchange.full.restoring import restore
def progress(done, total):
    if done > total / 3:
        os.kill(os.getpid(), signal.SIGKILL)
with CRM.open(sys.argv[1], plugins=["sqlite", "exchange"], config=Config()) as crm:
    restore(crm, Path(sys.argv[2]), progress)
"""


def test_a_restore_that_is_killed_leaves_an_empty_database(tmp_path):
    with opened() as crm:
        with crm.transaction() as tx:
            tx.add_all(Customer(name=f"Customer {n}") for n in range(3000))
        file = exported(crm, tmp_path / "all.jsonl")
        whole = facts(crm)
    url = f"sqlite:///{tmp_path}/b.db"

    killed = subprocess.run([sys.executable, "-c", RESTORING, url, str(file)], check=False)

    assert killed.returncode == -9
    with opened(url) as crm:
        assert crm.storage.position() == 0
        restore(crm, file)
        assert facts(crm) == whole
