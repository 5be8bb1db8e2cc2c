"""Restoring a full export: whole or not at all, whatever became of the file, of the plugins or of the process."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
import tracemalloc
from datetime import datetime, timedelta
from types import ModuleType

import attrs
import pytest
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.full.exporting import export_lines
from crmkit_exchange.full.restoring import is_full_export, restore
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    CrmError,
    Customer,
    CustomField,
    FieldSpec,
    Identity,
    Manifest,
    Money,
    Record,
    SchemaError,
    TrimmedError,
    field,
    hookimpl,
    kind,
    where,
)
from crmkit.testing.fixtures import FakeClock
from crmkit.trimming import trim


@kind("visit", timeline="at", title="reason")
class Visit(Record):
    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    at: datetime = field(index=True)
    reason: str = field(default="", search=True)
    fee: Money | None = field(default=None)


def spa(*kinds):
    module = ModuleType("spa")
    module.manifest = Manifest("spa")
    module.crm_kinds = hookimpl(lambda: list(kinds))
    module.crm_fields = hookimpl(
        lambda: [FieldSpec(on=Customer, name="room", type=str | None, index=True, search=True)]
    )
    return module


SPA = spa(Visit)


def opened(url="memory://", *plugins, region="KR"):
    company = attrs.evolve(Config().company, region=region)
    config = attrs.evolve(Config(), company=company)
    return CRM.open(url, plugins=["sqlite", "exchange", *plugins], config=config, clock=FakeClock())


def exported(crm, path):
    path.write_text("".join(export_lines(crm)), "utf-8")
    return path


def company(url="memory://", *plugins):
    """An app with a few customers, a visit, a custom field, and one who was deleted."""
    crm = opened(url, *(plugins or [SPA]))
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier", index=True))
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="김하늘").set("custom.tier", "gold").set("spa.room", "장미"))
        people = [tx.add(Customer(name=f"Customer {n}")) for n in range(4)]
        tx.add(Identity(customer_id=kim.id, channel="phone", value="02-1234-5678"))
        tx.add(Visit(customer_id=kim.id, at=crm.now(), reason="치통", fee=Money(3, "KRW")))
    with crm.transaction() as tx:
        tx.delete(people[0])
        tx.merge(people[1], people[2])
    return crm


@pytest.mark.parametrize("url", ["memory://", "sqlite://"])
def test_a_journal_that_was_trimmed_comes_back_with_its_horizon(tmp_path, url):
    with company() as crm:
        kim = next(crm.find(Customer, where.name == "김하늘"))
        crm.clock.tick(hours=1)
        horizon = crm.clock()
        trim(crm, horizon)
        crm.clock.tick(hours=1)
        with crm.transaction() as tx:
            tx.update(kim.evolve(owner="lee"))
        path = exported(crm, tmp_path / "all.jsonl")
        left = [attrs.evolve(each, position=0) for each in crm.changes()]
    with opened(url, SPA) as crm:
        restore(crm, path)

        assert [attrs.evolve(each, position=0) for each in crm.changes()] == left
        assert crm.get(Customer, kim.id, as_of=horizon).owner is None
        with pytest.raises(TrimmedError):
            crm.get(Customer, kim.id, as_of=horizon - timedelta(seconds=1))
        assert crm.storage.check() == []
        assert "".join(export_lines(crm)).splitlines()[1:-1] == path.read_text().splitlines()[1:-1]


@pytest.fixture
def file(tmp_path):
    with company() as crm:
        return exported(crm, tmp_path / "all.jsonl")


def parts(file):
    return file.read_text("utf-8").splitlines(keepends=True)


def sealed(path, lines):
    """A file of these lines with an end that is true of them."""
    said = [json.loads(line) for line in lines]
    end = {
        "records": sum("record" in each for each in said),
        "changes": sum("change" in each for each in said),
        "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
    }
    path.write_text("".join(lines) + json.dumps({"end": end}) + "\n", "utf-8")
    return path


def refused(crm, path, match=None, error=CrmError):
    """That the file is refused with a sentence, and that nothing of it stays."""
    before = set(crm.schema.kinds)
    with pytest.raises(error, match=match) as caught:
        restore(crm, path)
    assert "\n" not in str(caught.value)
    assert set(crm.schema.kinds) == before
    assert crm.storage.position() == 0
    assert crm.count(Customer) == 0


# What comes back --------------------------------------------------------------------------------------------------


def test_an_export_is_recognised_by_how_it_begins(file, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text('{"name": "crmkit"}\n', "utf-8")

    assert is_full_export(file)
    assert not is_full_export(other)
    assert not is_full_export(tmp_path)


def test_what_a_plugin_kept_is_there_again_when_it_is(file, tmp_path):
    url = f"sqlite:///{tmp_path}/b.db"
    with opened(url) as crm:
        restore(crm, file)
        [visit] = crm.find("visit")
        assert visit["reason"] == "치통"
        [kim] = crm.find(Customer, where.name == "김하늘")
        assert kim.extra == {"spa.room": "장미"}
    with opened(url, SPA) as crm:
        [visit] = crm.find(Visit)
        assert visit.fee == Money(3, "KRW")
        assert [each.name for each in crm.find(Customer, where["spa.room"] == "장미")] == ["김하늘"]
        assert [each.name for each in crm.search("장미")] == ["김하늘"]


def test_custom_fields_are_fields_at_once(file):
    with opened() as crm:
        restore(crm, file)
        [kim] = crm.find(Customer, where["custom.tier"] == "gold")
        assert kim["custom.tier"] == "gold"
        with crm.transaction() as tx:
            tx.add(Customer(name="new").set("custom.tier", "silver"))


def test_progress_is_of_the_file(file):
    said = []
    with opened() as crm:
        restore(crm, file, lambda done, total: said.append((done, total)))

    assert said[-1] == (file.stat().st_size,) * 2


def test_work_goes_on_where_versions_ended(file):
    with opened("memory://", SPA) as crm:
        restore(crm, file)
        [kim] = crm.find(Customer, where.name == "김하늘")
        with crm.transaction() as tx:
            changed = tx.update(kim.evolve(name="김바다"))
        assert changed.version == kim.version + 1
        assert [each.version for each in crm.history(Customer, kim.id)] == [1, 2]


# How identities were normalised -----------------------------------------------------------------------------------


def numbers(crm):
    return [each.normalised for each in crm.find(Identity)]


def test_identities_stay_as_they_are_until_the_app_is_opened_for_another_region(file, tmp_path):
    url = f"sqlite:///{tmp_path}/b.db"
    with opened(url, region="DE") as crm:
        restore(crm, file)
        assert numbers(crm) == ["+82212345678"]
        position = crm.storage.position()
    with opened(url, region="KR") as crm:
        assert crm.storage.position() == position
    with opened(url, region="DE") as crm:
        assert numbers(crm) == ["+49212345678"]
        [made, again] = crm.history(Identity, next(crm.find(Identity)).id)
        assert (made.action, again.action) == ("insert", "update")


# What is refused --------------------------------------------------------------------------------------------------


def test_a_database_that_is_not_empty_is_refused_by_what_it_holds(file):
    with opened() as crm:
        with crm.transaction() as tx:
            made = tx.add(Customer(name="Kim"))
        with pytest.raises(CrmError, match="holds 1 customer;"):
            restore(crm, file)
        assert crm.count(Customer) == 1
        with crm.transaction() as tx:
            tx.delete(made)
        with pytest.raises(CrmError, match="holds a journal;"):
            restore(crm, file)


DAMAGES = {
    "without its end": lambda lines: lines[:-1],
    "cut": lambda lines: lines[:-5],
    "cut within a line": lambda lines: [*lines[:-1], lines[-1][:-20]],
    "a line less": lambda lines: [*lines[:-2], lines[-1]],
    "another name": lambda lines: [each.replace("Customer 3", "Kustomer 3") for each in lines],
    "a line twice": lambda lines: [*lines[:4], *lines[3:]],
    "lines in another order": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "twice": lambda lines: lines * 2,
    "something behind its end": lambda lines: [*lines, lines[3]],
    "a line cut": lambda lines: [*lines[:4], lines[4][:-20] + "\n", *lines[5:]],
    "a line of another sort": lambda lines: [*lines[:4], "[1]\n", *lines[4:]],
    "another count": lambda lines: [*lines[:-1], lines[-1].replace('"records":', '"records":1')],
    "ends of lines changed": lambda lines: [each.replace("\n", "\r\n") for each in lines],
    "a blank line": lambda lines: [*lines, "\n"],
    "nothing": lambda lines: [],
    "nothing but its beginning": lambda lines: [lines[0]],
}


@pytest.mark.parametrize("place", ["memory", "sqlite"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_leaves_nothing(file, tmp_path, damage, place):
    broken = tmp_path / "broken.jsonl"
    broken.write_text("".join(damage(parts(file))), "utf-8", newline="")
    url = f"sqlite:///{tmp_path}/b.db" if place == "sqlite" else "memory://"
    with opened(url) as crm:
        refused(crm, broken, error=FileRefused)
        restore(crm, file)
        assert crm.count("visit") == 1


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_byte_that_is_changed_is_noticed(tmp_path_factory, whole, data):
    original = whole.read_bytes()
    place = data.draw(st.integers(0, len(original) - 2))  # the last line may end as it likes
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != original[place]))
    path = tmp_path_factory.mktemp("altered") / "all.jsonl"
    path.write_bytes(original[:place] + bytes([byte]) + original[place + 1 :])
    with opened() as crm:
        refused(crm, path, error=FileRefused)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with company() as crm:
        return exported(crm, tmp_path_factory.mktemp("whole") / "all.jsonl")


def test_a_file_that_changes_while_it_is_read_is_refused(file):
    whole = grown(file, 2_000).read_bytes()

    def meddle(done, total):
        file.write_bytes(whole.replace(b'"insert"', b'"Insert"'))

    with opened() as crm:
        with pytest.raises(FileRefused, match="not those that were written"):
            restore(crm, file, meddle)
        assert crm.storage.position() == 0


def test_a_newer_format_is_refused(file, tmp_path):
    first, *rest = parts(file)[:-1]
    newer = sealed(tmp_path / "newer.jsonl", [first.replace('"format":1', '"format":9'), *rest])
    with opened() as crm:
        refused(crm, newer, match="format 9.*reads 1; upgrade")


@pytest.mark.parametrize("name", ["customer", "visit"])
def test_a_kind_that_is_newer_there_is_refused(file, tmp_path, name):
    first, *rest = parts(file)[:-1]
    header = json.loads(first)
    header["catalogue"][name]["schema"] = 7
    newer = sealed(tmp_path / "newer.jsonl", [json.dumps(header) + "\n", *rest])
    with opened("memory://", SPA) as crm:
        refused(crm, newer, match=f"{name} records of schema 7", error=SchemaError)


def test_lines_and_names_of_a_later_version_are_passed_over(file, tmp_path):
    first, *rest = parts(file)[:-1]
    more = first.replace('{"crmkit":"export"', '{"crmkit":"export","colour":"red"')
    later = sealed(tmp_path / "later.jsonl", [more, '{"comment":"of the future"}\n', *rest])
    with opened() as crm:
        assert restore(crm, later).records == sum(each.startswith('{"record"') for each in rest)


ODD = st.sampled_from([None, 0, -1, "", "x", [], [1], {}, {"a": 1}, True, 1.5, "2026-13-01"])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_file_that_somebody_made_up_is_refused_with_a_sentence_or_taken(
    tmp_path_factory, whole, data
):
    """Its seal is right, but not what it says: no error but crmkit's own, and nothing stays."""
    lines = [json.loads(line) for line in parts(whole)[:-1]]
    line = data.draw(st.sampled_from(lines))
    spot = line
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        inner = spot[key]
        if not (isinstance(inner, dict | list) and inner and data.draw(st.booleans())):
            break
        spot = inner
    if isinstance(spot, dict) and data.draw(st.booleans()):
        del spot[key]
    else:
        spot[key] = copy.deepcopy(data.draw(ODD))
    folder = tmp_path_factory.mktemp("made")
    path = sealed(folder / "made.jsonl", [json.dumps(each) + "\n" for each in lines])
    memory = data.draw(st.booleans())
    with opened("memory://" if memory else f"sqlite:///{folder}/b.db?synchronous=normal") as crm:
        try:
            restore(crm, path)
        except CrmError as error:
            said = str(error)
        else:
            return
        assert "\n" not in said
        assert crm.storage.position() == 0


