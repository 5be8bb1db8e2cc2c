"""Durations as people write them: `15m`, `3h`, `7d`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta

from crmkit import ValueRefused
from crmkit_operational.words import _

__all__ = ["UNITS", "duration", "written"]

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([mhdw])")
_MINUTES = {"w": 10_080, "d": 1_440, "h": 60, "m": 1}


def duration(text: str) -> timedelta:
    """The duration that a person wrote; raises `ValueRefused`."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueRefused(
            _("{text} is no duration; write it as in 15m, 3h, 7d or 2w").format(text=repr(text))
        )
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def written(minutes: int) -> str:
    """So many minutes in the largest unit in which they are whole."""
    unit = next(each for each, size in _MINUTES.items() if minutes % size == 0)
    return f"{minutes // _MINUTES[unit]}{unit}"
