"""Copies of files: what is read twice is the same, and nothing stays behind."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tempfile
import threading
import tracemalloc
from pathlib import Path

import pytest
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.formats.snapshot import is_maildir, taken
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAUGHTY = Path(__file__).parents[3] / "../shared/data/09_validation/blns.json"
KEPT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, for this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def refusal(path, progress=None):
    with pytest.raises(FileRefused) as caught, taken(path, progress):
        pass
    return str(caught.value)


def maildir(folder, **messages):
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    for name, text in messages.items():
        (folder / "cur" / f"{name}:2,S").write_text(text)
    return folder


@KEPT
@given(st.binary(max_size=3000))
def test_the_copy_is_the_file(tmp_path, content):
    path = tmp_path / "people.csv"
    path.write_bytes(content)

    with taken(path) as copy:
        assert copy.path.read_bytes() == content
        assert copy.path != path
        assert (copy.name, copy.size) == ("people.csv", len(content))
        assert copy.digest == hashlib.sha256(content).hexdigest()


def test_nothing_stays_behind(tmp_path, temporary):
    path = tmp_path / "people.csv"
    path.write_text("a,b")

    with taken(path) as copy:
        assert copy.path.is_file()
        assert list(temporary.iterdir())
    assert not list(temporary.iterdir())


def test_nothing_stays_behind_when_reading_fails(tmp_path, temporary):
    path = tmp_path / "people.csv"
    path.write_text("a,b")

    with pytest.raises(KeyboardInterrupt), taken(path):
        raise KeyboardInterrupt
    assert not list(temporary.iterdir())


def test_the_copy_does_not_change_with_the_file(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("before")

    with taken(path) as copy:
        path.write_text("afterwards")
        assert copy.path.read_text() == "before"


def test_progress_is_told_every_byte(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(bytes(3_000_001))
    told = []

    with taken(path, told.append):
        assert sum(told) == 3_000_001
        assert len(told) > 2


def test_memory_stays_flat(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))

    tracemalloc.start()
    with taken(path):
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


# Files that change --------------------------------------------------------------------------------------------


def grown(path):
    with path.open("ab") as file:
        file.write(b"more")


def rewritten(path):
    """The same size, another time."""
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(1, 1))


def replaced(path):
    """As programs do that write a new file and give it the name of the old one."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)


def cut(path):
    os.truncate(path, 5)


@pytest.mark.parametrize("change", [grown, rewritten, replaced, cut])
def test_a_file_that_changes_while_it_is_copied_is_refused(tmp_path, temporary, change):
    path = tmp_path / "people.csv"
    path.write_bytes(bytes(3 << 20))
    once = iter([lambda: change(path)])

    said = refusal(path, lambda _: next(once, lambda: None)())

    assert said == (
        "people.csv changed while it was read; import it again when nothing writes to it"
    )
    assert not list(temporary.iterdir())


def test_a_file_that_goes_while_it_is_copied_is_refused(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("a,b")
    assert "people.csv cannot be read: no such file" in refusal(path, lambda _: path.unlink())


def test_a_maildir_that_gets_mail_while_it_is_copied_is_refused(tmp_path):
    folder = maildir(tmp_path / "Mail", one="Subject: 1\n\n")
    said = refusal(folder, lambda _: (folder / "new" / "two").write_text("Subject: 2\n\n"))
    assert said.startswith("Mail changed while it was read")


# Files that cannot be read ------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "no.csv") == "no.csv cannot be read: no such file or directory"


def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    folder = Path(tempfile.mkdtemp())
    path = folder / "people.csv"
    path.write_text("a,b")
    path.chmod(0)
    root = os.geteuid() == 0
    folder.chmod(0o755)
    if root:
        os.seteuid(65534)  # root may read anything
    try:
        said = refusal(path)
    finally:
        if root:
            os.seteuid(0)
    assert said == "people.csv cannot be read: permission denied"
    path.unlink()
    folder.rmdir()


def test_a_device_is_refused():
    assert refusal(Path("/dev/zero")).startswith("zero is a device and no file")


def test_a_pipe_is_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"a,b\n1,2\n",), daemon=True)
    writer.start()

    with taken(path) as copy:
        assert copy.path.read_bytes() == b"a,b\n1,2\n"
    writer.join()


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))

    with taken(Path("-")) as copy:
        assert copy.path.read_bytes() == b"a,b\n1,2\n"
        assert copy.name == "standard input"


def test_no_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert refusal(Path("-")) == "standard input cannot be read: it is closed"


