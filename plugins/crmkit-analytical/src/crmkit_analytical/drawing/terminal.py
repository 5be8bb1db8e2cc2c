"""The table of an answer on a terminal, with a small bar at the end of each row if its chart is one of bars."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

from crmkit.cli.output import write_table
from crmkit.cli.width import padded, width
from crmkit_analytical.drawing.axes import currencies_of, number_of
from crmkit_analytical.drawing.values import NUMERIC, readable, shown
from crmkit_analytical.report.answer import Answer, Column

__all__ = ["bar_of", "room_for_bars", "table", "write_answer"]

_SHORTEST, _LONGEST = 8, 24
_LONGEST_NAME = 32
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"


def write_answer(answer: Answer, *, timezone: tzinfo = UTC, heading: str = "") -> None:
    """Print the rows as a table for people; nothing without rows. Times stand in `timezone`."""
    if answer.rows:
        names = [column.name for column in answer.columns]
        rows = table(answer, timezone=timezone, room=room_for_bars())
        write_table(rows, heading, [*names, *[""] * (len(rows[0]) - len(names))])


def room_for_bars() -> int | None:
    """How many columns the terminal has; None where no bar can be drawn: into a pipe, or without Unicode."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    return shutil.get_terminal_size().columns if sys.stdout.isatty() and is_unicode else None


def table(answer: Answer, *, timezone: tzinfo = UTC, room: int | None = None) -> list[list[str]]:
    """The headings and the rows as texts, amounts aligned right; with a column of bars if `room` has columns for it."""
    found = [_aligned(answer, column, timezone) for column in answer.columns]
    bars = _bars(answer, found, room)
    if bars:
        # Last, since terminals set to Korean may draw blocks twice as wide: nothing behind them can be moved.
        found.append(["", *bars])
    return [list(row) for row in zip(*found, strict=True)]


def _aligned(answer: Answer, column: Column, timezone: tzinfo) -> list[str]:
    texts = [readable(column.label)]
    texts += [shown(row.get(column.name), column.unit, timezone) for row in answer.rows]
    if column.unit not in NUMERIC:
        return texts
    widest = max(map(width, texts))
    return [" " * (widest - width(text)) + text for text in texts]


def _bars(answer: Answer, columns: Sequence[Sequence[str]], room: int | None) -> list[str]:
    """A bar for each row; none if there is no room, or what is drawn is not of these rows, or has no one scale."""
    chart = answer.chart
    units = {column.name: column.unit for column in answer.columns}
    if room is None or chart is None or chart.kind != "bar" or chart.rows is not None:
        return []
    if units.get(chart.y) not in NUMERIC:
        return []
    values: list[Any] = [row.get(chart.y) for row in answer.rows]
    numbers = [number_of(value, units[chart.y]) or 0.0 for value in values]
    length = _length(answer, columns, room)
    if not length or min(numbers, default=0) < 0 or len(currencies_of(values)) > 1:
        return []
    highest = max(numbers, default=0)
    return [bar_of(number / highest, length) for number in numbers] if highest else []


def _length(answer: Answer, columns: Sequence[Sequence[str]], room: int) -> int:
    """How long a bar may be; the shortest one may cost a long name its end, as narrow terminals do anyway."""
    widths = [max(map(width, texts)) for texts in columns]
    cut = [
        min(widest, _LONGEST_NAME) if column.unit == "text" and column.name != "id" else widest
        for widest, column in zip(widths, answer.columns, strict=True)
    ]
    left, gaps = room - sum(widths), 2 * len(widths)
    return min(max(left - gaps, _SHORTEST), _LONGEST) if room - sum(cut) - gaps >= _SHORTEST else 0


def bar_of(share: float, length: int) -> str:
    """A bar as long as this share of `length` columns, to an eighth; what is not nothing has one eighth at least."""
    eighths = round(share * length * 8) or (1 if share > 0 else 0)
    full, rest = divmod(eighths, 8)
    return padded(_FULL * full + (_EIGHTHS[rest] if rest else ""), length)
