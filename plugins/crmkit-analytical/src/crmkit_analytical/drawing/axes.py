"""Axes: where ticks stand, what they say, and how much room a text takes. No library measures, so no font matters."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import attrs

from crmkit import Money
from crmkit_analytical.drawing.values import local, readable, shown
from crmkit_analytical.report.answer import Unit
from crmkit_analytical.words import _

__all__ = [
    "FONT_SIZE",
    "Axis",
    "amounts",
    "caption",
    "currencies_of",
    "fitted",
    "moments",
    "number_of",
    "pixels",
    "shortened",
    "side_by_side",
]

FONT_SIZE = 12
"""Of everything in a chart but its title, in pixels."""

_HOUR, _DAY = 3600.0, 86400.0
# As floats the last microseconds of the year 9999 would be those of the year 10000.
_FIRST = datetime.min.replace(tzinfo=UTC).timestamp()
_LAST = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()
_TIME_STEPS = tuple(_DAY * days for days in (1, 2, 7, 14))
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 300, 1200)


@attrs.frozen
class Axis:
    """A scale from `low` to `high`, and its ticks as (position, label); `unit` is what its title adds in brackets."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    unit: str = ""


def pixels(text: str, size: float = FONT_SIZE) -> float:
    """About how wide a text is drawn, rather too much: a syllable of Hangul or an emoji as wide as it is high."""
    return size * sum(map(_ems, text))


def _ems(character: str) -> float:
    if unicodedata.combining(character) or 0x1160 <= ord(character) <= 0x11FF:
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in "iljtfr.,:;|!'() ":
        return 0.4
    return 0.9 if character in "mwMW@%…" else 0.75 if character.isupper() else 0.62


def shortened(text: str, room: float) -> str:
    """As much of a text as fits into so many pixels, ending in `…` if that is not all."""
    if pixels(text) <= room:
        return text
    kept = text
    while kept and pixels(f"{kept}…") > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def number_of(value: Any, unit: Unit, timezone: tzinfo = UTC) -> float | None:
    """Where a value stands on its axis: money in major units, durations in seconds, dates in seconds since 1970."""
    if value is None:
        return None
    if isinstance(value, Money):
        return float(value.amount)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        # A day begins at its midnight in the company's zone, as its axis says.
        moment = local(value, timezone).replace(tzinfo=UTC)
        return moment.timestamp() if unit == "time" else _start(moment.date())
    if isinstance(value, date):
        return _start(value)
    number = float(value)
    return number if math.isfinite(number) else None


def _start(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


def amounts(numbers: Sequence[float], unit: Unit, *, most: int = 6, is_length: bool = True) -> Axis:
    """The axis of amounts; of lengths it holds zero, for a bar that does not start there lies."""
    numbers = [*numbers, 0.0] if is_length or not numbers else numbers
    low, high = min(numbers), max(numbers)
    # Of amounts nearer to each other than floats can tell apart, or tell from zero, no ticks can be made.
    if high - low <= max(1e-12, 1e-9 * max(abs(low), abs(high))):
        high += _small(unit)
    scale, name = _scale(unit, max(abs(low), abs(high)))
    step = _nice((high - low) / scale / max(most - 1, 1))
    if unit == "count" and scale == 1:
        step = max(step, 1.0)
    first, last = math.floor(low / scale / step + 1e-9), math.ceil(high / scale / step - 1e-9)
    if not is_length:
        # A line fills its width; ticks stand inside of it.
        inner = range(
            math.ceil(low / scale / step - 1e-9), math.floor(high / scale / step + 1e-9) + 1
        )
        return Axis(low, high, _ticks(inner, step, scale, unit), name)
    ticks = _ticks(range(first, last + 1), step, scale, unit)
    return Axis(first * step * scale, last * step * scale, ticks, name)


def fitted(numbers: Sequence[float], unit: Unit, room: float, *, is_length: bool = True) -> Axis:
    """The axis of amounts along the bottom: as many ticks as their labels have room for."""
    for most in range(8, 2, -1):
        axis = amounts(numbers, unit, most=most, is_length=is_length)
        widest = max((pixels(label) for at, label in axis.ticks), default=0)
        if (widest + FONT_SIZE) * len(axis.ticks) <= room:
            break
    return axis


def currencies_of(values: Iterable[Any]) -> list[str]:
    """The currencies of the amounts of money among values, in order."""
    return sorted({each.currency for each in values if isinstance(each, Money)})


def caption(label: str, *units: str) -> str:
    """The title of an axis: what it is of, and in what."""
    unit = " ".join(filter(None, units))
    return f"{readable(label)} ({unit})" if unit else readable(label)


def _small(unit: Unit) -> float:
    return {"share": 0.1, "duration": _HOUR}.get(unit, 1.0)


def _scale(unit: Unit, largest: float) -> tuple[float, str]:
    if unit == "duration":
        if largest >= 4 * _DAY:
            return _DAY, _("days")
        return (_HOUR, _("hours")) if largest >= 2 * _HOUR else (60.0, _("minutes"))
    if unit in ("days", "share"):
        return (1.0, _("days")) if unit == "days" else (0.01, "")
    if largest >= 1e10:
        return 1e9, _("billion")
    return (1e6, _("million")) if largest >= 1e7 else (1.0, "")


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= step * (1 - 1e-9))


