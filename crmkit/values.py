"""Plain values that records are made of: money, ids, and time in UTC."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import total_ordering

import attrs

from crmkit.errors import ValueRefused

__all__ = ["INT64", "NEVER", "Clock", "Money", "format_time", "new_id", "now", "parse_time"]

Clock = Callable[[], datetime]
"""Tells the time: aware, UTC. An app has one; tests give it a fake one."""

INT64 = 2**63 - 1
"""The largest whole number that a record may hold, so that every database can."""

NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""The `created_at` and `updated_at` of a record that was never saved."""

_CURRENCY = re.compile("[A-Z]{3}")
# ISO 4217: the currencies whose minor unit is not a hundredth.
_DECIMALS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),  # noqa: SIM905
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


@total_ordering
@attrs.frozen(eq=True, order=False)
class Money:
    """An amount in a currency, in whole minor units (cents; won, which has no smaller unit).

    Money of one currency adds up, multiplies by whole numbers and compares; two currencies never mix
    (`ValueRefused`). Nothing here rounds but `of`.
    """

    minor: int
    currency: str

    def __attrs_post_init__(self) -> None:
        if type(self.minor) is not int or abs(self.minor) > INT64:
            raise ValueRefused(
                f"money is a whole number of minor units within 64 bits, not {self.minor!r}"
            )
        if not (isinstance(self.currency, str) and _CURRENCY.fullmatch(self.currency)):
            raise ValueRefused(
                f"a currency is three capital letters of ISO 4217, as in 'KRW', not {self.currency!r}"
            )

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """`Money.of("12.50", "EUR")`: an amount in major units, rounded half up to the minor unit."""
        try:
            scaled = Decimal(amount).scaleb(_DECIMALS.get(currency, 2))
            minor = int(scaled.to_integral_value(ROUND_HALF_UP))
        except (ArithmeticError, ValueError):
            raise ValueRefused(
                f"{amount!r} is not an amount of money; write it as in '12.50'"
            ) from None
        return cls(minor, currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-_DECIMALS.get(self.currency, 2))

    def __str__(self) -> str:
        return f"{self.amount:,f} {self.currency}"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, times: int) -> Money:
        if type(times) is not int:
            raise ValueRefused(
                "money is multiplied by whole numbers only; round first, then say how"
            )
        return Money(self.minor * times, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def _same(self, other: Money) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"{other!r} is not Money")
        if other.currency != self.currency:
            raise ValueRefused(f"{self} and {other} are of two currencies; convert one first")
        return other.minor


class _Ids:
    """UUIDv7 (RFC 9562, method 1): rising within one process, unique across them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        """The next id."""
        # 48 bits of milliseconds and 74 random ones; the same number rises by a random step
        # within one millisecond, so that ids of one process sort in the order they were made.
        drawn = int.from_bytes(os.urandom(10), "big")
        value = (time.time_ns() // 1_000_000 << 74) | (drawn & (1 << 74) - 1)
        with self._lock:
            if value <= self._last or value >> 74 == self._last >> 74:
                value = self._last + 1 + (drawn & 0xFFFFFFFF)
            self._last = value
        high, low = value >> 62, value & (1 << 62) - 1
        number = (high >> 12) << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low
        digits = f"{number:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


new_id: Callable[[], str] = _Ids()
"""A new id: a UUIDv7 as text; ids made by one process sort in the order they were made."""


def now() -> datetime:
    """The time, aware, UTC: the clock of an app that was given none."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """An aware time as text in UTC, always with microseconds: text order is time order."""
    if moment.tzinfo is not UTC:
        moment = utc(moment)
    return moment.isoformat(timespec="microseconds")


def utc(moment: datetime) -> datetime:
    """The same instant in UTC; a time without a zone, or outside the years 1-9999 there, is refused."""
    if moment.utcoffset() is None:
        raise ValueRefused(f"{moment.isoformat()} has no time zone; say which, as in +09:00 or Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueRefused(f"{moment.isoformat()} is outside the years 1 to 9999 in UTC") from None


def parse_time(text: str) -> datetime:
    """The time that an ISO 8601 text with a zone means, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueRefused(
            f"{text!r} is not a time; write it as in 2026-03-01T09:00+09:00"
        ) from None
    return utc(moment)
