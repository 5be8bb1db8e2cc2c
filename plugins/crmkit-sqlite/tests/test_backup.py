"""`crm backup`: a whole copy, while others write."""

from __future__ import annotations

import threading

import pytest

from crmkit.errors import BackendError
from crmkit.testing.kinds import Specimen
from crmkit.testing.lab import Lab


def test_a_backup_is_a_database(lab, open_storage, tmp_path):
    lab.named("환불")
    lab.storage.backup(tmp_path / "copy.db")
    copy = Lab(open_storage(file=tmp_path / "copy.db"))
    assert copy.search("환불") == ["환불"]
    assert copy.find() == lab.find()
    assert copy.storage.changes() == lab.storage.changes()
    assert copy.storage.check() == []


def test_a_backup_never_replaces_a_file(lab, tmp_path):
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(BackendError, match="exists already"):
        lab.storage.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_backup_into_a_missing_folder_is_a_sentence(lab, tmp_path):
    with pytest.raises(BackendError, match="create it first"):
        lab.storage.backup(tmp_path / "no" / "copy.db")


def test_a_backup_leaves_no_other_files(lab, tmp_path):
    (tmp_path / "out").mkdir()
    lab.storage.backup(tmp_path / "out" / "copy.db")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["copy.db"]


def test_a_backup_within_a_write_has_what_was_committed(lab, open_storage, tmp_path):
    lab.named("a")
    with lab.undone() as tx:
        lab.add(Specimen(name="b"), tx=tx)
        lab.storage.backup(tmp_path / "copy.db")
    assert Lab(open_storage(file=tmp_path / "copy.db")).count() == 1


def test_backups_while_others_write_are_consistent(lab, open_storage, tmp_path):
    stop = threading.Event()

    def write() -> None:
        own, number = Lab(lab.storage), 0
        while not stop.is_set():
            number += 1
            own.named(*(f"{number} {place}" for place in range(10)))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        for number in range(5):
            lab.storage.backup(tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        copy = Lab(open_storage(file=tmp_path / f"{number}.db"))
        assert copy.count() % 10 == 0
        assert copy.storage.check() == []


def test_a_backup_says_how_far_it_has_come(lab, tmp_path):
    for number in range(30):
        lab.add(Specimen(name=str(number), details={"long": "x" * 200_000}))
    told = []
    lab.storage.backup(tmp_path / "copy.db", lambda done, total: told.append((done, total)))

    assert len(told) > 1
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
