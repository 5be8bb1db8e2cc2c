"""The chart of an answer as SVG, drawn on this machine: the same answer gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from crmkit import CrmError
from crmkit_analytical.drawing.axes import FONT_SIZE, currencies_of, number_of, shortened
from crmkit_analytical.drawing.bars import drawn_bars
from crmkit_analytical.drawing.curves import drawn_curves
from crmkit_analytical.drawing.spec import FONTS
from crmkit_analytical.drawing.values import readable
from crmkit_analytical.report.answer import Answer, Chart, Column, Row
from crmkit_analytical.words import _

__all__ = ["NoChart", "svg"]

_VEGA_LITE = "5.20"
"""The version of the language, named so that a newer library draws the same."""

_PAPER = '<rect class="paper" width="100%" height="100%" fill="#ffffff"/>'


class NoChart(CrmError, LookupError):
    """The answer of a report has no chart, or one of columns that are not there."""


def svg(
    answer: Answer,
    *,
    title: str,
    language: str,
    timezone: tzinfo = UTC,
    width: int = 720,
    is_headed: bool = True,
) -> str:
    """The chart of an answer as an SVG document, `width` pixels wide and as high as it needs.

    `title` is its accessible name, and drawn unless `is_headed` is false; the answer's sentence is its description.
    Words are those of the running command, `language` (`ko`, `en`) says which they are. Moments stand in `timezone`.
    Where there is nothing to draw, or amounts of several currencies share no axis, the document says so.
    """
    if answer.chart is None:
        raise NoChart("this answer has no chart; ask for it as a table")
    chart = answer.chart
    rows = answer.rows if chart.rows is None else chart.rows
    columns = _columns(answer, chart)
    head = readable(title) if is_headed else ""
    refusal = _refusal(chart, rows, columns)
    if refusal:
        body, size = _message(head, refusal, width)
    else:
        draw = drawn_bars if chart.kind == "bar" else drawn_curves
        body, size = _rendered(draw(chart, rows, columns, head, float(width), timezone))
    names = (
        f"<title>{escape(readable(title))}</title><desc>{escape(readable(answer.sentence))}</desc>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" lang={quoteattr(language)} {size} '
        f'color="#1f2328">{names}{_PAPER}{body}</svg>\n'
    )


def _columns(answer: Answer, chart: Chart) -> dict[str, Column]:
    columns = {each.name: each for each in (*answer.columns, *(chart.columns or ()))}
    drawn = (chart.x, chart.y, chart.series, chart.low, chart.high)
    unknown = [name for name in drawn if name is not None and name not in columns]
    if unknown:
        raise NoChart(
            f"the chart draws {unknown[0]!r}, which is no column; there are: {', '.join(columns)}"
        )
    return columns


def _refusal(chart: Chart, rows: Sequence[Row], columns: dict[str, Column]) -> str:
    """Why nothing can be drawn; empty if something can."""
    unit = columns[chart.y].unit
    drawable = [row[chart.y] for row in rows if number_of(row.get(chart.y), unit) is not None]
    currencies = currencies_of(drawable)
    if len(currencies) > 1:
        text = _("Amounts in {currencies} share no axis: see the table.")
        return text.format(currencies=", ".join(currencies))
    return "" if drawable else _("There is nothing to draw.")


def _message(head: str, text: str, width: int) -> tuple[str, str]:
    lines = [(head, 24, 15, "bold")] * bool(head) + [(text, 60, FONT_SIZE, "normal")]
    drawn = "".join(
        f'<text x="12" y="{y}" font-family="{FONTS}" font-size="{size}px" font-weight="{weight}" '
        f'fill="currentColor">{escape(shortened(each, width - 24))}</text>'
        for each, y, size, weight in lines
    )
    return drawn, f'width="{width}" height="96" viewBox="0 0 {width} 96"'


def _rendered(spec: dict[str, Any]) -> tuple[str, str]:
    """What stands inside of the drawn element, and its size."""
    import vl_convert

    # No base address is allowed, so that nothing could be loaded even if data asked for it.
    drawn: str = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE, allowed_base_urls=[])
    start, end = drawn.index(">") + 1, drawn.rindex("</svg>")
    size = drawn[drawn.index("width=") : start - 1]
    return drawn[start:end], size
