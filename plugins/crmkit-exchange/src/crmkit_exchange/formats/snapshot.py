"""A file copied aside before it is read, so that what is read twice is the same."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from crmkit_exchange.formats.items import FileRefused

__all__ = ["Snapshot", "is_maildir", "taken"]

CHUNK = 1 << 20


@attrs.frozen
class Snapshot:
    """A copy: where it is, what the file is called, its SHA-256, its bytes."""

    path: Path
    name: str
    digest: str
    size: int


def is_maildir(path: Path) -> bool:
    """Whether a folder is a Maildir: messages in `cur` and `new`."""
    return (path / "cur").is_dir() and (path / "new").is_dir()


@contextmanager
def taken(path: Path) -> Iterator[Snapshot]:
    """A copy of a file, a Maildir, or (`-`) of standard input, which is there until the block ends.

    Raises `FileRefused` if it cannot be read, or changes meanwhile.
    """
    name = "standard input" if str(path) == "-" else path.name
    with tempfile.TemporaryDirectory(prefix="crmkit-import-") as folder:
        try:
            copy = _copied(path, Path(folder) / "copy")
        except OSError as error:
            full = error.errno == errno.ENOSPC
            why = (
                "there is no room for a copy of it; make some, or set TMPDIR"
                if full
                else str(error.strerror)
            )
            raise FileRefused(f"{name} cannot be read: {why}") from error
        yield attrs.evolve(copy, name=name)


def _copied(path: Path, target: Path) -> Snapshot:
    if str(path) == "-":
        with target.open("wb") as out:
            return _hashed(sys.stdin.buffer, out, target)
    if path.is_dir():
        return _maildir(path, target)
    with path.open("rb") as source, target.open("wb") as out:
        before = _state(os.fstat(source.fileno()))
        copy = _hashed(source, out, target)
        if before != _state(os.fstat(source.fileno())) or before[:1] != _state(path.stat())[:1]:
            raise FileRefused(f"{path.name} changed while it was read; import it when it is whole")
    return copy


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _hashed(source: IO[bytes], out: IO[bytes], target: Path) -> Snapshot:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        out.write(chunk)
        size += len(chunk)
    return Snapshot(target, "", digest.hexdigest(), size)


def _maildir(path: Path, target: Path) -> Snapshot:
    """A copy of a Maildir; its hash is over the names and contents of its messages."""
    if not is_maildir(path):
        raise FileRefused(
            f"{path.name} is a folder and no Maildir (cur, new); name the files in it"
        )
    digest, size = hashlib.sha256(), 0
    for part in ("cur", "new"):
        (target / part).mkdir(parents=True)
        for message in sorted(each for each in (path / part).iterdir() if each.is_file()):
            shutil.copyfile(message, target / part / message.name)
            content: Any = (target / part / message.name).read_bytes()
            digest.update(f"{part}/{message.name}\0{len(content)}\0".encode() + content)
            size += len(content)
    return Snapshot(target, "", digest.hexdigest(), size)
