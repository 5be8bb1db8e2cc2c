"""Lines and steps: several series over moments, amounts or names, each with its band if there is one."""

from __future__ import annotations

from collections import Counter
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
    moments,
    number_of,
    pixels,
    shortened,
    side_by_side,
)
from crmkit_analytical.drawing.spec import Canvas, colour, dashes, specification
from crmkit_analytical.drawing.values import NUMERIC, shown
from crmkit_analytical.report.answer import Chart, Column, Row

__all__ = ["drawn_curves"]

_HEIGHT = 280.0
_MOST_DOTS = 40
"""With more points than this their dots would hide the line."""


@attrs.frozen
class _Point:
    series: int
    x: float
    y: float | None
    low: float | None
    high: float | None


def drawn_curves(
    chart: Chart,
    rows: Sequence[Row],
    columns: dict[str, Column],
    title: str,
    width: float,
    zone: tzinfo,
) -> dict[str, Any]:
    """The specification of a chart of lines or steps."""
    x, y = columns[chart.x], columns[chart.y]
    names, series, points = _collected(chart, rows, columns, zone)
    values = amounts(
        [each for point in points for each in (point.y, point.low, point.high) if each is not None],
        y.unit,
    )
    canvas = Canvas(width, _HEIGHT)
    canvas.reserve(title, series if chart.series else [])
    canvas.left += max((pixels(label) for at, label in values.ticks), default=0) + 8
    canvas.top += 26
    canvas.bottom += 20
    along = _along(x, points, names, canvas)
    money = currencies_of(row.get(chart.y) for row in rows)
    over = shortened(caption(y.label, values.unit, *money), canvas.width - 24)
    canvas.write(over, 12 - canvas.left, -16)
    below = shortened(caption(x.label, along.unit), canvas.plot_width)
    canvas.write(below, canvas.plot_width / 2, canvas.height + 36, "center")
    canvas.finish(26.0, is_line=True)
    for number in range(len(series)):
        own = [point for point in points if point.series == number]
        canvas.layers += _layers(own, number, "step-after" if chart.kind == "steps" else "linear")
    return specification(canvas, along, values, is_reversed=False, grid="y")


def _collected(
    chart: Chart, rows: Sequence[Row], columns: dict[str, Column], zone: tzinfo
) -> tuple[list[str], list[str], list[_Point]]:
    """Names along the bottom, if they are no numbers; series; and a point for each row that has its place."""
    names: dict[str, int] = {}
    series: dict[str, int] = {}
    points = []
    x, y = columns[chart.x], columns[chart.y]
    for row in rows:
        of = shown(row.get(chart.series), columns[chart.series].unit, zone) if chart.series else ""
        if x.unit == "text":
            at: float | None = names.setdefault(shown(row.get(chart.x), x.unit, zone), len(names))
        else:
            at = number_of(row.get(chart.x), x.unit, zone)
        if at is None:
            continue
        y_value, low, high = (
            number_of(row.get(key), y.unit, zone) if key else None
            for key in (chart.y, chart.low, chart.high)
        )
        points.append(_Point(series.setdefault(of, len(series)), at, y_value, low, high))
    return list(names), list(series), points


def _along(x: Column, points: Sequence[_Point], names: Sequence[str], canvas: Canvas) -> Axis:
    """The axis along the bottom; the margins grow until half a label has room beyond each end of it."""
    numbers = [point.x for point in points]
    if x.unit in ("date", "time"):
        axis = moments(numbers, x.unit, most=max(2, int(canvas.plot_width / 90)))
    elif x.unit in NUMERIC:
        axis = fitted(numbers, x.unit, canvas.plot_width, is_length=False)
    else:
        room = 0.5 if len(names) == 1 else 0.2
        ticks = side_by_side(names, canvas.plot_width)
        axis = Axis(-room, len(names) - 1 + room, ticks)
    half = max((pixels(label) / 2 for at, label in axis.ticks), default=0) + 4
    canvas.left, canvas.right = max(canvas.left, half), max(canvas.right, half)
    return axis


def _layers(points: Sequence[_Point], number: int, interpolate: str) -> Iterator[dict[str, Any]]:
    """The band of one series, its line, and dots where there are few points or one stands alone."""
    bands = list(_unbroken([p for p in points if p.y is not None], "low", "high"))
    x = {"x": {"field": "x"}}
    detail = {"detail": {"field": "run", "type": "nominal"}, "order": {"value": 0}}
    if bands:
        yield {
            "data": {"values": bands},
            "mark": {
                "type": "area",
                "color": colour(number),
                "opacity": 0.18,
                "interpolate": interpolate,
            },
            "encoding": {**x, "y": {"field": "low"}, "y2": {"field": "high"}, **detail},
        }
    line = list(_unbroken(points, "y"))
    mark: dict[str, Any] = {"type": "line", "color": colour(number), "strokeWidth": 2}
    mark["interpolate"] = interpolate
    if dashes(number):
        mark["strokeDash"] = dashes(number)
    yield {"data": {"values": line}, "mark": mark, "encoding": {**x, "y": {"field": "y"}, **detail}}
    lengths = Counter(each["run"] for each in line)
    alone = [each for each in line if lengths[each["run"]] == 1]
    dots = line if interpolate == "linear" and len(line) <= _MOST_DOTS else alone
    if dots:
        yield {
            "data": {"values": dots},
            "mark": {
                "type": "point",
                "color": colour(number),
                "filled": True,
                "size": 36,
                "opacity": 1,
            },
            "encoding": {**x, "y": {"field": "y"}},
        }


def _unbroken(points: Sequence[_Point], *fields: str) -> Iterator[dict[str, Any]]:
    """The points that have these fields, by runs: a line is broken where nothing is known, never drawn across."""
    run = 0
    for point in points:
        found = {field: getattr(point, field) for field in fields}
        if None in found.values():
            run += 1
        else:
            yield {"x": point.x, "run": str(run), **found}
