"""How a value of each unit is shown to people, and how scripts get it: the one home for both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from crmkit import Money
from crmkit.cli.language import Word
from crmkit.cli.language import _ as core_word
from crmkit.cli.output import plain as core_plain
from crmkit.cli.width import escaped
from crmkit_analytical.report.answer import Answer, Column, Row, Unit
from crmkit_analytical.words import _

__all__ = ["NOTHING", "NUMERIC", "local", "plain", "plain_rows", "readable", "shown", "unit_of"]

NOTHING = "–"
"""What is shown where there is nothing to say."""

NUMERIC: frozenset[Unit] = frozenset({"count", "number", "share", "days", "duration", "money"})
"""The units whose values are amounts: tables align them right, charts draw them as lengths."""

_MOST_DIGITS = 4


def shown(value: Any, unit: Unit, timezone: tzinfo = UTC) -> str:
    """A value as people read it, on one line, in the language of the command that is running.

    Times are shown in `timezone`. Controls and direction overrides are written out; None, NaN and infinities are a dash.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if unit == "count":
        return f"{value:,.0f}" if isinstance(value, float) else f"{value:,}"
    if unit == "number":
        return _number(value)
    if unit == "share":
        return f"{_hundredths(value)} %"
    if unit == "days":
        return _("{days} d").format(days=f"{value + 0.0:,.1f}")
    if unit == "duration":
        return _duration(value)
    return readable(_text(value, unit, timezone))


def readable(text: str) -> str:
    """A text as it may stand anywhere, in XML too: what would be obeyed is written out, what is no character is `�`."""
    if text.isprintable():
        return text
    return "".join("�" if ord(each) & 0xFFFE == 0xFFFE else each for each in escaped(text))


def _number(value: Any) -> str:
    number = float(value)
    if isinstance(value, int) or number == 0 or abs(number) >= 1:
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{number:.3g}"


def _hundredths(share: float) -> str:
    # "0.0 %" of something that happened, or "100.0 %" of what once did not, would be untrue.
    for digits in range(1, _MOST_DIGITS + 1):
        text = f"{share * 100:,.{digits}f}"
        if float(text.replace(",", "")) not in (0, 100) or share in (0, 1):
            return text
    least = 10.0**-_MOST_DIGITS
    if 0 < share < 1:
        return f"< {least:.{_MOST_DIGITS}f}" if share < 0.5 else f"> {100 - least:.{_MOST_DIGITS}f}"
    return text


def _duration(length: timedelta) -> str:
    seconds = abs(length.total_seconds())
    sign = "-" if length < timedelta(0) else ""
    if 0 < seconds < 59.5:
        return sign + _("{seconds} s").format(seconds=f"{seconds:.0f}")
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return sign + _("{minutes} min").format(minutes=minutes)
    return sign + _("{hours} h {minutes} min").format(hours=f"{hours:,}", minutes=minutes)


def _text(value: Any, unit: Unit, timezone: tzinfo) -> str:
    if isinstance(value, datetime):
        moment = local(value, timezone)
        return moment.date().isoformat() if unit == "date" else moment.isoformat(" ")[:16]
    if value is True or value is False:
        return core_word("yes") if value else core_word("no")
    if isinstance(value, Word):
        return _(value)
    if isinstance(value, list | tuple):
        return ", ".join(shown(each, unit_of(each), timezone) for each in value)
    return str(value if isinstance(value, Money) else core_plain(value))


def local(moment: datetime, timezone: tzinfo) -> datetime:
    """A time as the clocks of a zone show it; as it is where that would be before year 1 or after 9999."""
    try:
        return moment.astimezone(timezone)
    except OverflowError:
        return moment


def unit_of(value: Any) -> Unit:
    """The unit of a value that no column says more about, as a parameter of a formula."""
    if isinstance(value, timedelta):
        return "duration"
    if isinstance(value, datetime):
        return "time"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    if isinstance(value, Money):
        return "money"
    return "date" if isinstance(value, date) else "text"


def plain(value: Any) -> Any:
    """A value as scripts get it in JSON: shares and days as floats, durations in seconds, money as the core has it.

    NaN and infinities, which JSON has not, are None.
    """
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return core_plain(value)


def plain_rows(
    answer: Answer, rows: Sequence[Row] | None = None, columns: Sequence[Column] | None = None
) -> list[dict[str, Any]]:
    """The rows of an answer, or others of its shape, as scripts get them: the columns in their order, then the rest."""
    names = [column.name for column in columns or answer.columns]
    return [
        {name: plain(row.get(name)) for name in (*names, *(key for key in row if key not in names))}
        for row in (answer.rows if rows is None else rows)
    ]
