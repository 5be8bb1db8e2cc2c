"""What SQLite says, as errors of crmkit: which file, what is wrong with it, what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

from crmkit.errors import (
    BackendError,
    BusyError,
    ClosedError,
    CrmError,
    SchemaError,
    ValueRefused,
)

__all__ = ["FAULTS", "Placed", "code_of", "guarded", "translated"]

FAULTS = (sqlite3.Error, UnicodeEncodeError, OverflowError)
"""What the driver raises: SQLite's own errors, and values that no column can hold."""

_SENTENCES = {
    "SQLITE_FULL": "has no room left: the disk is full or a page limit is reached; nothing of this transaction was "
    "written, make room and try again",
    "SQLITE_READONLY": "is read-only; allow writing to the file and to its folder, or open a copy",
    "SQLITE_CANTOPEN": "cannot be opened; check that its folder exists and that you may read and write there",
    "SQLITE_NOTADB": "is no SQLite database; give another file, or move this one away",
    "SQLITE_CORRUPT": "is damaged; restore a backup, or save what is left with `sqlite3 FILE .recover`",
    "SQLITE_IOERR": "cannot be read or written: the disk reports an error; check the disk, then `crm doctor`",
    "SQLITE_PERM": "may not be opened by this user; change its permissions",
    "SQLITE_AUTH": "may not be opened by this user; change its permissions",
    "SQLITE_NOLFS": "is too large for this file system; move it to another disk",
}
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")

T = TypeVar("T")


class Placed(Protocol):
    """Something that knows which database it is about."""

    @property
    def place(self) -> str:
        """The file's name, as people know it."""


def code_of(error: BaseException) -> str:
    """SQLite's name of an error, such as `SQLITE_CONSTRAINT_UNIQUE`; nothing if it is not SQLite's."""
    return getattr(error, "sqlite_errorname", "")


def translated(error: BaseException, place: str) -> CrmError:
    """The error of crmkit that stands for one of `FAULTS`."""
    if isinstance(error, UnicodeEncodeError):
        return ValueRefused(
            f"a text holds a lone surrogate at character {error.start}; it was decoded wrongly, decode it again"
        )
    if isinstance(error, OverflowError):
        return ValueRefused("a whole number does not fit in 64 bits; keep it as text")
    code = code_of(error)
    if code.startswith(_BUSY):
        return BusyError(
            f"{place} is busy: another process has been writing for longer than the timeout; "
            "try again when it is done, or open it with ?timeout=SECONDS"
        )
    if code == "SQLITE_TOOBIG":
        return ValueRefused("a value is longer than SQLite can hold; shorten it")
    for beginning, sentence in _SENTENCES.items():
        if code.startswith(beginning):
            return BackendError(f"{place} {sentence}")
    return _other(error, place)


def _other(error: BaseException, place: str) -> CrmError:
    text = str(error)
    if "closed" in text and isinstance(error, sqlite3.ProgrammingError):
        return ClosedError(f"{place} was closed; open it again")
    if isinstance(error, sqlite3.InterfaceError | sqlite3.ProgrammingError):
        return ValueRefused(f"a value is of a type that no field has: {text}")
    if "no such table" in text or "no such column" in text:
        return BackendError(f"{place} was not prepared for this: {text}; open it with CRM.open")
    if "circular" in text or "too many" in text:
        return SchemaError(f"{place}: {text}; make the kind or the query smaller")
    return BackendError(f"{place}: {text}; run `crm doctor`")


def guarded(method: Callable[..., T]) -> Callable[..., T]:
    """A method whose driver errors come out translated."""

    @wraps(method)
    def call(self: Placed, *arguments: Any, **named: Any) -> T:
        try:
            return method(self, *arguments, **named)
        except FAULTS as error:
            raise translated(error, self.place) from error

    return call
