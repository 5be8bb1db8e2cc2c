"""Files that cannot be used: each a sentence with the file and what to do, and nothing lost."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest
from crmkit_sqlite.storage import open_sqlite

from crmkit.errors import BackendError, ClosedError, TransactionError
from crmkit.testing.kinds import Specimen, zoo
from crmkit.testing.lab import Lab


def refusal(action) -> str:
    with pytest.raises(BackendError) as caught:
        action()
    return str(caught.value)


def test_a_missing_folder(open_storage, tmp_path):
    storage = open_storage(file=tmp_path / "no" / "crm.db")
    assert "folder" in refusal(lambda: storage.prepare(zoo()))
    assert not (tmp_path / "no").exists()


def test_a_folder_in_place_of_a_file(open_storage, tmp_path):
    assert "is a folder" in refusal(lambda: open_storage(file=tmp_path).prepare(zoo()))


def test_a_file_that_is_no_database(open_storage, path):
    path.write_text("name;phone\n" * 1000)
    assert "is no SQLite database" in refusal(lambda: open_storage().prepare(zoo()))
    assert "is no SQLite database" in refusal(lambda: open_storage().state("key"))
    assert path.read_text() == "name;phone\n" * 1000


def test_the_database_of_another_program(open_storage, path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    assert "another program" in refusal(lambda: open_storage().prepare(zoo()))


def test_a_newer_format(lab, open_storage, path):
    lab.storage.close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    sentence = refusal(lambda: open_storage().prepare(zoo()))
    assert "newer crmkit-sqlite" in sentence
    assert "format 99" in sentence
    assert "upgrade" in sentence


def test_nothing_is_created_by_looking(open_storage, path):
    storage = open_storage()
    assert storage.state("key") is None
    assert storage.states("") == {}
    assert storage.prepare(zoo(), plan=True)
    assert "does not exist" in refusal(lambda: storage.history("specimen", "1"))
    assert not path.exists()


def test_a_database_that_was_not_prepared(open_storage, path):
    path.touch()
    storage = open_storage()
    assert storage.state("key") is None
    assert "not prepared" in refusal(lambda: storage.history("specimen", "1"))


def test_a_full_disk_loses_nothing(lab, connection):
    kept = lab.named(*(f"before {n}" for n in range(10)))
    link = connection(lab.storage)
    pages = link.execute("PRAGMA page_count").fetchone()[0]
    link.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(BackendError, match=r"no room.*make room"):
        lab.named(*(f"more {n}" * 1000 for n in range(100)))
    assert lab.find() == kept
    link.execute("PRAGMA max_page_count = 1000000")
    lab.named("after")
    assert lab.search("after") == ["after"]
    assert lab.search("more") == []
    assert lab.storage.check() == []


def test_a_disk_that_is_full_when_preparing_leaves_all_as_it_was(open_storage, connection):
    lab = Lab(open_storage(), zoo(added=False))
    lab.named("a")
    link = connection(lab.storage)
    before = link.execute("SELECT sql FROM sqlite_master").fetchall()
    pages = link.execute("PRAGMA page_count").fetchone()[0]
    link.execute(f"PRAGMA max_page_count = {pages}")
    assert "no room" in refusal(lambda: lab.storage.prepare(zoo()))
    assert link.execute("SELECT sql FROM sqlite_master").fetchall() == before
    link.execute("PRAGMA max_page_count = 1000000")
    assert lab.storage.prepare(zoo())


def test_a_damaged_file(lab, open_storage, path):
    lab.named(*(f"name {n}" for n in range(500)))
    lab.storage.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 8192))
    storage = open_storage()
    sentence = refusal(lambda: (storage.prepare(zoo()), list(Lab(storage).find())))
    assert "damaged" in sentence
    assert "backup" in sentence


@pytest.fixture
def elsewhere():
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_somebody_else(action) -> str:
    """What an action raises in a process that is not root's."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            action()
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as pipe:
        return pipe.read()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("folder_mode", [0o555, 0o755])
def test_a_file_that_may_only_be_read(elsewhere, folder_mode):
    file = elsewhere / "crm.db"
    storage = open_sqlite(f"sqlite:///{file}")
    Lab(storage).named("a")
    storage.close()
    file.chmod(0o444)
    elsewhere.chmod(folder_mode)
    sentence = as_somebody_else(lambda: Lab(open_sqlite(f"sqlite:///{file}")).named("b"))
    assert sentence.startswith(f"BackendError: {file} ")
    assert "read" in sentence


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_folder_that_may_not_be_written(elsewhere):
    elsewhere.chmod(0o555)
    file = elsewhere / "crm.db"
    sentence = as_somebody_else(lambda: open_sqlite(f"sqlite:///{file}").prepare(zoo()))
    assert sentence.startswith(f"BackendError: {file} cannot be opened; check that its folder")


def test_a_closed_storage(lab):
    lab.named("a")
    lab.storage.close()
    lab.storage.close()
    with pytest.raises(ClosedError, match="open it again"):
        lab.find()
    with pytest.raises(ClosedError), lab.storage.transaction():
        pass


def test_a_transaction_after_its_end(lab):
    with lab.storage.transaction() as tx:
        pass
    with pytest.raises(TransactionError, match="over"):
        lab.find(tx=tx)
    with pytest.raises(TransactionError, match="over"):
        lab.add(Specimen(name="a"), tx=tx)


def test_a_missing_index_is_named_and_built_again(lab, connection):
    connection(lab.storage).execute("DROP INDEX specimen__by__shelf__number")
    assert "specimen__by__shelf__number" in lab.storage.check()[0]
    assert lab.storage.prepare(zoo()) == ["create the index specimen__by__shelf__number"]
    assert lab.storage.check() == []


def test_writes_past_the_storage_are_found(lab, connection):
    record = lab.named("a")[0]
    connection(lab.storage).execute("UPDATE specimen SET version = 7")
    assert f"specimen {record.id} is at version 7 and its journal at 1" in lab.storage.check()[0]
