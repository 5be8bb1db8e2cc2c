"""Transactions that may not be used any more, or not for this."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from crmkit.errors import TransactionError
from crmkit_sql.faults import FAULTS, persistent, translated

__all__ = ["ENDED", "FAILED", "Over", "writing"]

P = ParamSpec("P")
T = TypeVar("T")


class Writer(Protocol):
    """A transaction: whether it may write, and its connection or what stands in its place."""

    writes: bool
    link: Any
    within: bool | None

    @property
    def place(self) -> str:
        """The database, as people know it."""

    def begin_again(self) -> None:
        """Begin anew with the tables as they are now."""

    def renew(self) -> bool:
        """Take a new connection after one was lost; False where that would lose something."""


W = TypeVar("W", bound=Writer)


class Over:
    """Stands in place of a connection that may not be used any more; says why."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __getattr__(self, name: str) -> Any:
        raise TransactionError(self._sentence)


ENDED = Over("this transaction is over; begin another")
"""Stands in place of the connection of a transaction that has ended."""

FAILED = Over("a write of this transaction has failed; leave it, then try again")
"""Stands in place of the connection of a transaction in which a write has raised."""
_READS = "this transaction only reads; open it with write=True"


def writing(
    method: Callable[Concatenate[W, P], T],
) -> Callable[Concatenate[W, P], T]:
    """A method that writes: whatever it raises, the transaction can only be left after that."""

    @wraps(method)
    def call(self: W, /, *arguments: P.args, **named: P.kwargs) -> T:
        if not self.writes:
            raise TransactionError(_READS)
        self.link.connection  # noqa: B018  refused when the transaction is over or has failed
        try:
            return persistent(self, lambda: method(self, *arguments, **named))
        except FAULTS as error:
            self.link = self.link if self.link is ENDED else FAILED
            raise translated(error, self.place) from error
        except BaseException:
            self.link = self.link if self.link is ENDED else FAILED
            raise

    return call
