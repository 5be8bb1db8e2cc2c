"""URLs and the files that they name."""

from __future__ import annotations

import pytest
from crmkit_sqlite.location import read_url
from crmkit_sqlite.storage import open_sqlite

from crmkit.errors import BackendError
from crmkit.testing.lab import Lab


def test_three_slashes_are_a_file_here_and_four_an_absolute_one():
    assert str(read_url("sqlite:///acme.db").path) == "acme.db"
    assert str(read_url("sqlite:////srv/acme.db").path) == "/srv/acme.db"
    assert read_url("sqlite://").path is None
    assert read_url("sqlite:///:memory:").path is None


def test_options_are_read_and_safe_by_default():
    assert read_url("sqlite:///a.db").synchronous == "FULL"
    assert read_url("sqlite:///a.db").timeout == 5.0
    location = read_url("sqlite:///a.db?synchronous=normal&timeout=0.5")
    assert (location.synchronous, location.timeout) == ("NORMAL", 0.5)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///a.db?synchronus=full", "did you mean 'synchronous'"),
        ("sqlite:///a.db?cache=shared", "there are synchronous, timeout"),
        ("sqlite:///a.db?synchronous=off", "synchronous=full or normal"),
        ("sqlite:///a.db?timeout=-1", "timeout=5"),
        ("sqlite:///a.db?timeout=nan", "timeout=5"),
        ("sqlite://acme.db", "write three"),
        ("sqlite:acme.db", "sqlite:///acme.db"),
        ("sqlite:///a%00b.db", "NUL"),
    ],
)
def test_a_misspelt_url_is_a_sentence(url, sentence):
    with pytest.raises(BackendError, match=sentence):
        open_sqlite(url)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("고객 관리.db", "고객 관리.db"),
        ("50% & more#1.db", "50%25 & more#1.db"),
        ("what?.db", "what%3F.db"),
        ("a'b\"c;--.db", "a'b\"c;--.db"),
    ],
)
def test_odd_names_of_files_are_taken_as_they_are(tmp_path, name, written):
    storage = open_sqlite(f"sqlite:///{tmp_path}/{written}")
    Lab(storage).named("a")
    assert (tmp_path / name).exists()
    storage.close()


def test_a_relative_file_stays_the_same_when_the_folder_changes(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    storage = open_sqlite("sqlite:///here.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    Lab(storage)
    assert (tmp_path / "here.db").exists()
    storage.close()


def test_a_database_in_memory_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    storage = open_sqlite("sqlite://")
    Lab(storage).named("a")
    assert list(tmp_path.iterdir())
    storage.close()
    assert not list(tmp_path.iterdir())
