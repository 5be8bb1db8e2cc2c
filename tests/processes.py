"""Processes of the company of `tests.company`, told what to do, listened to and killed."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).parents[1]


class Process:
    """A process of the company, and the lines it has said."""

    running: ClassVar[list["Process"]] = []

    def __init__(self, task: str, url: str, *arguments: object) -> None:
        self.said: list[list[str]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.company", task, url, *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.running.append(self)

    def ready(self) -> "Process":
        """Wait until it has opened the database."""
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        assert first == "ready\n", self._process.communicate()[1]
        self._reader.start()
        return self

    @classmethod
    def of(cls, url: str, *tasks: str) -> "list[Process]":
        """Several, started at once."""
        return [each.ready() for each in [cls(task, url) for task in tasks]]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):
                self.said.append(line.split())

    def kill(self) -> list[list[str]]:
        """End it at once; everything it has said, and it must have had nothing to complain about."""
        assert self._process.stderr is not None
        self._process.kill()
        complaints = self._process.stderr.read()
        self._forget()
        assert complaints == ""
        return self.said

    @classmethod
    def end_all(cls) -> None:
        """Kill what a test that failed left running, or it would go on writing for ever."""
        for each in list(cls.running):
            each._process.kill()
            each._forget()

    def _forget(self) -> None:
        self.running.remove(self)
        self._process.wait()
        if self._reader.ident is not None:
            self._reader.join()
        for each in (self._process.stdout, self._process.stderr):
            assert each is not None
            each.close()
