"""`crm export`: what is written where, whole or not at all, and for whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from types import ModuleType

import pytest

from crmkit import (
    CRM,
    Config,
    Customer,
    CustomField,
    Identity,
    Manifest,
    Restriction,
    hookimpl,
)


@pytest.fixture
def people(crm):
    """Two customers, one with addresses."""
    with crm.transaction() as tx:
        tx.add(CustomField(on="customer", name="tier"))
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="김하늘", tags=("가전", "vip")).set("custom.tier", "gold"))
        tx.add(Identity(customer_id=kim.id, channel="email", value="sky@hanbit.example"))
        tx.add(Identity(customer_id=kim.id, channel="phone", value="010-2345-6789"))
        tx.add(Customer(name="John Smith", owner="kim"))


def there(folder):
    """The files in a folder, but those of the database."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("crm.db"))


# A table ----------------------------------------------------------------------------------------------------------


def test_a_file_is_for_excel_and_a_pipe_is_plain(crm_cli, people, tmp_path):
    shown = crm_cli("export", "customer", "out.csv", "--columns", "name,tags,custom.tier,email")
    piped = crm_cli("export", "customer", "--columns", "name,tags,custom.tier,email")

    lines = [
        "name,tags,custom.tier,email",
        '김하늘,"가전,vip",gold,sky@hanbit.example',
        "John Smith,,,",
    ]
    assert (tmp_path / "out.csv").read_bytes() == "\ufeff".encode() + "".join(
        f"{line}\r\n" for line in lines
    ).encode()
    assert piped.stdout_bytes.decode() == "".join(f"{line}\n" for line in lines)
    assert "2 rows are in out.csv" in shown.stderr
    assert there(tmp_path) == ["out.csv"]


def test_json_lines_are_the_documents_or_their_columns(crm_cli, people, tmp_path):
    whole = crm_cli("export", "customer", "--format", "json").stdout
    some = crm_cli("--format", "json", "export", "customer", "--columns", "name,phone,owner").stdout
    shown = crm_cli("export", "customer", "out.jsonl", "--format", "json")

    first, second = map(json.loads, whole.splitlines())
    assert {"id", "version", "created_at"} < first.keys()
    assert (first["tags"], first["custom.tier"]) == (["가전", "vip"], "gold")
    assert second["owner"] == "kim"
    assert [json.loads(line) for line in some.splitlines()] == [
        {"name": "김하늘", "phone": "010-2345-6789"},
        {"name": "John Smith", "phone": "", "owner": "kim"},
    ]
    assert (tmp_path / "out.jsonl").read_text("utf-8") == whole
    assert "2 rows are in out.jsonl" in shown.stderr


def test_conditions_are_those_of_every_list(crm_cli, people):
    shown = crm_cli("export", "customer", "--columns", "name", "--where", "custom.tier=gold")
    assert shown.stdout == "name\n김하늘\n"
    nobody = crm_cli("export", "customer", "--columns", "name", "--where", "owner=nobody")
    assert nobody.stdout == "name\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "say what to export"),
        (("a", "b", "c"), 2, "say what to export"),
        (("--all", "a", "b"), 2, "--all takes a file and nothing else"),
        (("--all", "--where", "owner=kim"), 2, "--all takes a file and nothing else"),
        (("custmer",), 1, "did you mean 'customer'"),
        (("customer", "--columns", "colour"), 1, "has no field 'colour'"),
        (("customer", "out.csv", "--where", "colour=red"), 1, "has no field 'colour'"),
        (("customer", "nowhere/out.csv"), 1, "cannot be written: No such file"),
        (("--all", "."), 1, "is a folder"),
        (("--all", ".", "--force"), 1, "is a folder"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    crm_cli, people, tmp_path, arguments, code, said
):
    assert said in crm_cli("export", *arguments, code=code).stderr
    assert there(tmp_path) == []


# Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [("--all",), ("customer",)])
def test_a_file_is_written_over_only_when_that_is_said(crm_cli, people, tmp_path, what):
    (tmp_path / "out").write_text("dear", "utf-8")

    assert "--force" in crm_cli("export", *what, "out", code=1).stderr
    assert (tmp_path / "out").read_text("utf-8") == "dear"
    crm_cli("export", *what, "out", "--force")
    assert "김하늘" in (tmp_path / "out").read_text("utf-8")
    assert there(tmp_path) == ["out"]


def test_a_link_stays_one(crm_cli, people, tmp_path):
    (tmp_path / "real").write_text("old", "utf-8")
    (tmp_path / "link").symlink_to("real")

    crm_cli("export", "--all", "link", "--force")

    assert (tmp_path / "link").is_symlink()
    assert "김하늘" in (tmp_path / "real").read_text("utf-8")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are not on this system")
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_pipe_is_written_into_and_stays_one(crm_cli, people, tmp_path, force):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()

    crm_cli("export", "--all", "pipe", *force)

    reader.join(10)
    assert read[0].endswith("}}\n")
    assert pipe.is_fifo()


