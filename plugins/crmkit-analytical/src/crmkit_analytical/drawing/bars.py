"""Bars: names down the side, in the order of the rows; moments and amounts along the bottom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any

import attrs

from crmkit_analytical.drawing.axes import (
    Axis,
    amounts,
    caption,
    currencies_of,
    fitted,
    number_of,
    pixels,
    shortened,
    side_by_side,
)
from crmkit_analytical.drawing.spec import INK, Canvas, colour, specification
from crmkit_analytical.drawing.values import shown
from crmkit_analytical.report.answer import Chart, Column, Row
from crmkit_analytical.words import _

__all__ = ["MOST", "drawn_bars"]

MOST = 60
"""So many names are drawn; a picture of more shows less than the table does."""

_THICKEST = 0.8
_HEIGHT = 260.0
_ABOVE = 36.0
"""Over a plot of upright bars: what their amounts are, and what the highest one says."""


@attrs.frozen
class _Bar:
    name: int
    series: int
    value: float | None
    low: float | None
    high: float | None
    label: str

    @property
    def ends(self) -> list[float]:
        """Every amount that is drawn of it."""
        return [each for each in (self.value, self.low, self.high) if each is not None]


def drawn_bars(
    chart: Chart,
    rows: Sequence[Row],
    columns: dict[str, Column],
    title: str,
    width: float,
    zone: tzinfo,
) -> dict[str, Any]:
    """The specification of a bar chart."""
    x, y = columns[chart.x], columns[chart.y]
    names, series, bars = _collected(chart, rows, columns, zone)
    left_out, names = len(names) - MOST, names[:MOST]
    bars = [bar for bar in bars if bar.name < len(names)]
    amount = [end for bar in bars for end in bar.ends]
    is_flat = x.unit == "text"
    canvas = Canvas(width, _HEIGHT)
    canvas.reserve(title, series if chart.series else [])
    if is_flat:
        along = _down(canvas, names, bars, len(series))
        values = fitted(amount, y.unit, canvas.plot_width)
    else:
        values = amounts(amount, y.unit)
        along = _across(canvas, names, values)
    of = caption(y.label, values.unit, *currencies_of(row.get(chart.y) for row in rows))
    if is_flat:
        _below(canvas, of)
    else:
        _below(canvas, caption(x.label))
        canvas.write(shortened(of, canvas.width - 24), 12 - canvas.left, -26)
    if left_out > 0:
        _note(canvas, left_out)
    canvas.finish(0.0 if is_flat else _ABOVE, is_line=False)
    thickness = _THICKEST / max(len(series), 1)
    slot = canvas.plot_width / len(names) * thickness
    has_labels = is_flat or all(pixels(bar.label) < slot * 1.15 for bar in bars)
    canvas.layers += _layers(bars, thickness, is_flat, has_labels)
    axes = (values, along) if is_flat else (along, values)
    return specification(canvas, *axes, is_reversed=is_flat, grid="x" if is_flat else "y")


def _below(canvas: Canvas, text: str) -> None:
    """What stands along the bottom."""
    text = shortened(text, canvas.plot_width)
    canvas.write(text, canvas.plot_width / 2, canvas.height + 36, "center")


def _note(canvas: Canvas, left_out: int) -> None:
    """How many names are not drawn."""
    note = _("{count} more are in the table").format(count=shown(left_out, "count"))
    canvas.bottom += 20
    canvas.write(note, 12 - canvas.left, canvas.height + canvas.bottom - 12)


def _collected(
    chart: Chart, rows: Sequence[Row], columns: dict[str, Column], zone: tzinfo
) -> tuple[list[str], list[str], list[_Bar]]:
    """Names, series, and a bar for each row: two rows of one name and one series are two names."""
    names: dict[tuple[str, int], int] = {}
    series: dict[str, int] = {}
    taken: dict[tuple[str, str], int] = {}
    bars = []
    unit = columns[chart.y].unit
    for row in rows:
        name = shown(row.get(chart.x), columns[chart.x].unit, zone)
        of = shown(row.get(chart.series), columns[chart.series].unit, zone) if chart.series else ""
        time = taken[name, of] = taken.get((name, of), -1) + 1
        place = names.setdefault((name, time), len(names))
        amount, low, high = (
            number_of(row.get(key), unit, zone) if key else None
            for key in (chart.y, chart.low, chart.high)
        )
        label = shown(row.get(chart.y), unit, zone)
        number = series.setdefault(of, len(series))
        bars.append(_Bar(place, number, amount, low, high, label))
    return [name for name, time in names], list(series), bars


def _down(canvas: Canvas, names: Sequence[str], bars: Sequence[_Bar], count: int) -> Axis:
    """Names on the left, each with its own line: the margins grow with them, the chart with their number."""
    labels = [shortened(name, canvas.width * 0.36) for name in names]
    canvas.left += max(map(pixels, labels), default=0) + 8
    canvas.right += max((pixels(bar.label) for bar in bars), default=0) + 4
    canvas.top += 4
    canvas.bottom += 18
    canvas.height = len(names) * max(24.0, 15.0 * count + 9)
    return Axis(-0.5, len(names) - 0.5, tuple(enumerate(labels)))


def _across(canvas: Canvas, names: Sequence[str], values: Axis) -> Axis:
    canvas.left += max((pixels(label) for at, label in values.ticks), default=0) + 8
    canvas.top += _ABOVE
    canvas.bottom += 20
    return Axis(-0.5, len(names) - 0.5, side_by_side(names, canvas.plot_width))


def _layers(
    bars: Sequence[_Bar], thickness: float, is_flat: bool, has_labels: bool
) -> Iterator[dict[str, Any]]:
    """Bars, their whiskers, and what they say at their ends; `n` fields are along the names, `v` along the amounts."""
    n, v = ("y", "x") if is_flat else ("x", "y")
    found = [_datum(bar, thickness) for bar in bars]
    yield {
        "data": {"values": [each for each in found if each["value"] is not None]},
        "mark": {"type": "rect"},
        "encoding": {
            n: {"field": "start"},
            f"{n}2": {"field": "end"},
            v: {"field": "zero"},
            f"{v}2": {"field": "value"},
            "fill": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    yield {
        "data": {"values": [{"zero": 0}]},
        "mark": {"type": "rule", "color": INK, "opacity": 0.6},
        "encoding": {v: {"field": "zero"}},
    }
    whiskers = [each for each in found if each["low"] is not None and each["high"] is not None]
    if whiskers:
        yield {
            "data": {"values": whiskers},
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5, "opacity": 0.75},
            "encoding": {n: {"field": "middle"}, v: {"field": "low"}, f"{v}2": {"field": "high"}},
        }
    if has_labels:
        side = {"align": "left", "baseline": "middle", "dx": 5}
        over = {"align": "center", "baseline": "bottom", "dy": -4}
        yield {
            "data": {"values": found},
            "mark": {"type": "text", **(side if is_flat else over)},
            "encoding": {n: {"field": "middle"}, v: {"field": "last"}, "text": {"field": "label"}},
        }


def _datum(bar: _Bar, thickness: float) -> dict[str, Any]:
    start = bar.name - _THICKEST / 2 + bar.series * thickness
    return {
        "start": start,
        "middle": start + thickness / 2,
        "end": start + thickness,
        "zero": 0,
        "value": bar.value,
        "low": bar.low,
        "high": bar.high,
        "last": max([*bar.ends, 0.0]),
        "label": bar.label,
        "colour": colour(bar.series),
    }
