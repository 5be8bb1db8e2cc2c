"""Dates and times as files have them: the order of day, month and year is found out from a whole column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import TypeAlias

import attrs

from crmkit import CrmError, ValueRefused

__all__ = [
    "ORDERS",
    "AmbiguousDates",
    "DateOrder",
    "Orders",
    "decide",
    "parse_date",
    "parse_moment",
]

DateOrder: TypeAlias = str
"""One of `ORDERS`, or `epoch` for a column of seconds or milliseconds since 1970."""

ORDERS: tuple[DateOrder, ...] = ("ymd", "dmy", "mdy", "ydm")
EPOCH = "epoch"
LONGEST = 100
"""So many characters a date has at most; longer texts are not looked at, nor kept in a cache."""
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_NUMBERS = re.compile(r"(\d{1,4})\s*[-/.년]\s*(\d{1,2})\s*[-/.월]\s*(\d{1,4})\s*[.일]?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T\s]?(\d\d)(\d\d)(\d\d)?(?!\d))?")
_OF_WEEK = r"(?:[a-z]{3,9},?\s+)?"
_YEAR = r"(\d{4}|\d\d)"
_NAMED = (
    ("dmy", re.compile(rf"{_OF_WEEK}(\d{{1,2}})(?:st|nd|rd|th)?[\s/.-]+([a-z]{{3,9}})\.?,?[\s/.-]+{_YEAR}", re.I)),
    ("mdy", re.compile(rf"{_OF_WEEK}([a-z]{{3,9}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}", re.I)),
    ("ymd", re.compile(r"(\d{4})[\s/.-]+([a-z]{3,9})[\s/.-]+(\d{1,2})(?!\d)", re.I)),
)  # fmt: skip
"""Days whose month is a word, and in which order they stand."""
_WEEKDAY = re.compile(r"\s*(?:\(([월화수목금토일]|[a-z]{3,9})\)|[월화수목금토일]요일)", re.I)
_KOREAN_CLOCK = re.compile(r"(\d{1,2})\s*시(?:\s*(\d{1,2})\s*분)?(?:\s*(\d{1,2})\s*초)?")
_HALF = r"오전|오후|am|pm|a\.m\.|p\.m\."
_TIME = re.compile(
    rf"(?:[T\s,]|at\s)*(?P<half>{_HALF})?\s*(?P<h>\d{{1,2}}):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{{1,9}}))?)?"
    rf"\s*(?P<after>{_HALF})?\s*(?P<zone>z|kst|(?:utc|gmt)?[+-]\d\d:?\d\d|(?:utc|gmt)?[+-]\d\d|utc|gmt)?(?:\s*\([^()]*\))?",
    re.I,
)
_SECONDS = re.compile(r"\d{10}|\d{13}")


class AmbiguousDates(CrmError, ValueError):
    """A column of dates that can be read in several orders.

    Attributes: `column`, `example`, `meant` (order -> the date that the example would be), and its `orders`.
    """

    def __init__(self, column: str, example: str, meant: Mapping[DateOrder, date]) -> None:
        can = ", ".join(f"{day} ({order})" for order, day in meant.items())
        super().__init__(
            f"column {column!r}: {example!r} can be {can}; say which with --date-order ORDER"
        )
        self.column = column
        self.example = example
        self.meant = dict(meant)
        self.orders = tuple(meant)


@attrs.define
class Orders:
    """What one column's values allow, fed one by one; nothing of them is kept but counts and an example for each pair.

    `fits` counts the values that are dates in an order, `apart` has, for two orders in which some value is two
    different days, the first such value.
    """

    column: str
    total: int = 0
    fits: dict[DateOrder, int] = attrs.field(factory=lambda: dict.fromkeys((*ORDERS, EPOCH), 0))
    apart: dict[tuple[DateOrder, DateOrder], str] = attrs.field(factory=dict)

    def feed(self, text: str) -> None:
        """Take note of one value."""
        read = _readings(_bare(text))
        self.total += bool(read)
        for order in read:
            self.fits[order] += 1
        for one in read:
            for other in read:
                if read[one] != read[other]:
                    self.apart.setdefault((one, other), text)


def decide(orders: Orders, given: DateOrder | None = None) -> DateOrder:
    """The order of a column: the one `given`, else the one in which most of its values are dates.

    Raises `AmbiguousDates` if several fit as many and would read some value differently.
    """
    if given:
        return given
    if orders.total and orders.fits[EPOCH] == orders.total:
        return EPOCH
    most = max(orders.fits[each] for each in ORDERS)
    best = [each for each in ORDERS if orders.fits[each] == most]
    if "ymd" in best and "ydm" in best:
        best.remove(
            "ydm"
        )  # which is written in no country; it is only believed where nothing else fits
    differing = {each for pair in orders.apart if set(pair) <= {*best} for each in pair}
    if most and differing:
        example = next(text for pair, text in orders.apart.items() if set(pair) <= {*best})
        read = _readings(_bare(example))
        raise AmbiguousDates(
            orders.column, example, {each: read[each] for each in best if each in read}
        )
    return best[0]


def parse_date(text: str, order: DateOrder | None) -> date:
    """The day that a text names; a time behind it does not matter. Raises `ValueRefused`."""
    found = _readings(_bare(text)).get(order or "ymd")
    if found is None:
        raise _refused(text, order)
    return found


def parse_moment(text: str, order: DateOrder | None, zone: tzinfo) -> datetime:
    """The moment that a text names, in UTC; without a zone in `zone`, a day alone is its beginning.

    Raises `ValueRefused`.
    """
    bare = _bare(text)
    if order == EPOCH and _SECONDS.fullmatch(bare):
        return _since_1970(bare)
    try:
        clock, own = _clock(_split(bare)[1])
        return datetime.combine(parse_date(text, order), clock, own or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _refused(text, order) from None


def _refused(text: str, order: DateOrder | None) -> ValueRefused:
    return ValueRefused(f"holds {text!r:.40}, which is no date in the order {order or 'ymd'}")


def _bare(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip() if len(text) <= LONGEST else ""


def _since_1970(digits: str) -> datetime:
    return datetime.fromtimestamp(int(digits[:10]), UTC) + timedelta(
        milliseconds=int(digits[10:] or 0)
    )


@lru_cache(maxsize=2048)
def _readings(bare: str) -> Mapping[DateOrder, date]:
    """Which day a text is in each order in which it is one."""
    if _SECONDS.fullmatch(bare):
        day = _since_1970(bare).date()
        return {EPOCH: day} if 1990 <= day.year < 2100 else {}
    found: dict[DateOrder, date] = {}
    try:
        parts, rest = _split(bare)
        _clock(rest)
    except ValueError:
        return {}
    for order in ORDERS:
        named = _day(parts, order)
        if named:
            found[order] = named
    return found


def _split(bare: str) -> tuple[tuple[str, ...], str]:
    """The three parts of the day in a text, and what stands behind; a month that is named is in its place."""
    if match := _NUMBERS.match(bare):
        return match.groups(), bare[match.end() :]
    if match := _COMPACT.match(bare):
        clock = ":".join(each for each in match.groups()[3:] if each)
        return match.groups()[:3], clock + bare[match.end() :]
    for order, pattern in _NAMED:
        if match := pattern.match(bare):
            by = dict(zip(order, match.groups(), strict=True))
            if month := _month(by["m"]):
                return (by["y"], f"m{month}", by["d"]), bare[match.end() :]
    raise ValueError(bare)


def _month(name: str) -> int | None:
    """The number of a month from its name or the first letters of it."""
    folded = name.casefold()
    months = enumerate(_MONTHS, 1)
    return next((number for number, each in months if each.startswith(folded)), None)


def _day(parts: tuple[str, ...], order: DateOrder) -> date | None:
    """The day of three parts in an order; a year has four digits or two (00-68 is 2000-2068, POSIX)."""
    if parts[1].startswith("m"):
        order, parts = "ymd", (parts[0], parts[1][1:], parts[2])
    by = dict(zip(order, parts, strict=True))
    if len(by["y"]) not in (2, 4) or len(by["d"]) > 2 or len(by["m"]) > 2:
        return None
    year = int(by["y"])
    if len(by["y"]) == 2:
        year += 2000 if year < 69 else 1900
    try:
        return date(year, int(by["m"]), int(by["d"]))
    except ValueError:
        return None


def _clock(rest: str) -> tuple[time, tzinfo | None]:
    """The time of day in what stands behind a day, and its zone; midnight if nothing stands there."""
    behind = _WEEKDAY.sub("", rest, 1).rstrip()
    if "시" in behind:
        behind = _KOREAN_CLOCK.sub(_in_digits, behind)
    if not behind:
        return time(0), None
    match = _TIME.fullmatch(behind)
    if not match:
        raise ValueError(rest)
    hour = int(match["h"])
    half = (match["half"] or match["after"] or "").casefold().replace(".", "")
    if half in {"오전", "am"} and hour > 12:
        raise ValueError(rest)
    if half:
        hour = hour % 12 + (12 if half in {"오후", "pm"} else 0)
    fraction = int((match["f"] or "0")[:6].ljust(6, "0"))
    clock = time(hour, int(match["m"] or 0), int(match["s"] or 0), fraction)
    return clock, _offset(match["zone"])


def _in_digits(match: re.Match[str]) -> str:
    """A time in Korean with colons: `14시 5분` is `14:05:00`."""
    return ":".join(f"{int(each or 0):02}" for each in match.groups())


def _offset(zone: str | None) -> tzinfo | None:
    if zone is None:
        return None
    if zone.casefold() == "kst":
        return timezone(timedelta(hours=9))
    digits = re.sub(r"\D", "", zone).ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if "-" in zone else minutes)) if minutes else UTC
