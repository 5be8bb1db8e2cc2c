"""Amounts of open time, as people write and read them: hours, minutes and seconds, no days, which have no one length."""

from __future__ import annotations

import re
from datetime import timedelta

from crmkit import ValueRefused
from crmkit_operational.words import _

__all__ = ["amount_text", "read_amount"]

_AMOUNT = re.compile(
    r"(?:(\d{1,7})\s*(?:h|시간))?\s*(?:(\d{1,9})\s*(?:m|min|분))?\s*(?:(\d{1,9})\s*(?:s|초))?",
    re.ASCII | re.I,
)


def read_amount(text: str) -> timedelta:
    """The time of a text such as `4h`, `1h30m`, `90m` or `1시간 30분`; raises `ValueRefused`."""
    match = _AMOUNT.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueRefused(
            f"{text!r:.40} is no amount of time; write hours and minutes, as in 4h or 1h30m"
        )
    hours, minutes, seconds = (int(each or 0) for each in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def amount_text(amount: timedelta) -> str:
    """The amount in words, as in `8 h 30 min`, to the second."""
    minutes, seconds = divmod(int(amount.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, _("{count} h")), (minutes, _("{count} min")), (seconds, _("{count} s"))]
    return " ".join(text.format(count=count) for count, text in parts if count) or _(
        "{count} h"
    ).format(count=0)
