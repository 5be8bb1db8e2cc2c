"""Imports that are broken off, run twice at once, or meet a database that objects."""

from __future__ import annotations

import csv
import gc
import subprocess
import sys
import tracemalloc
from types import ModuleType

import pytest
from crmkit_exchange.formats.items import Item
from crmkit_exchange.importing.draft import Draft
from crmkit_exchange.importing.running import Overtaken, run_import
from crmkit_exchange.importing.settling import BATCH, batches
from crmkit_exchange.kinds import ExternalId, ImportRun

from crmkit import CRM, Config, Customer, Identity, Manifest, Restriction, hookimpl, where

ROWS = 2_600


def table(rows=ROWS):
    lines = [f"{n},Customer {n},c{n}@a.example" if n % 100 else f"{n},one" for n in range(rows)]
    return "\n".join(["id,name,email", *lines]) + "\n"


IMPORTING = """
import sys, os, signal
from pathlib import Path
from crmkit import CRM, Actor, Config
from crmkit_exchange.importing.files import made_ready
from crmkit_exchange.importing.invalid import InvalidFile
from crmkit_exchange.importing.options import ImportOptions
from crmkit_exchange.importing.running import run_import
url, file, invalid, kill = sys.argv[1:]
batches = 0
def told(table, outcomes):
    global batches
    batches += 1
    if batches == int(kill):
        os.kill(os.getpid(), signal.SIGKILL)
with CRM.open(url, plugins=["sqlite", "exchange"], config=Config()) as crm:
    actor, options = Actor("kim"), ImportOptions()
    with made_ready(crm, crm.acting(actor), [Path(file)], options, lambda _: None) as [table]:
        with InvalidFile(Path(invalid)) as out:
            run, counts = run_import(crm, actor, table, options.said(), out, told)
            print(counts.read, counts.created, counts.skipped, counts.invalid)
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "people.csv").write_text(table(), "utf-8")

    def start_(kill=0):
        arguments = [
            f"sqlite:///{tmp_path}/k.db",
            tmp_path / "people.csv",
            tmp_path / "bad.csv",
            kill,
        ]
        command = [sys.executable, "-c", IMPORTING, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start_


def invalid_rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [int(row["row"]) for row in csv.DictReader(file)]


def test_a_killed_import_goes_on_where_it_stopped(start, tmp_path):
    for kill in (1, 2, 1):
        process = start(kill)
        process.communicate(timeout=120)
        assert process.returncode == -9
    process = start()
    out, error = process.communicate(timeout=120)

    assert out.split() == ["2600", "2574", "0", "26"], error
    with CRM.open(
        f"sqlite:///{tmp_path}/k.db", plugins=["sqlite", "exchange"], config=Config()
    ) as crm:
        assert crm.count(Customer) == crm.count(Identity) == crm.count(ExternalId) == 2574
        [run] = crm.find(ImportRun)
        assert (run.status, run.created, run.invalid) == ("done", 2574, 26)
        assert crm.storage.states("exchange/import") == {}
        assert crm.storage.check() == []
    assert invalid_rows(tmp_path / "bad.csv") == list(range(1, ROWS + 1, 100))


def test_two_processes_import_one_file_once(start, tmp_path):
    both = [start(), start()]
    ended = [process.communicate(timeout=120) for process in both]

    assert any(process.returncode == 0 for process in both), ended
    for process, (_, error) in zip(both, ended, strict=True):
        assert (
            process.returncode == 0
            or "goes on with the import" in error
            or "is there already" in error
        )
    with CRM.open(
        f"sqlite:///{tmp_path}/k.db", plugins=["sqlite", "exchange"], config=Config()
    ) as crm:
        assert crm.count(Customer) == 2574
        assert len({each.external_id for each in crm.find(ExternalId)}) == 2574


def test_an_import_that_another_goes_on_with_stops(bring, crm):
    path = bring.write("people.csv", table(1200))
    seen = []

    def told(table, outcomes):
        if not seen:
            seen.append(1)
            assert bring(path)[0].counts.read == 1200  # another process takes it over

    from crmkit_exchange.importing.files import made_ready
    from crmkit_exchange.importing.invalid import InvalidFile
    from crmkit_exchange.importing.options import ImportOptions

    options, actor = ImportOptions(), crm.actor
    with (
        made_ready(crm, crm, [path], options, lambda _: None) as [ready],
        InvalidFile(bring.folder / "mine.csv") as invalid,
        pytest.raises(Overtaken),
    ):
        run_import(crm, actor, ready, options.said(), invalid, told)
    assert crm.count(Customer) == 1188


def test_what_a_plugin_refuses_is_invalid_alone(tmp_path, importer, clock):
    strict = ModuleType("strict")
    strict.manifest = Manifest("strict")

    def crm_validate(kind, writes):
        for write in writes:
            if kind == "customer" and "forbidden" in write.record.name:
                yield write.problem("name", "is not wanted here")

    def crm_authorize(kind, writes, actor):
        for write in writes:
            if kind == "identity" and write.record.value.startswith("denied"):
                yield write.denial("nobody may write this address")

    strict.crm_validate = hookimpl(crm_validate)
    strict.crm_authorize = hookimpl(crm_authorize)
    rows = [
        f"{n},{'forbidden' if n == 7 else 'Customer'} {n},{'denied' if n == 20 else 'c'}{n}@a.example"
        for n in range(60)
    ]
    with CRM.open("memory://", plugins=["exchange", strict], config=Config(), clock=clock) as crm:
        bring = importer(crm, tmp_path)
        path = bring.write("people.csv", "id,name,email\n" + "\n".join(rows) + "\n")
        plan, _ = bring.plan(path)
        [done] = bring(path)

        assert done.sums == (60, 58, 0, 0, 2)
        assert plan.counts[0] == done.counts
        reasons = {
            each.draft.item.number: each.reason
            for each in done.outcomes
            if each.action == "invalid"
        }
        assert "is not wanted here" in reasons[8]
        assert "nobody may write this address" in reasons[21]
        assert not list(crm.find(Customer, where.name == "Customer 20"))


def test_batches_have_no_key_twice():
    drafts = [Draft(item=Item(n, {}, ""), key=key) for n, key in enumerate("abcabdde")]

    found = [[each.key for each in batch] for batch in batches(drafts)]

    assert found == [["a", "b", "c"], ["a", "b", "d"], ["d", "e"]]
    assert sum(map(len, batches(drafts, size=2))) == len(drafts)
    assert BATCH > 1


@pytest.fixture
def collecting():
    """Garbage is looked for as in a process of its own: what other tests left does not put it off."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_memory_is_flat(tmp_path, importer, collecting):
    peaks = []
    for size in (1_500, 3_000):
        url = f"sqlite:///{tmp_path}/{size}.db"
        with CRM.open(url, plugins=["sqlite", "exchange"], config=Config()) as crm:
            bring = importer(crm, tmp_path)
            path = bring.write(f"{size}.csv", table(size))
            tracemalloc.start()
            import_quietly(crm, path, tmp_path)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2


