"""Where the engine keeps its columns: a file beside the database, which one process at a time has open."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crmkit import CRM, BusyError

__all__ = ["IN_MEMORY", "opened", "place_of"]

IN_MEMORY = ":memory:"
PATIENCE = 60.0
"""For how many seconds another process may have the file."""
PAUSE = 0.05

_locks: dict[str, threading.Lock] = {}
"""A lock for each file: DuckDB's own is between processes only."""


def place_of(crm: CRM) -> str:
    """The file of the columns: that of `[plugin.analytical]`, else one beside the database's own.

    Of a database on a server it is beside crm.toml; without one, in the user's folder for what can be made anew.
    """
    wanted = crm.plugins.config("analytical").file
    if wanted:
        return str(crm.config.folder / wanted)
    if "processes" not in crm.storage.capabilities:
        return IN_MEMORY
    place = str(getattr(crm.storage, "place", ""))
    if place and Path(place).is_file():
        file = Path(place)
        return str(file.with_name(f"{file.stem}.columns.duckdb"))
    name = re.sub(r"[^\w.-]+", "-", place.rpartition("//")[2]).strip("-") or "crm"
    folder = crm.config.folder if crm.config.path else _cache()
    return str(folder / f"{name}.columns.duckdb")


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crmkit"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def opened(place: str, waiting: Callable[[], None] | None = None) -> Iterator[Any]:
    """The Ibis connection to a file of columns, which is made if need be; only its owner may read it.

    What is no file of this version of DuckDB is made anew: it holds nothing that is not in the database. Calls
    `waiting` once if another process has it open; raises `BusyError` if that lasts.
    """
    if place == IN_MEMORY:
        found = _connect(place)
        try:
            yield found
        finally:
            found.disconnect()
        return
    with _locks.setdefault(place, threading.Lock()):
        found = _connect_in_turn(place, waiting)
        try:
            # Nothing is in a new file yet, so nobody has read it meanwhile.
            Path(place).chmod(0o600)
            yield found
        finally:
            found.disconnect()


def _connect_in_turn(place: str, waiting: Callable[[], None] | None) -> Any:
    import duckdb

    until, told, mended = time.monotonic() + PATIENCE, False, False
    while True:
        try:
            return _connect(place)
        except duckdb.Error as error:
            is_taken = "lock" in str(error).lower()
            if not is_taken and mended:
                raise
            if is_taken and time.monotonic() > until:
                raise BusyError(
                    f"another process has {place} open; try again when it is done"
                ) from error
        if not is_taken:
            mended = _forget(place)
            continue
        if waiting is not None and not told:
            waiting()
        told = True
        time.sleep(PAUSE)


def _connect(place: str) -> Any:
    import ibis

    return ibis.duckdb.connect(place)


def _forget(place: str) -> bool:
    for each in (place, f"{place}.wal"):
        Path(each).unlink(missing_ok=True)
    return True
