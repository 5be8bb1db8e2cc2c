"""Columns as Arrow: another process reads them, so that nobody's lock is lost; what goes wrong there is said here."""

from __future__ import annotations

import multiprocessing.spawn
import sqlite3
import stat
import subprocess
import sys

import crmkit_sqlite
import pytest
from crmkit_sqlite import arrow

from crmkit import CRM, BackendError, Config, Customer

columns = pytest.importorskip(
    "crmkit_analytical.engine.columns", reason="crmkit-analytical is not installed"
)
pytest.importorskip("adbc_driver_sqlite", reason="crmkit-sqlite[arrow] is not installed")

FIELDS = ("id", "country")
SHEBANG = f"#!{sys.executable}\n"

BREAKS = "import sys; sys.exit('the disk is gone')"
STOPS_WITHIN = (
    "import subprocess, sys\n"
    "done = subprocess.run([{program!r}, *sys.argv[1:]], stdout=subprocess.PIPE)\n"
    "sys.stdout.buffer.write(done.stdout[:-200])"
)
STOPS_BETWEEN = (
    "import os, sys, pyarrow as pa\n"
    "batch = pa.record_batch([['', 'a'], ['', 'KR']], names=['id', 'country'])\n"
    "pa.ipc.new_stream(sys.stdout.buffer, batch.schema).write_batch(batch)\n"
    "sys.stdout.flush()\n"
    "os._exit(3)"
)
"""At a place where a stream may as well be at its end."""


@pytest.fixture
def crm(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow, "MANY", 1)
    with CRM.open(f"sqlite:///{tmp_path}/crm.db", plugins=["sqlite"], config=Config()) as app:
        with app.transaction() as tx:
            tx.add_all(Customer(name=f"{n}", country=["KR", None][n % 2]) for n in range(400))
        yield app


def read(crm):
    kind = crm.schema["customer"]
    return arrow.read(crm.storage, kind, FIELDS, columns.arrow_schema(kind, FIELDS))


def countries(batches):
    return [value for batch in batches for value in batch.column("country").to_pylist()]


def test_all_of_a_kind_is_read(crm):
    assert countries(read(crm)) == ["KR", None] * 200


def test_who_writes_keeps_the_lock_while_columns_are_read(crm):
    """Two copies of SQLite in one process: the second one that closes the file lets go of what the first has locked."""
    other = (
        f"import sqlite3; link = sqlite3.connect({str(crm.storage.file)!r}, timeout=0, isolation_level=None); "
        "link.execute('BEGIN IMMEDIATE')"
    )
    with crm.transaction() as tx:
        tx.add(Customer(name="새 고객", country="DE"))
        assert countries(read(crm)) == ["KR", None] * 200
        done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True)
        assert "database is locked" in done.stderr
    assert countries(read(crm)) == [*["KR", None] * 200, "DE"]


def test_nothing_is_read_of_what_is_not_committed_and_nobody_waits(crm):
    with sqlite3.connect(crm.storage.file, isolation_level=None) as link:
        link.execute("BEGIN IMMEDIATE")
        link.execute("UPDATE customer SET country = 'DE'")
        assert countries(read(crm)) == ["KR", None] * 200
        link.execute("ROLLBACK")


def test_it_waits_for_who_has_the_file_alone(crm):
    crm.close()
    alone = (
        f"import sqlite3, time; link = sqlite3.connect({str(crm.storage.file)!r}, isolation_level=None); "
        "link.execute('PRAGMA locking_mode = EXCLUSIVE'); link.execute('BEGIN EXCLUSIVE'); "
        "link.execute('DELETE FROM customer'); print('held', flush=True); time.sleep(1); link.execute('ROLLBACK')"
    )
    with subprocess.Popen([sys.executable, "-c", alone], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert countries(read(crm)) == ["KR", None] * 200


def test_who_stops_early_leaves_no_process(crm, monkeypatch):
    begun = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        arrow, "Popen", lambda *given, **named: begun.append(popen(*given, **named)) or begun[-1]
    )
    reading = read(crm)
    next(reading)
    reading.close()
    assert [each.poll() is not None for each in begun] == [True]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (BREAKS, "the disk is gone"),
        (STOPS_WITHIN, "Expected to be able to read"),
        (STOPS_BETWEEN, "it ended with 3"),
        (None, "No such file"),
    ],
)
def test_what_goes_wrong_there_is_one_sentence_here(crm, tmp_path, monkeypatch, program, why):
    file = tmp_path / "python-broken"
    if program is not None:
        file.write_text(SHEBANG + program.format(program=sys.executable), "utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(multiprocessing.spawn, "_python_exe", str(file).encode())
    with pytest.raises(BackendError) as caught:
        list(read(crm))
    [line] = str(caught.value).splitlines()
    assert line.startswith("another process could not read ")
    assert why in line


@pytest.mark.parametrize("program", ["", "/usr/bin/uwsgi"])
def test_an_app_that_has_python_built_in_reads_the_plain_way(crm, monkeypatch, program):
    monkeypatch.setattr(multiprocessing.spawn, "_python_exe", program.encode())
    assert not arrow.can_read()


def test_few_records_are_read_the_plain_way(crm, monkeypatch):
    kind, journal = crm.schema["customer"], crm.storage.position()
    for few, fast in ((400, True), (401, False)):
        monkeypatch.setattr(arrow, "MANY", few)
        assert (crmkit_sqlite.crm_arrow(crm.storage, kind, FIELDS) is not None) == fast
        assert (crmkit_sqlite.crm_arrow_journal(crm.storage, journal) is not None) == fast