def test_a_full_disk_is_refused_with_what_to_do(tmp_path, monkeypatch):
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    path = tmp_path / "people.csv"
    path.write_bytes(bytes(1 << 20))

    try:
        said = refusal(path)
        left = list(place.iterdir())
    finally:
        subprocess.run(["umount", str(place)], check=True)

    assert said == (
        f"there is no room for a copy of people.csv in {place}; make some, or set TMPDIR to a folder that has some"
    )
    assert left == []


def test_a_missing_folder_for_copies_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    path = tmp_path / "people.csv"
    path.write_text("a,b")
    assert refusal(path) == (
        f"no copy of people.csv can be made in {tmp_path}/gone: no such file or directory; set TMPDIR"
    )


# Folders ------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_maildir_is_refused(tmp_path):
    folder = tmp_path / "files"
    (folder / "cur").mkdir(parents=True)
    assert not is_maildir(folder)
    assert refusal(folder).startswith("files is a folder and no Maildir")


def test_a_maildir_is_copied(tmp_path):
    folder = maildir(tmp_path / "Mail", b="Subject: 2\n\n", a="Subject: 1\n\n")
    (folder / "new" / "c").write_text("Subject: 3\n\n")
    (folder / "tmp" / "d").write_text("half of")

    with taken(folder) as copy:
        found = {
            str(each.relative_to(copy.path)): each.read_text() for each in copy.path.rglob("*:*")
        }
        assert found == {"cur/a:2,S": "Subject: 1\n\n", "cur/b:2,S": "Subject: 2\n\n"}
        assert (copy.path / "new" / "c").read_text() == "Subject: 3\n\n"
        assert not (copy.path / "tmp").exists()
        assert copy.size == 36
        assert is_maildir(copy.path)


def test_the_hash_of_a_maildir_does_not_depend_on_when_mail_came(tmp_path):
    names = [f"m{n}" for n in range(30)]
    one = maildir(tmp_path / "one", **dict.fromkeys(names, "1\n"))
    other = maildir(tmp_path / "other", **dict.fromkeys(sorted(names, key=hash), "1\n"))
    plain = b"".join(
        b"%s\0002\0001\n" % each.encode() for each in sorted(f"cur/{n}:2,S" for n in names)
    )

    with taken(one) as first, taken(other) as second:
        assert first.digest == second.digest == hashlib.sha256(plain).hexdigest()


def test_the_hash_of_a_maildir_is_over_names_and_contents(tmp_path):
    plain = b"".join(
        b"%s\0%d\0%s" % (name, len(text), text)
        for name, text in [(b"cur/a:2,S", b"1\n"), (b"cur/b:2,S", b"22\n")]
    )
    one = maildir(tmp_path / "one", b="22\n", a="1\n")
    renamed = maildir(tmp_path / "renamed", b="22\n", c="1\n")
    moved = maildir(tmp_path / "moved", b="2\n", a="12\n")

    with taken(one) as first, taken(renamed) as second, taken(moved) as third:
        assert first.digest == hashlib.sha256(plain).hexdigest()
        assert len({first.digest, second.digest, third.digest}) == 3


# Names --------------------------------------------------------------------------------------------------------


def test_names_that_no_line_can_show_are_made_showable(tmp_path):
    path = tmp_path / "two\nlines\x07.csv"
    path.write_text("a")
    raw = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb0\xed\xb0\xb4.csv"))  # CP949
    raw.write_text("a")

    with taken(path) as first, taken(raw) as second:
        assert first.name == "two\ufffdlines\ufffd.csv"
        assert second.name == "\ufffd\ufffd\ufffd\ufffd.csv"
        assert second.path.read_text() == "a"


def test_naughty_strings_are_fine_as_names(tmp_path):
    if not NAUGHTY.is_file():
        pytest.skip("../shared/data is not there")
    strings = [each for each in json.loads(NAUGHTY.read_text()) if each.strip("./")]
    names = [each.replace("/", "_").replace("\0", "_") for each in strings]
    count = 0
    for name in names:
        if len(name.encode("utf-8", "surrogateescape")) > 250:
            continue  # longer than any file can be called
        path = tmp_path / name
        path.write_text("a,b\n1,2\n")
        with taken(path) as copy:
            assert copy.path.read_text() == "a,b\n1,2\n"
            assert copy.name.isprintable() or copy.name.encode().decode() == copy.name
            assert "\n" not in copy.name
        path.unlink()
        count += 1
    assert count > 400
