"""The processes of a server: whom they run as, how all of them end at once, and who ends them after us."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from crmkit_sql.testing.binaries import NoServer

__all__ = ["Keeper", "end_at_once", "living", "other_user"]

_AFTERWARDS = """
folder=$1
read -r anything
if read -r server <"$folder/data/postmaster.pid"; then
    command=$(tr '\\0' ' ' <"/proc/$server/cmdline" || ps -o args= -p "$server")
    case $command in *"$folder"/data*) kill -QUIT "$server" ;; esac
fi
tries=0
until rm -rf "$folder" || [ "$tries" -ge 100 ]; do tries=$((tries + 1)); sleep 0.2; done
"""
"""Waits for a line or the end of its input. The number of the server may be another process's by then, so it asks whose
it is; where it cannot tell, the server ends by itself within a minute after its folder is gone."""

_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()


def _let_go() -> None:
    # The pipe is to end with this process, not with the last child that was forked from it.
    for each in _keepers:
        each.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


class Keeper:
    """Ends the server in a folder and removes the folder when this process has ended, however that was.

    It is a shell that waits at the other end of a pipe. The death signal of Linux would come too early, with
    the thread that started the server; and to set it, a process with threads would have to run Python after a fork.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _AFTERWARDS, "sh", folder],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # what is sent to the group of pytest is not meant for it
        )
        _keepers.add(self)

    def let_go(self) -> None:
        """Close this process's end of the pipe."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def close(self) -> None:
        """Let it do now what it is there for, and wait for it."""
        assert self._process.stdin is not None
        if not self._process.stdin.closed:
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")
        self.let_go()
        self._process.wait()


def end_at_once(process: int, patience: float) -> None:
    """Kill a process and all that it started; when this returns, none of them writes any more."""
    with suppress(ProcessLookupError):
        # It stands still meanwhile: it would start new ones in place of those that die, or clean up after them.
        os.kill(process, signal.SIGSTOP)
        until = time.monotonic() + patience
        while (family := _descendants(process)) and time.monotonic() < until:
            for each in family:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            time.sleep(0.002)
        os.kill(process, signal.SIGKILL)


def _descendants(process: int) -> set[int]:
    parents = living()
    found, fresh = set[int](), {process}
    while fresh := {each for each, parent in parents.items() if parent in fresh} - found:
        found |= fresh
    return found


def living() -> dict[int, int]:
    """The parent of every process that has not ended yet."""
    return dict(_told_by_linux() if Path("/proc/self/stat").exists() else _told_by_ps())


def _told_by_linux() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended since
            # The name, in parentheses, may hold anything: what follows the last one is the state and the parent.
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                yield int(folder.name), int(parent)


def _told_by_ps() -> Iterator[tuple[int, int]]:
    command = ["ps", "-A", "-o", "pid=,ppid=,state="]
    for line in subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        process, parent, state = line.split()[:3]
        if not state.startswith(("Z", "X")):
            yield int(process), int(parent)


def other_user() -> tuple[int, int] | None:
    """Whom the server runs as in place of root, as numbers of a user and a group; None if we are not root."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd

    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    raise NoServer(
        "PostgreSQL does not run as root, and there is no user postgres or nobody; add one of them"
    )
