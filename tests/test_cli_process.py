"""The `crm` command as processes: what it imports, what it does with pipes, bytes and terminals, and two at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("crmkit_sqlite")

CRM = [sys.executable, "-c", "from crmkit.cli import main; main()"]
Crm = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """Runs `crm` as a process of its own in an empty folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CRMKIT_", "LC_", "LANG"))}

    def crm(*arguments: Any, code: int = 0, **environ: str) -> subprocess.CompletedProcess[bytes]:
        environ = {**clean, "PYTHONUTF8": "1", **environ}
        done = subprocess.run(
            [*CRM, *arguments], cwd=tmp_path, env=environ, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr.decode(errors="replace")
        return done

    return crm


def imported(tmp_path: Path, *arguments: str) -> set[str]:
    """The modules that a command has imported when it ends."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        "from crmkit.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, check=True
    )
    return set(done.stderr.decode().split())


def test_the_version_is_printed_without_anything_heavy(tmp_path: Path) -> None:
    found = imported(tmp_path, "--version")

    assert not found & {"attrs", "attr", "cattrs", "pluggy", "importlib.metadata", "crmkit.errors"}
    assert "crmkit_sqlite" not in found


def test_listing_and_disabling_plugins_imports_none(tmp_path: Path) -> None:
    assert "crmkit_sqlite" not in imported(tmp_path, "plugin", "list")
    assert "crmkit_sqlite" not in imported(tmp_path, "plugin", "disable", "sqlite")


def test_help_imports_no_command_and_no_storage(tmp_path: Path) -> None:
    found = imported(tmp_path, "--help")

    commands = {"customer", "records", "journal", "setup", "doctor", "work", "plugin"}
    assert not found & {f"crmkit.cli.{name}" for name in commands}
    assert "crmkit_sqlite.storage" not in found
    assert "rich" not in found


def test_showing_a_customer_imports_no_other_command(crm: Crm, tmp_path: Path) -> None:
    crm("init")
    made = json.loads(crm("customer", "add", "--name", "Kim", "--format", "json").stdout)

    found = imported(tmp_path, "customer", "show", made["id"])

    others = {"journal", "setup", "doctor", "work", "plugin"}
    assert not found & {f"crmkit.cli.{name}" for name in others}
    assert not found & {"rich", "cattrs", "crmkit.worker", "crmkit.memory", "crmkit.testing"}


def test_two_processes_work_on_one_database(crm: Crm) -> None:
    crm("init")

    def add(number: int) -> None:
        crm("customer", "add", "--name", f"customer {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))

    found = json.loads(crm("customer", "list", "--format", "json").stdout)
    assert {each["name"] for each in found} == {f"customer {number}" for number in range(12)}


def test_two_processes_prepare_a_new_database_at_once(crm: Crm) -> None:
    with ThreadPoolExecutor(4) as pool:
        options = ("--db", "sqlite:///new.db", "--format", "json")
        done = list(pool.map(lambda _: crm("customer", "list", *options), range(4)))

    assert [json.loads(each.stdout) for each in done] == [[]] * 4


def test_a_pipe_that_closes_early_is_no_error(crm: Crm, tmp_path: Path) -> None:
    crm("init")
    for _ in range(3):
        crm("customer", "add", "--name", "x" * 100_000)

    environ = {**os.environ, "CRMKIT_DB": "sqlite:///crm.db"}
    piped = subprocess.Popen(
        [*CRM, "customer", "list"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert piped.stdout is not None
    assert piped.stderr is not None
    piped.stdout.read(10)
    piped.stdout.close()

    assert piped.stderr.read() == b""
    piped.stderr.close()
    piped.wait()


def test_bytes_that_are_no_text_are_refused(crm: Crm) -> None:
    done = crm("customer", "add", "--name", b"caf\xe9", code=2)

    assert b"argument 4 is not text" in done.stderr
    crm("init")
    refused = crm("customer", "list", code=1, CRMKIT_ACTOR="caf\udce9")
    assert b"lone surrogate" in refused.stderr


def test_a_terminal_without_korean_gets_escapes(crm: Crm) -> None:
    crm("init")
    crm("customer", "add", "--name", "김 😀")
    plain = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}

    assert b"\\uae40" in crm("customer", "list", **plain).stdout
    assert (
        json.loads(crm("customer", "list", "--format", "json", **plain).stdout)[0]["name"]
        == "김 😀"
    )
    assert crm("--help", "--lang", "ko", **plain).stdout.isascii()


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_table_is_cut_to_the_terminal(crm: Crm, tmp_path: Path) -> None:
    import pty
    import termios

    crm("init")
    made = crm("customer", "add", "--name", "긴이름" * 60, "--owner", "kim", "--format", "json")
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 64))
    environ = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}}

    subprocess.run([*CRM, "customer", "list"], cwd=tmp_path, env=environ, stdout=slave, check=True)

    shown = os.read(master, 10_000).decode().splitlines()
    os.close(master)
    os.close(slave)
    from crmkit.cli.width import width

    assert max(map(width, shown)) <= 64
    assert "…" in shown[1]
    assert json.loads(made.stdout)["id"] in shown[1]
    assert "kim" in shown[1]
