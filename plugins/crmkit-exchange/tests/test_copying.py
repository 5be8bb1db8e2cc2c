"""One database into another: everything arrives, a copy goes on where it was broken off, and workers where they were."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from crmkit_exchange.copying import copying
from crmkit_exchange.copying.comparing import compare
from crmkit_exchange.copying.copying import COPY, copy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    CrmError,
    Customer,
    CustomField,
    Identity,
    Interaction,
    Manifest,
    Record,
    WorkerSpec,
    field,
    hookimpl,
    kind,
)
from crmkit.worker import run_workers

COMMAND = str(Path(sys.executable).with_name("crm"))
PLACES = [
    ("memory", "sqlite"),
    ("sqlite", "memory"),
    ("sqlite", "sqlite"),
    ("sqlite", "postgres"),
    ("postgres", "sqlite"),
]


@kind("wish", title="text")
class Wish(Record):
    """Refers to itself, and a customer to it in a circle of kinds."""

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
def new(request, tmp_path, clock):
    """Opens an app on a new database of some sort; all are closed at the end."""
    numbers, opened = itertools.count(), []

    def url(place):
        if place == "memory":
            return "memory://"
        if place == "sqlite":
            return f"sqlite:///{tmp_path}/{next(numbers)}.db?synchronous=normal"
        pytest.importorskip("crmkit_sql", reason="crmkit-sql is not installed")
        return request.getfixturevalue("new_postgres")()

    def open_(place="memory", *plugins):
        found = place if "://" in place else url(place)
        chosen = ["sqlite", "exchange", *(["sql"] if found.startswith("postgres") else [])]
        opened.append(CRM.open(found, plugins=[*chosen, *plugins], config=Config(), clock=clock))
        opened[-1].url = found
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def live(crm, clock, wishes=True):
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
    if wishes:
        with crm.transaction() as tx:
            one = tx.add(Wish(text="one", customer_id=a.id, details={"b": 1, "a": 1e22}))
            two = tx.add(Wish(text="two", after_id=one.id))
            tx.update(one.evolve(after_id=two.id))


def same(source, target):
    found = compare(source, target)
    assert [each.name for each in found if not each.equal] == []
    return {each.name: each.source.count for each in found}


def journal(crm):
    return [attrs.evolve(each, position=0) for each in crm.changes()]


@pytest.mark.parametrize(("start", "end"), PLACES)
def test_everything_arrives(new, clock, start, end, monkeypatch):
    monkeypatch.setattr(copying, "RECORDS", 7)
    monkeypatch.setattr(copying, "CHANGES", 5)
    source, target = new(start, WISHES), new(end, WISHES)
    live(source, clock)

    done = copy(source, target)

    counts = same(source, target)
    assert counts["journal"] == done.changes
    assert counts["wish"] == 2
    assert done.records == sum(counts.values()) - done.changes
    assert journal(source) == journal(target)
    assert {hit.id for hit in target.search("환불")} == {hit.id for hit in source.search("환불")}
    assert target.storage.check() == []
    assert target.storage.state(COPY) is None
    customer = next(iter(target.find(Customer)))
    with target.transaction() as tx:
        assert tx.update(customer.evolve(owner="kim")).version == customer.version + 1


def test_kinds_without_their_plugin_arrive_as_they_are(new, clock, tmp_path):
    whole = new("sqlite", WISHES)
    live(whole, clock)
    whole.close()
    source, target = new(whole.url), new("sqlite")
    copy(source, target)
    assert same(source, target)["wish"] == 2
    target.close()
    again = new(target.url, WISHES)
    assert sorted(each.text for each in again.find(Wish)) == ["one", "two"]


class Stopped(Exception):
    pass


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 12, 20])
def test_a_copy_goes_on_where_it_was_broken_off(new, clock, after, monkeypatch):
    monkeypatch.setattr(copying, "RECORDS", 5)
    monkeypatch.setattr(copying, "CHANGES", 5)
    source, target = new("sqlite", WISHES), new("sqlite", WISHES)
    live(source, clock)
    steps = itertools.count(1)

    def stop(done, total):
        if next(steps) == after:
            raise Stopped

    with pytest.raises(Stopped):
        copy(source, target, stop)
    assert target.storage.state(COPY) is not None
    assert copy(source, target).resumed
    same(source, target)
    assert journal(source) == journal(target)


def test_a_source_that_was_written_to_is_no_longer_the_one_that_was_begun_with(
    new, clock, monkeypatch
):
    monkeypatch.setattr(copying, "RECORDS", 5)
    source, target = new("sqlite"), new("sqlite")
    live(source, clock, wishes=False)

    def stop(done, total):
        raise Stopped

    with pytest.raises(Stopped):
        copy(source, target, stop)
    with source.transaction() as tx:
        tx.add(Customer(name="new"))
    with pytest.raises(CrmError, match="not as it was"):
        copy(source, target)
    fresh = new("sqlite")
    copy(source, fresh)
    same(source, fresh)


def test_what_is_written_while_it_is_copied_is_not_in_the_copy(new, clock, monkeypatch):
    monkeypatch.setattr(copying, "RECORDS", 5)
    source, target = new("sqlite"), new("sqlite")
    live(source, clock, wishes=False)
    other = new(source.url)
    before = journal(source)

    def write(done, total):
        if not other.count(Customer, name_is_new()):
            with other.transaction() as tx:
                tx.add(Customer(name="new"))

    copy(source, target, write)
    assert journal(target) == before
    assert not target.count(Customer, name_is_new())


def name_is_new():
    from crmkit import where

    return where.name == "new"


def test_two_copies_at_once_do_nothing_twice(new, clock, monkeypatch):
    monkeypatch.setattr(copying, "RECORDS", 5)
    source, target = new("sqlite"), new("sqlite")
    live(source, clock, wishes=False)
    first, second = new(source.url), new(target.url)
    begun = []

    def meanwhile(done, total):
        if not begun:
            begun.append(True)
            copy(first, second)

    with pytest.raises(CrmError, match="another process"):
        copy(source, target, meanwhile)
    same(source, target)


def test_a_target_that_holds_anything_is_refused(new, clock):
    source, target = new("sqlite"), new("sqlite")
    live(source, clock, wishes=False)
    with target.transaction() as tx:
        tx.add(Customer(name="there"))
    with pytest.raises(CrmError, match="empty database"):
        copy(source, target)
    assert target.count(Customer) == 1


def test_a_difference_is_named(new, clock):
    source, target = new("sqlite"), new("sqlite")
    live(source, clock, wishes=False)
    copy(source, target)
    with target.transaction() as tx:
        customer = next(iter(tx.find(Customer)))
        tx.update(customer.evolve(owner="other"))
    found = {each.name for each in compare(source, target) if not each.equal}
    assert found == {"customer", "journal"}


# Workers ----------------------------------------------------------------------------------------------------------


def greet(tx, changes):
    for change in changes:
        if change.action != "insert":
            continue
        name = tx.get(Customer, change.id).name
        if name == "bad":
            raise ValueError("bad")
        tx.add(
            Interaction(
                customer_id=change.id,
                channel="mail",
                happened_at=change.at,
                subject=f"hello {name}",
            )
        )


sys.modules["copying_greeter"] = ModuleType("copying_greeter")
sys.modules["copying_greeter"].greet = greet
GREETER = plugin(
    "greeter",
    crm_workers=lambda: [WorkerSpec("greet", "copying_greeter:greet", kinds=(Customer,))],
)


@pytest.mark.parametrize(("start", "end"), PLACES)
def test_workers_go_on_where_they_were(new, start, end, monkeypatch):
    monkeypatch.setattr(copying, "CHANGES", 3)
    source = new(start, GREETER)
    names = [*"abcdefg", "bad", *"hij"]
    for name in names[:9]:
        with source.transaction() as tx:
            tx.add(Customer(name=name))
    run_workers(source, once=True)
    for name in names[9:]:
        with source.transaction() as tx:
            tx.add(Customer(name=name))
    target = new(end, GREETER)
    with target.storage.transaction() as tx:
        tx.set_state("other", None)
    copy(source, target)
    kept = target.storage.states("crmkit/worker/greet")
    assert not any(key.endswith("/lease") for key in kept)
    (aside,) = [value for key, value in kept.items() if "/aside/" in key]
    (change,) = target.storage.changes(aside["position"] - 1, None, 1)
    assert target.get(Customer, change.id).name == "bad"

    run_workers(target, once=True)

    said = sorted(each.subject for each in target.find(Interaction))
    assert said == sorted(f"hello {name}" for name in names if name != "bad")


def test_what_plugins_keep_for_themselves_comes_along(new, clock):
    source, target = new("sqlite"), new("memory")
    live(source, clock, wishes=False)
    with source.storage.transaction() as tx:
        tx.set_state("plugin/note", {"a": [1]})
        tx.set_state("crmkit/upgrade/customer/2", "cursor")
    copy(source, target)
    assert target.storage.state("plugin/note") == {"a": [1]}
    assert target.storage.state("crmkit/upgrade/customer/2") is None


# Any references ---------------------------------------------------------------------------------------------------

SOME = st.integers(0, 11)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=st.lists(st.tuples(SOME, SOME), max_size=30), size=st.integers(1, 5))
def test_references_in_any_shape_hold_in_every_batch(new, monkeypatch, pairs, size):
    monkeypatch.setattr(copying, "RECORDS", size)
    source, target = new("memory", WISHES), new("memory", WISHES)
    with source.transaction() as tx:
        wishes = tx.add_all(Wish(id=f"w{number:02}") for number in range(12))
        customers = tx.add_all(Customer(id=f"c{number:02}", name="c") for number in range(12))
    for one, other in pairs:
        with source.transaction() as tx:
            wish = tx.get(Wish, wishes[one].id)
            tx.update(wish.evolve(after_id=wishes[other].id, customer_id=customers[one].id))
            customer = tx.get(Customer, customers[other].id)
            tx.update(customer.evolve(organization_id=customers[one].id))
    copy(source, target)
    same(source, target)


# The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    def run_(*arguments, **options):
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"}
        environment.pop("CRMKIT_DB", None)
        command = [COMMAND, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, **options
        )

    return run_


@pytest.fixture
def file(new, clock, tmp_path):
    with CRM.open(
        f"sqlite:///{tmp_path}/a.db", plugins=["sqlite", "exchange"], config=Config(), clock=clock
    ) as crm:
        live(crm, clock, wishes=False)
    return tmp_path / "a.db"


def test_the_command_copies_and_compares(run, file, tmp_path):
    done = run("copy", "sqlite:///a.db", "sqlite:///b.db", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {"kind", "source", "target", "sha256", "equal"} == rows[0].keys()
    assert all(row["equal"] for row in rows)
    done = run("--lang", "ko", "copy", "--check", "sqlite:///a.db", "sqlite:///b.db")
    assert done.returncode == 0
    assert "종류" in done.stdout
    run("--db", "sqlite:///b.db", "customer", "add", "--name", "one more")
    done = run("copy", "--check", "sqlite:///a.db", "sqlite:///b.db")
    assert done.returncode == 1
    assert "customer, journal" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sqlite:///a.db", "sqlite:///a.db"], "into itself"),
        (["sqlite:///none.db", "sqlite:///b.db"], "there is no CRM in sqlite:///none.db"),
        (["sqlite:///a.db", "nosuch://x"], "is not a database"),
        (["--check", "sqlite:///a.db", "sqlite:///none.db"], "there is no CRM"),
        (["sqlite:///a.db"], "TARGET"),
    ],
)
def test_bad_input_is_a_sentence(run, file, tmp_path, arguments, sentence):
    before = sorted(tmp_path.iterdir())
    done = run("copy", *arguments)
    assert done.returncode in (1, 2)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".db"] == [
        each.name for each in before if each.suffix == ".db"
    ]


def test_who_may_not_see_all_may_not_copy(run, file, tmp_path):
    (tmp_path / "shy.py").write_text(
        "from crmkit import Manifest, Restriction, hookimpl, where\nmanifest = Manifest('shy')\n"
        "@hookimpl\ndef crm_restrict(kind):\n"
        "    return Restriction((where.owner == 'kim',)) if kind == 'customer' else None\n"
    )
    (tmp_path / "crm.toml").write_text('plugins = ["sqlite", "exchange", "./shy.py"]\n')
    done = run("copy", "sqlite:///a.db", "sqlite:///b.db")
    assert done.returncode == 1
    assert "may not see all" in done.stderr


def test_a_copy_that_is_killed_goes_on(run, file, tmp_path):
    with CRM.open(f"sqlite:///{file}", plugins=["sqlite", "exchange"], config=Config()) as crm:
        for _ in range(4):
            with crm.transaction() as tx:
                tx.add_all(Customer(name=f"고객 {number}") for number in range(2_000))
    command = [COMMAND, "copy", "sqlite:///a.db", "sqlite:///b.db"]
    for seed in range(3):
        started = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(random.Random(seed).uniform(0.5, 1.0))
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
    done = run("copy", "sqlite:///a.db", "sqlite:///b.db", "--format", "json")
    if "empty database" in done.stderr:  # the last one killed had just ended
        done = run("copy", "--check", "sqlite:///a.db", "sqlite:///b.db", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert all(row["equal"] for row in json.loads(done.stdout))
