"""A file copied aside before it is read, so that what is read twice is the same."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import attrs

from crmkit_exchange.formats.charsets import clean
from crmkit_exchange.formats.items import FileRefused

__all__ = ["Snapshot", "Told", "is_maildir", "taken"]

CHUNK = 1 << 20
PARTS = ("cur", "new")
"""Where a Maildir has its messages; what is in `tmp` is not delivered yet."""

Told: TypeAlias = Callable[[int], object]
"""Is told how many more bytes were copied."""

_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@attrs.frozen
class Snapshot:
    """A copy: where it is, what the file is called, its SHA-256 in hexadecimal digits, its bytes.

    The hash of a Maildir is over the names, sizes and contents of its messages. In `name` U+FFFD stands for what no
    record can hold and no line can show.
    """

    path: Path
    name: str
    digest: str
    size: int


def is_maildir(path: Path) -> bool:
    """Whether a folder is a Maildir: messages in `cur` and `new`."""
    return all((path / part).is_dir() for part in PARTS)


@contextmanager
def taken(path: Path, progress: Told | None = None) -> Iterator[Snapshot]:
    """A copy of a file, a Maildir, or (`-`) of standard input, which is there until the block ends.

    Raises `FileRefused` if it cannot be read, changes meanwhile, or there is no room for the copy.
    """
    name = _shown("standard input" if str(path) == "-" else path.name or str(path))
    copying = _Copying(name, progress or (lambda _: None))
    with _folder(name) as folder:
        copying.copy(path, folder / "copy")
        yield Snapshot(folder / "copy", name, copying.digest.hexdigest(), copying.size)


def _shown(name: str) -> str:
    return clean(_UNSHOWABLE.sub("\ufffd", name))


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """A folder for the copy, which is gone at the end."""
    try:
        made = tempfile.TemporaryDirectory(prefix="crmkit-import-")
    except OSError as error:
        raise _no_copy(name, error) from error
    with made as folder:
        yield Path(folder)


class _Copying:
    """Copies one thing; `digest` and `size` are those of all that was copied."""

    def __init__(self, name: str, progress: Told) -> None:
        self.name = name
        self.digest = hashlib.sha256()
        self.size = 0
        self._progress = progress

    def copy(self, path: Path, target: Path) -> None:
        """Copy a file, a Maildir or standard input."""
        try:
            if str(path) == "-":
                self._standard_input(target)
            elif path.is_dir():
                self._maildir(path, target)
            else:
                self._file(path, target)
        except OSError as error:
            raise FileRefused(f"{self.name} cannot be read: {_reason(error)}") from error

    def _standard_input(self, target: Path) -> None:
        if sys.stdin is None:  # Python's word for one that was closed
            raise FileRefused(f"{self.name} cannot be read: it is closed")
        self._stream(sys.stdin.buffer, target)

    def _file(self, path: Path, target: Path) -> None:
        """Copy a file; raise if it is not the same before and after, by its state and by what its name leads to."""
        self._refuse_device(path)
        with path.open("rb") as source:
            before = _state(os.fstat(source.fileno()))
            self._stream(source, target)
            same = before == _state(os.fstat(source.fileno())) == _state(path.stat())
        if not same:
            raise self._changed()

    def _refuse_device(self, path: Path) -> None:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise FileRefused(
                f"{self.name} is a device and no file; give a file, or - and pipe it in"
            )

    def _changed(self) -> FileRefused:
        return FileRefused(
            f"{self.name} changed while it was read; import it again when nothing writes to it"
        )

    def _stream(self, source: IO[bytes], target: Path) -> None:
        with _writing(self.name, target) as write:
            while chunk := source.read(CHUNK):
                write(chunk)
                self.digest.update(chunk)
                self.size += len(chunk)
                self._progress(len(chunk))

    def _maildir(self, path: Path, target: Path) -> None:
        if not is_maildir(path):
            raise FileRefused(
                f"{self.name} is a folder and no Maildir, which has cur and new in it; name the files that are to be "
                "imported"
            )
        for part in PARTS:
            (target / part).mkdir(parents=True)
        before = _messages(path)
        for message, size in before:
            self.digest.update(b"%s\0%d\0" % (os.fsencode(message), size))
            self._file(path / message, target / message)
        if _messages(path) != before:
            raise self._changed()


def _messages(path: Path) -> list[tuple[str, int]]:
    """The messages of a Maildir in their order: where they are in it, and their bytes."""
    found = [each for part in PARTS for each in (path / part).iterdir() if each.is_file()]
    return sorted((str(each.relative_to(path)), each.stat().st_size) for each in found)


def _state(found: os.stat_result) -> tuple[int, ...]:
    """What differs once something was written; nothing of a pipe, which only flows."""
    if stat.S_ISFIFO(found.st_mode):
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _writing(name: str, target: Path) -> Iterator[Callable[[bytes], Any]]:
    """Writes to the copy; what fails there is not the fault of the file."""
    with target.open("wb", buffering=0) as out:

        def write(chunk: bytes) -> None:
            rest = memoryview(chunk)
            try:
                while rest:  # a disk that is nearly full takes a part
                    rest = rest[out.write(rest) :]
            except OSError as error:
                raise _no_copy(name, error) from error

        yield write


def _no_copy(name: str, error: OSError) -> FileRefused:
    place = tempfile.gettempdir() if tempfile.tempdir else "the folder for temporary files"
    if error.errno in _NO_ROOM:
        return FileRefused(
            f"there is no room for a copy of {name} in {place}; make some, or set TMPDIR to a folder that has some"
        )
    return FileRefused(f"no copy of {name} can be made in {place}: {_reason(error)}; set TMPDIR")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
