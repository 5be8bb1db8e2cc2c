"""`crm copy` as people run it: its answers, its refusals, and processes that are killed."""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
import traceback
from datetime import timedelta
from pathlib import Path

import crmkit_exchange
import crmkit_sqlite
import pytest
from crmkit_exchange.copying import COPY
from crmkit_exchange.copying.copying import copy
from crmkit_exchange.copying.databases import opened_for_reading, opened_for_writing

from crmkit import CRM, Config, Customer, Identity, Interaction

COMMAND = str(Path(sys.executable).with_name("crm"))


@pytest.fixture
def environment():
    found = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120", "LANG": "C.UTF-8"}
    found.pop("CRMKIT_DB", None)
    return found


@pytest.fixture
def run(tmp_path, environment):
    def run_(*arguments, **options):
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            **options,
        )

    return run_


def opened(folder, name="a.db"):
    return CRM.open(f"sqlite:///{folder}/{name}", plugins=["sqlite", "exchange"], config=Config())


@pytest.fixture
def file(tmp_path):
    """A database in the folder in which the command runs."""
    with opened(tmp_path) as crm, crm.transaction() as tx:
        for number in range(40):
            customer = tx.add(Customer(name=f"김하늘 {number}"))
            tx.add(Identity(customer_id=customer.id, channel="email", value=f"{number}@a.example"))
    return tmp_path / "a.db"


def test_it_copies_and_compares(run, file):
    done = run("copy", "sqlite:///a.db", "sqlite:///b.db")
    assert done.returncode == 0, done.stderr
    heading, *lines = (each.split() for each in done.stdout.splitlines())
    assert heading == ["Kind", "Records", "SHA-256", "Equal"]
    assert {(each[0], each[1], each[3]) for each in lines} >= {
        ("customer", "40", "yes"),
        ("journal", "80", "yes"),
    }
    assert lines[-1][0] == "journal"

    done = run("copy", "--check", "sqlite:///a.db", "sqlite:///b.db", "--format", "json")
    rows = {row["kind"]: row for row in json.loads(done.stdout)}
    assert all(row["equal"] for row in rows.values())
    assert (rows["customer"]["records"], rows["customer"]["target_records"]) == (40, 40)
    assert len(rows["journal"]["sha256"]) == 64


def test_what_differs_is_shown_in_korean_too(run, file):
    run("copy", "sqlite:///a.db", "sqlite:///b.db")
    run("--db", "sqlite:///b.db", "customer", "add", "--name", "one more")

    done = run("--lang", "ko", "copy", "--check", "sqlite:///a.db", "sqlite:///b.db")

    assert done.returncode == 1
    assert done.stdout.splitlines()[0].split() == ["종류", "레코드", "SHA-256", "같음"]
    assert "40 / 41" in done.stdout
    assert "아니요" in done.stdout
    assert "do not hold the same: customer, journal" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sqlite:///a.db", "sqlite:///a.db"], "into itself"),
        (["sqlite:///a.db", "sqlite:///./a.db?timeout=9"], "into itself"),
        (["sqlite:///a.db", "sqlite:///link.db"], "into itself"),
        (["sqlite:///none.db", "sqlite:///b.db"], "there is no CRM in sqlite:///none.db"),
        (["sqlite:///empty.db", "sqlite:///b.db"], "there is no CRM in sqlite:///empty.db"),
        (["sqlite:///a.db", "nosuch://x"], "is not a database"),
        (["nosuch://kim:pw@x", "sqlite:///b.db"], "'nosuch://kim@x' is not a database"),
        (["--check", "sqlite:///a.db", "sqlite:///none.db"], "there is no CRM in sqlite:///none"),
        (["sqlite:///a.db", "sqlite:///other.db"], "another program"),
        (["sqlite:///other.db", "sqlite:///b.db"], "another program"),
        (["sqlite:///a.db"], "TARGET"),
        (["sqlite:///a.db", "sqlite:///missing/b.db"], "does not exist"),
    ],
)
def test_bad_input_is_a_sentence_and_makes_nothing(run, file, tmp_path, arguments, sentence):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE t (a)")
    other.close()
    (tmp_path / "empty.db").touch()
    (tmp_path / "link.db").symlink_to(file)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    done = run("copy", *arguments)

    assert done.returncode
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_who_may_not_see_all_may_not_copy(run, file, tmp_path):
    (tmp_path / "shy.py").write_text(
        "from crmkit import Manifest, Restriction, hookimpl, where\nmanifest = Manifest('shy')\n"
        "@hookimpl\ndef crm_restrict(crm, actor, kind):\n"
        "    first = next(iter(crm.find('customer')))\n"
        "    hidden = actor.id == 'kim' and first.name and kind == 'customer'\n"
        "    return Restriction((where.owner == 'kim',)) if hidden else None\n"
    )
    (tmp_path / "crm.toml").write_text('plugins = ["sqlite", "exchange", "./shy.py"]\n')
    done = run("copy", "sqlite:///a.db", "sqlite:///b.db", "--actor", "kim")
    assert done.returncode == 1
    assert "kim may not see all of customer, and a copy is whole" in done.stderr
    assert not (tmp_path / "b.db").exists()
    assert run("copy", "sqlite:///a.db", "sqlite:///b.db", "--actor", "lee").returncode == 0


