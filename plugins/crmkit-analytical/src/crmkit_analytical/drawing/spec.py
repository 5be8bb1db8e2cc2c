"""What a chart is made of, as a Vega-Lite specification in plain values.

Every place is computed here and every scale is linear: the library only draws. So nothing depends on the fonts of the
machine, and no name of a customer is ever read as a field, a format or an expression: names are data, labels of axes
are looked up by their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import attrs

from crmkit_analytical.drawing.axes import FONT_SIZE, Axis, pixels, shortened

__all__ = ["FONTS", "INK", "Canvas", "Layer", "Side", "colour", "dashes", "specification"]

Layer: TypeAlias = dict[str, Any]
Side: TypeAlias = Literal["left", "center", "right"]

FONTS = (
    "NanumGothic, 'Nanum Gothic', 'Apple SD Gothic Neo', 'Malgun Gothic', "
    "'Noto Sans CJK KR', 'Noto Sans KR', sans-serif"
)
INK = "currentColor"
"""Texts and lines have the colour of the page around them, in the dark too."""

_TITLE_SIZE = 15
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_DASHES: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 3), (8, 3, 2, 3))


def colour(place: int) -> str:
    """The colour of the series at this place: Okabe and Ito (2008), told apart by colour-blind people too."""
    return _COLOURS[place % len(_COLOURS)]


def dashes(place: int) -> list[int]:
    """How a line is broken: one more way each time that the colours begin anew."""
    return list(_DASHES[place // len(_COLOURS) % len(_DASHES)])


@attrs.define
class Canvas:
    """A drawing being made: how large it is, the margins around the plot, and texts at places in pixels.

    Texts are placed from the plot's upper left corner. It lives as long as one chart is being made.
    """

    width: float
    height: float
    left: float = 12.0
    top: float = 12.0
    right: float = 16.0
    bottom: float = 28.0
    layers: list[Layer] = attrs.field(factory=list)
    title: str = ""
    _legend: list[tuple[str, float, float]] = attrs.field(factory=list, init=False)
    _legend_height: float = attrs.field(default=0.0, init=False)

    @property
    def plot_width(self) -> float:
        """How wide the plot is between its margins."""
        return max(self.width - self.left - self.right, 60.0)

    def write(
        self,
        text: str,
        x: float,
        y: float,
        side: Side = "left",
        *,
        size: float = FONT_SIZE,
        is_bold: bool = False,
    ) -> None:
        """Put a text at a place; `side` is the one where the place is."""
        mark = {"type": "text", "align": side, "fontSize": size, "baseline": "middle"}
        if is_bold:
            mark["fontWeight"] = "bold"
        self.layers.append(
            {
                "data": {"values": [{"text": text}]},
                "mark": mark,
                "encoding": {"x": {"value": x}, "y": {"value": y}, "text": {"field": "text"}},
            }
        )

    def reserve(self, title: str, names: Sequence[str]) -> None:
        """Make room over the plot for a title, and for the names of a legend, line by line."""
        self.title, self._legend = title, []
        x = y = 0.0
        for name in names:
            text = shortened(name, 220)
            step = pixels(text) + 38
            if x and x + step > self.width - 24:
                x, y = 0.0, y + 20
            self._legend.append((text, x, y))
            x += step
        self._legend_height = y + 26 if names else 0.0
        self.top += self._legend_height + (28 if title else 0)

    def finish(self, above: float, *, is_line: bool) -> None:
        """Draw title and legend, now that no margin changes any more; `above` is the room between them and the plot."""
        if self.title:
            text = shortened(self.title, (self.width - 24) * FONT_SIZE / _TITLE_SIZE)
            self.write(text, 12 - self.left, 22 - self.top, size=_TITLE_SIZE, is_bold=True)
        for number, (text, x, y) in enumerate(self._legend):
            x, y = x + 12 - self.left, y - self._legend_height - above + 10
            self.layers.append(_key(number, x, y, is_line=is_line))
            self.write(text, x + 24, y)


def _key(number: int, x: float, y: float, *, is_line: bool) -> Layer:
    stroke: Layer = {"type": "rule", "color": colour(number), "strokeWidth": 2.5 if is_line else 11}
    if is_line and dashes(number):
        stroke["strokeDash"] = dashes(number)
    ends = {"x": {"value": x}, "x2": {"value": x + (18 if is_line else 11)}}
    at = {**ends, "y": {"value": y}, "y2": {"value": y}}
    return {"data": {"values": [{}]}, "mark": stroke, "encoding": at}


def specification(
    canvas: Canvas, x: Axis, y: Axis, *, is_reversed: bool, grid: str
) -> dict[str, Any]:
    """The whole chart: `grid` names the axis of the amounts, and `is_reversed` has y run down, as names do."""
    encoding = {
        "x": _scale(x, "x", grid == "x", is_reversed=False),
        "y": _scale(y, "y", grid == "y", is_reversed=is_reversed),
    }
    params = [
        {"name": f"{name}_{part}", "value": [tick[place] for tick in axis.ticks]}
        for name, axis in (("x", x), ("y", y))
        for place, part in enumerate(("places", "labels"))
    ]
    return {
        "width": round(canvas.plot_width, 1),
        "height": round(canvas.height, 1),
        "autosize": {"type": "none"},
        "padding": {
            side: round(getattr(canvas, side), 1) for side in ("left", "top", "right", "bottom")
        },
        "background": None,
        "params": params,
        "config": {
            "aria": False,
            "font": FONTS,
            "view": {"stroke": None},
            "text": {"fill": INK, "fontSize": FONT_SIZE},
        },
        "layer": [_placed(layer, encoding) for layer in canvas.layers],
    }


def _scale(axis: Axis, name: str, has_grid: bool, *, is_reversed: bool) -> dict[str, Any]:
    line = {"Color": INK, "Opacity": 0.16}
    return {
        "type": "quantitative",
        "scale": {
            "domain": [axis.low, axis.high],
            "zero": False,
            "nice": False,
            "reverse": is_reversed,
        },
        "axis": {
            "title": None,
            "values": [at for at, label in axis.ticks],
            "labelExpr": f"{name}_labels[indexof({name}_places, datum.value)]",
            "labelColor": INK,
            "labelFontSize": FONT_SIZE,
            # The labels were made to fit; the library would measure them in a font that it has.
            "labelLimit": 0,
            "labelOverlap": False,
            "labelFlush": False,
            "labelBound": False,
            "grid": has_grid,
            "ticks": not has_grid and not is_reversed,
            "domain": not has_grid and not is_reversed,
            "labelPadding": 6 if name == "y" else 3,
            **{
                f"{part}{key}": value
                for part in ("grid", "tick", "domain")
                for key, value in line.items()
            },
        },
    }


def _placed(layer: Layer, encoding: dict[str, Any]) -> Layer:
    """A layer on the chart's scales: `x` and `y` that name a field get the scale and axis of the others."""
    own = {
        channel: {**encoding[channel], **value} if channel in "xy" and "field" in value else value
        for channel, value in layer["encoding"].items()
    }
    return {**layer, "encoding": own}