def import_quietly(crm, path, folder):
    from crmkit_exchange.importing.files import made_ready
    from crmkit_exchange.importing.invalid import InvalidFile
    from crmkit_exchange.importing.options import ImportOptions

    options = ImportOptions()
    with (
        made_ready(crm, crm, [path], options, lambda _: None) as [ready],
        InvalidFile(folder / "bad.csv") as invalid,
    ):
        run_import(crm, crm.actor, ready, options.said(), invalid, lambda *_: None)


def test_details_are_hidden_with_their_customer(tmp_path, importer, clock):
    desk = ModuleType("desk")
    desk.manifest = Manifest("desk")

    def crm_restrict(crm, actor, kind):
        if actor.id != "desk":
            return None
        owner = "id" if kind == "customer" else crm.schema[kind].customer
        own = where.owner if kind == "customer" else where[f"{owner}.owner"]
        return Restriction([own == "desk"]) if owner else None

    desk.crm_restrict = hookimpl(crm_restrict)
    with CRM.open("memory://", plugins=["exchange", desk], config=Config(), clock=clock) as crm:
        bring = importer(crm, tmp_path)
        bring.text(
            "id,name,email,owner,병력\n1,Kim,k@a.example,desk,고혈압\n2,Lee,l@a.example,other,당뇨\n"
        )

        seen = [dict(each.details) for each in crm.acting("desk").find(ExternalId)]
        assert seen == [{"병력": "고혈압"}]
        assert crm.count(ExternalId) == 2