def test_the_source_is_not_written_to(run, file, tmp_path):
    (tmp_path / "more.py").write_text(
        "from crmkit import Customer, FieldSpec, Manifest, hookimpl\nmanifest = Manifest('more')\n"
        "@hookimpl\ndef crm_fields():\n"
        "    return [FieldSpec(on=Customer, name='tier', type=str | None)]\n"
        "@hookimpl\ndef crm_normalise(channel, value, region):\n    return value.upper()\n"
    )
    (tmp_path / "crm.toml").write_text('plugins = ["sqlite", "exchange", "./more.py"]\n')
    before = file.read_bytes()

    done = run("copy", "sqlite:///a.db", "sqlite:///b.db")

    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "fork") or os.getuid() != 0, reason="needs to be root")
def test_a_file_that_may_only_be_read_is_copied(file, tmp_path):
    def copied():
        modules = [crmkit_sqlite, crmkit_exchange]
        with opened_for_reading(f"sqlite:///{file}", Config(), modules) as source:
            target = opened_for_writing("memory://", Config(), modules)
            found = copy(source.storage, target).compared
        return all(each.equal for each in found) and not os.access(file, os.W_OK)

    assert not copied()  # root may write; and what is imported later could not be read by nobody
    for folder in tmp_path.parents[:-2]:
        folder.chmod(0o755)
    tmp_path.chmod(0o777)  # SQLite needs a file of its own beside one with a write-ahead log
    file.chmod(0o444)
    child = os.fork()
    if not child:
        try:
            os.setuid(65534)
            os._exit(0 if copied() else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# Killed, and without room ------------------------------------------------------------------------------------------


@pytest.fixture
def larger(tmp_path):
    """As much as takes a second or two."""
    with opened(tmp_path) as crm:
        for start in range(0, 4_000, 1_000):
            with crm.transaction() as tx:
                people = tx.add_all(
                    Customer(name=f"고객 {each}") for each in range(start, start + 1_000)
                )
                tx.add_all(
                    Interaction(
                        customer_id=each.id,
                        channel="email",
                        happened_at=each.created_at + timedelta(hours=1),
                        subject="환불",
                    )
                    for each in people
                )
    return tmp_path


def ended(run, target):
    """Give the command again: it goes on, to the end; whether there was anything to go on with."""
    done = run("copy", "sqlite:///a.db", target, "--format", "json")
    whole = "goes into an empty database" in done.stderr
    if whole:  # it had ended before it was killed
        done = run("copy", "--check", "sqlite:///a.db", target, "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert all(row["equal"] for row in rows)
    assert {row["kind"]: row["records"] for row in rows}["journal"] == 8_000
    return "gone on with" in done.stderr


def killed_when(folder, environment, target, moment):
    """Copy, and kill it as soon as something is so."""
    started = subprocess.Popen(
        [COMMAND, "copy", "sqlite:///a.db", target],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while started.poll() is None and not moment():
        time.sleep(0.002)
    started.kill()
    started.wait()


@pytest.mark.parametrize("place", [pytest.param("sqlite", marks=pytest.mark.long), "postgres"])
def test_a_copy_that_is_killed_again_and_again_goes_on(request, run, larger, environment, place):
    target = "sqlite:///b.db"
    if place == "postgres":
        pytest.importorskip("crmkit_sql.storage")
        target = request.getfixturevalue("new_postgres")()
    chance = random.Random(place)
    for _ in range(3):
        end = time.monotonic() + chance.uniform(0.4, 1.5)
        killed_when(larger, environment, target, lambda end=end: time.monotonic() > end)
    ended(run, target)


def test_a_copy_killed_in_the_middle_is_gone_on_with(run, larger, environment):
    log = larger / "b.db-wal"
    killed_when(
        larger,
        environment,
        "sqlite:///b.db",
        lambda: log.exists() and log.stat().st_size > 900_000,
    )
    storage = opened_for_writing(f"sqlite:///{larger}/b.db", Config(), ["sqlite", "exchange"])
    kept = storage.state(COPY)
    storage.close()
    assert kept["position"] or kept["kind"]
    assert ended(run, "sqlite:///b.db")


def test_a_target_without_room_says_so_and_is_gone_on_with(run, larger):
    def little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))

    done = run("copy", "sqlite:///a.db", "sqlite:///b.db", preexec_fn=little)
    assert done.returncode
    assert "cannot be read or written" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert ended(run, "sqlite:///b.db")


@pytest.mark.long
def test_a_company_of_twenty_thousand_goes_there_and_back(run, tmp_path):
    run("demo", "--customers", "20000", "--db", "sqlite:///a.db")
    assert run("copy", "sqlite:///a.db", "sqlite:///b.db").returncode == 0
    assert run("copy", "sqlite:///b.db", "sqlite:///c.db").returncode == 0
    done = run("copy", "--check", "sqlite:///a.db", "sqlite:///c.db", "--format", "json")
    assert done.returncode == 0, done.stderr