def _ticks(places: range, step: float, scale: float, unit: Unit) -> tuple[tuple[float, str], ...]:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    sign = " %" if unit == "share" else ""
    return tuple((at * step * scale, f"{at * step:,.{digits}f}{sign}") for at in places)


def moments(numbers: Sequence[float], unit: Unit, *, most: int = 7) -> Axis:
    """The axis of dates and times: ticks stand on hours, days, Mondays, or first days of months."""
    low, high = min(numbers), min(max(numbers), _LAST)
    if low >= high:
        low, high = max(high - _DAY / 2, _FIRST), min(high + _DAY / 2, _LAST)
    span = high - low
    within = (60.0, 300.0, 900.0, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
    hours = within if unit == "time" else ()
    for step in (*hours, *_TIME_STEPS):
        if span / step <= most:
            # 1970-01-05 was a Monday.
            origin = 4 * _DAY if step >= 7 * _DAY else 0.0
            first = math.ceil((low - origin) / step)
            last = math.floor((high - origin) / step)
            places = [origin + at * step for at in range(first, last + 1)]
            return Axis(low, high, tuple((at, _moment(at, step < _DAY)) for at in places))
    return Axis(low, high, _months(low, high, most))


def _moment(at: float, with_hour: bool) -> str:
    text = shown(datetime.fromtimestamp(at, UTC), "time")
    return text[5:] if with_hour else text[:10]


def _months(low: float, high: float, most: int) -> tuple[tuple[float, str], ...]:
    first, last = (datetime.fromtimestamp(at, UTC) for at in (low, high))
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    step = next((each for each in _MONTH_STEPS if count / each <= most), _MONTH_STEPS[-1])
    places = []
    for month in range(first.year * 12 // step * step, last.year * 12 + last.month, step):
        at = datetime(max(month // 12, 1), month % 12 + 1, 1, tzinfo=UTC)
        if low <= at.timestamp() <= high:
            places.append((at.timestamp(), f"{at:%Y}" if step % 12 == 0 else f"{at:%Y-%m}"))
    return tuple(places)


def side_by_side(names: Sequence[str], room: float) -> tuple[tuple[float, str], ...]:
    """Ticks of names along the bottom: each short enough, and of many every second only, or third and so on.

    First days of months are months.
    """
    if len(names) > 1 and all(len(name) == 10 and name.endswith("-01") for name in names):
        names = [name[:-3] for name in names]
    labels = [shortened(name, max(room / max(len(names), 1) - FONT_SIZE, 70)) for name in names]
    return tuple((place, labels[place]) for place in _kept(labels, room))


def _kept(labels: Sequence[str], room: float) -> range:
    widest = max((pixels(label) for label in labels), default=0.0) + FONT_SIZE
    every = max(1, math.ceil(widest * len(labels) / max(room, 1.0)))
    return range(0, len(labels), every)
