"""What PostgreSQL and its driver say, as errors of crmkit: which database, what is wrong, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg import errors as postgres
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from crmkit.errors import BackendError, BusyError, CrmError, ValueRefused

__all__ = ["FAULTS", "LOST", "LayoutChanged", "Placed", "lost", "named", "persistent", "translated"]

FAULTS = (psycopg.Error, DBAPIError, PoolTimeout, UnicodeEncodeError)
"""What the driver and the pool raise."""

LOST = (postgres.AdminShutdown, postgres.CrashShutdown, postgres.IdleSessionTimeout)
"""The server has ended the connection, and said so."""

_BUSY = (postgres.LockNotAvailable, postgres.QueryCanceled)
_SENTENCES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (
        postgres.DiskFull,
        "has no room left: the server's disk is full; nothing of this transaction was written, make room and try again",
    ),
    (
        postgres.TooManyConnections,
        "takes no more connections; close some, or raise max_connections of the server",
    ),
    (
        postgres.ReadOnlySqlTransaction,
        "is read-only, as a standby is; connect to the primary, as with target_session_attrs=read-write",
    ),
    (
        postgres.InsufficientPrivilege,
        "may not be used so by this user; grant it, or connect as the owner of the tables",
    ),
    (postgres.IoError, "cannot be read or written: the server's disk reports an error; check it"),
    (postgres.DataCorrupted, "is damaged; restore a backup"),
    (postgres.IndexCorrupted, "has a damaged index; run `reindexdb`, then `crm doctor`"),
)

_REFUSALS = (
    (
        ("password authentication", "no password"),
        "refuses the password; check the URL or ~/.pgpass",
    ),
    (
        ("too many c", "connection slots are reserved"),
        "takes no more connections; close some, or raise max_connections of the server",
    ),
    (
        ("starting up", "shutting down", "recovery mode", "not yet accepting"),
        "is not ready: the server starts or stops; try again in a moment",
    ),
)
"""What of a server's words, which have no code while it lets nobody in, means what."""

_SAID = re.compile("FATAL:|no password")

T = TypeVar("T")


class LayoutChanged(Exception):
    """Another process has changed the tables since they were looked at."""


class Placed(Protocol):
    """Something that knows which database it is about.

    `within` is whether it is within `persistent`; None where several threads may be, none of which begins anything.
    """

    within: bool | None

    @property
    def place(self) -> str:
        """The database, as people know it."""

    def renew(self) -> bool:
        """Take new connections after one was lost; False where that would lose something."""

    def begin_again(self) -> None:
        """Begin anew with the tables as they are now."""


def lost(error: BaseException) -> bool:
    """Whether an error means that the connection is gone."""
    if isinstance(error, LOST):
        return True
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
        error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
    )


def translated(error: BaseException, place: str) -> CrmError:
    """The error of crmkit that stands for one of `FAULTS`."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    if isinstance(error, UnicodeEncodeError):
        return ValueRefused(
            f"a text holds a lone surrogate at character {error.start}; it was decoded wrongly, decode it again"
        )
    if isinstance(error, PoolTimeout):
        return BusyError(
            f"all connections to {place} are in use, and none came free in time; end what holds them, or open it "
            "with ?pool=NUMBER"
        )
    if isinstance(error, postgres.DeadlockDetected | postgres.SerializationFailure):
        return BusyError(
            f"{place} is busy: another transaction wanted the same records in another order; try again"
        )
    if isinstance(error, _BUSY):
        return BusyError(
            f"{place} is busy: another transaction has been writing for longer than the timeout; try again when it "
            "is done, or open it with ?timeout=SECONDS"
        )
    if str(error).startswith("connection failed: ") and _SAID.search(str(error)):
        return BackendError(f"{place} {_refusal(_first_line(error))}")
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return BackendError(f"{place} {sentence}")
    return _other(error, place)


def _other(error: BaseException, place: str) -> CrmError:
    text = _first_line(error)
    if isinstance(error, postgres.UndefinedTable | postgres.UndefinedColumn):
        return BackendError(f"{place} was not prepared for this: {text}; open it with CRM.open")
    if isinstance(error, postgres.ProgramLimitExceeded):
        return ValueRefused(
            f"a value is longer than an index of PostgreSQL can hold ({text}); shorten it, or declare its field "
            "without an index"
        )
    if isinstance(error, psycopg.DataError):
        return ValueRefused(f"a value is of a type that no field has: {text}")
    if lost(error):
        return BackendError(
            f"{place} is not to be reached: {text}; check that the server runs, then try again"
        )
    return BackendError(f"{place}: {text}; run `crm doctor`")


def _refusal(text: str) -> str:
    """Why a server lets nobody in, by what it says."""
    for words, sentence in _REFUSALS:
        if any(each in text for each in words):
            return sentence
    if text.startswith("database ") and text.endswith("does not exist"):
        return "does not exist on the server; create it with `createdb`, or name another one"
    return f"cannot be opened: {text}; check the URL, and what the server's pg_hba.conf allows"


def _first_line(error: BaseException) -> str:
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0].rstrip(".") if lines else type(error).__name__
    # libpq says first where it connected to, which the place does too.
    return text.rpartition(" failed: ")[2].removeprefix("FATAL:").strip()


def persistent(owner: Placed, call: Callable[[], T]) -> T:
    """Do something; again with the tables as they are by now, and over another connection if the server dropped this.

    The latter once, and only where nothing was under way.
    """
    outer, renewed = owner.within, False
    if outer is not None:
        owner.within = True
    try:
        while True:
            try:
                return call()
            except LayoutChanged:
                owner.begin_again()
            except FAULTS as error:
                if renewed or not lost(error) or not owner.renew():
                    raise
                renewed = True
    finally:
        if outer is not None:
            owner.within = outer


def named(method: Callable[..., T]) -> Callable[..., T]:
    """A method whose driver errors come out translated, and that is `persistent`."""

    @wraps(method)
    def call(self: Placed, *arguments: Any, **options: Any) -> T:
        if self.within:
            # Whoever called this may have looked at tables that are others by now: all of that is done again.
            return method(self, *arguments, **options)
        try:
            return persistent(self, lambda: method(self, *arguments, **options))
        except FAULTS as error:
            raise translated(error, self.place) from error

    return call