def test_a_name_of_any_length_will_do(crm_cli, people, tmp_path):
    name = "가" * 85  # 255 bytes
    crm_cli("export", "customer", name)
    assert there(tmp_path) == [name]


# Broken off -------------------------------------------------------------------------------------------------------

PEOPLE = 3_000


@pytest.fixture
def big(tmp_path):
    """A database with enough in it to be broken off."""
    url = f"sqlite:///{tmp_path}/crm.db"
    # With every plugin that the command opens it with, which then has no table to add.
    with CRM.open(url, config=Config()) as crm, crm.transaction() as tx:
        tx.add_all(Customer(name=f"Customer {n}") for n in range(PEOPLE))
    return url


def command(big, *arguments):
    run = "from crmkit.cli import main; main()"
    return [sys.executable, "-c", run, "--db", big, "export", *arguments]


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from crmkit.cli import main
sys.argv = ["crm", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limit there")
@pytest.mark.parametrize("what", [("--all",), ("customer",)])
def test_a_full_disk_leaves_nothing_half(big, tmp_path, what):
    arguments = ["--db", big, "export", *what, "out"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: out cannot be written: File too large")
    assert there(tmp_path) == []


INTERRUPTED = """
import os, signal, sys
import crmkit_exchange.terminal.exporting as exporting
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
lines = exporting.export_lines

def broken_off(*said):
    for number, line in enumerate(lines(*said)):
        if number == 2000:
            os.kill(os.getpid(), signal.SIGINT)
        yield line

exporting.export_lines = broken_off
from crmkit.cli import main
sys.argv = ["crm", *sys.argv[1:]]
main()
"""


def test_an_interrupted_export_leaves_what_was_there(big, tmp_path):
    (tmp_path / "out").write_text("dear", "utf-8")
    arguments = ["--db", big, "export", "--all", "out", "--force"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert there(tmp_path) == ["out"]
    assert (tmp_path / "out").read_text("utf-8") == "dear"


def test_whoever_reads_on_may_stop(big, tmp_path):
    started = subprocess.Popen(
        command(big, "--all"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout.readline().startswith(b'{"crmkit":"export"')
    started.stdout.close()
    said = started.stderr.read()
    started.stderr.close()

    assert started.wait(20) == 1
    assert said == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_output_that_cannot_be_written_is_said(big, tmp_path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command(big, "--all"), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: standard output cannot be written: No space left")


def test_a_broken_database_is_not_taken_for_a_full_disk(big, tmp_path):
    database = tmp_path / "crm.db"
    pages = database.stat().st_size // 4096
    with database.open("r+b") as file:
        for page in range(pages // 2, pages):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    done = subprocess.run(
        command(big, "--all", "out"), cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 4
    assert "is damaged" in done.stderr
    assert "cannot be written" not in done.stderr
    assert there(tmp_path) == []


# On a terminal ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
@pytest.mark.parametrize(
    ("arguments", "bar"),
    [(("--all", "out"), True), (("customer", "out"), True), (("--all",), False)],
)
def test_progress_is_shown_unless_the_answer_is(big, tmp_path, arguments, bar):
    import pty

    ours, theirs = pty.openpty()
    started = subprocess.Popen(command(big, *arguments), cwd=tmp_path, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with pytest.raises(OSError):  # noqa: PT011  # the end of a terminal
        while True:
            said += os.read(ours, 65536)
    os.close(ours)

    assert started.wait(20) == 0
    assert (b"100%" in said) == bar
    assert (b'{"end"' in said) != bar


# Who may ----------------------------------------------------------------------------------------------------------


class TestRestricted:
    @pytest.fixture
    def crm(self):
        with CRM.open("memory://", plugins=["exchange", guard], config=Config()) as crm:
            yield crm

    def test_a_full_export_is_for_who_sees_everything(self, crm_cli, people, tmp_path):
        said = crm_cli("export", "--all", "out", "--actor", "desk", code=1).stderr
        assert "may not see all of customer" in said
        assert "crm export KIND" in said
        assert there(tmp_path) == []
        crm_cli("export", "--all", "out", "--actor", "doctor")

    def test_a_table_has_what_its_reader_may_see(self, crm_cli, people):
        said = crm_cli("export", "customer", "--actor", "desk", "--columns", "name,owner")
        assert said.stdout == "name,owner\n김하늘,\nJohn Smith,•••\n"
        said = crm_cli("export", "customer", "--actor", "desk", "--where", "owner=kim", code=1)
        assert "may not see customer.owner" in said.stderr


guard = ModuleType("guard")
guard.manifest = Manifest("guard")


@hookimpl
def crm_restrict(actor, kind):
    if actor.id == "desk" and kind == "customer":
        return Restriction(masked={"owner"})
    return None


guard.crm_restrict = crm_restrict