# Older documents --------------------------------------------------------------------------------------------------


@kind("visit", title="subject", schema=2)
class Newer(Record):
    customer_id: str = field(refers_to=Customer, on_delete="cascade")
    subject: str = field(default="")

    @classmethod
    def upgrade(cls, data, from_schema):
        assert from_schema == 1
        data["subject"] = data.pop("reason")
        return data


@kind("visit", title="subject", schema=2)
class Broken(Record):
    subject: str = field(default="")

    @classmethod
    def upgrade(cls, data, from_schema):
        raise KeyError("reason\nwith a break")


@pytest.mark.parametrize("place", ["memory", "sqlite"])
def test_documents_of_an_older_schema_are_brought_forward(file, tmp_path, place):
    url = f"sqlite:///{tmp_path}/b.db" if place == "sqlite" else "memory://"
    with opened(url, spa(Newer)) as crm:
        restore(crm, file)
        [visit] = crm.find(Newer)
        assert (visit.subject, visit.version) == ("치통", 1)
        assert visit.extra["fee"] == {"minor": 3, "currency": "KRW"}


def test_an_upgrade_that_fails_is_named_and_nothing_stays(file):
    with opened("memory://", spa(Broken)) as crm:
        refused(crm, file, match="visit records .* schema 1 to 2 by spa", error=SchemaError)


