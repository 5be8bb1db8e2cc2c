"""Copies of a database while others write to it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from pathlib import Path

from crmkit.errors import BackendError
from crmkit.storage import Progress
from crmkit_sqlite.connections import Connections
from crmkit_sqlite.faults import FAULTS, translated

__all__ = ["back_up"]


STEP = 1_000
"""How many pages are copied between two words of progress."""


def back_up(connections: Connections, target: Path, progress: Progress | None = None) -> None:
    """Copy the database to a new file, which is there whole or not at all."""
    if target.exists():
        raise BackendError(f"{target} exists already; name a file that does not")
    if not target.parent.is_dir():
        raise BackendError(f"the folder {target.parent} does not exist; create it first")
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    source = connections.separate()
    try:
        _copy(source, partial, progress)
        _put(partial, target)
    finally:
        source.close()
        for rest in (
            partial,
            Path(f"{partial}-wal"),
            Path(f"{partial}-shm"),
            Path(f"{partial}-journal"),
        ):
            rest.unlink(missing_ok=True)


def _copy(source: sqlite3.Connection, partial: Path, progress: Progress | None) -> None:
    def tell(status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    try:
        with contextlib.closing(sqlite3.connect(partial)) as copy:
            # A read transaction that stays open: the copy is one snapshot, and does not start over when others
            # write. In WAL mode nobody waits for it.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy, pages=STEP, progress=tell, sleep=0)
    except FAULTS as error:
        raise translated(error, str(partial)) from error


def _put(partial: Path, target: Path) -> None:
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    try:
        # A link, unlike a renamed file, never replaces what someone else put there meanwhile.
        os.link(partial, target)
    except FileExistsError:
        raise BackendError(f"{target} exists already; name a file that does not") from None
    except OSError:
        os.replace(partial, target)
    with contextlib.suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