# Memory, and being killed -----------------------------------------------------------------------------------------


def grown(file, size):
    """An export of so many customers, each with its change."""
    first, *rest = parts(file)[:-1]
    record = next(each for each in rest if each.startswith('{"record":"customer"'))
    change = next(each for each in rest if '"insert","kind":"customer"' in each)
    known = [json.loads(each)[name] for each, name in ((record, "document"), (change, "id"))]
    ids = [f"id-{n:06}" for n in range(size)]
    lines = [first, *(record.replace(known[0]["id"], each) for each in ids)]
    return sealed(file, [*lines, *(change.replace(known[1], each) for each in ids)])


def peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.long
def test_memory_does_not_grow_with_the_file(file, tmp_path):
    def both(size, name):
        big = grown(file, size)
        with opened(f"sqlite:///{tmp_path}/{name}.db?synchronous=normal") as crm:
            back = peak(lambda: restore(crm, big))
            out = peak(lambda: exported_to(crm, tmp_path / "out.jsonl"))
        return back, out

    both(200, "first")  # what is imported and kept once
    small, large = both(2_000, "few"), both(20_000, "many")

    assert large[0] <= small[0] * 1.2
    assert large[1] <= small[1] * 1.2


def exported_to(crm, path):
    with path.open("w", encoding="utf-8") as out:
        out.writelines(export_lines(crm))


RESTORING = """
import os, signal, sys
from pathlib import Path
from crmkit import CRM, Config
from crmkit_exchange.full.restoring import restore

def progress(done, total):
    if done > total / 3:
        os.kill(os.getpid(), signal.SIGKILL)

with CRM.open(sys.argv[1], plugins=["sqlite", "exchange"], config=Config()) as crm:
    restore(crm, Path(sys.argv[2]), progress)
"""


def test_a_restore_that_is_killed_leaves_an_empty_database(file, tmp_path):
    grown(file, 3_000)
    url = f"sqlite:///{tmp_path}/b.db"

    killed = subprocess.run([sys.executable, "-c", RESTORING, url, str(file)], check=False)

    assert killed.returncode == -9
    with opened(url) as crm:
        assert crm.storage.position() == 0
        assert crm.count(Customer) == 0
        assert restore(crm, file).records == 3_000
        assert crm.count(Customer) == 3_000
