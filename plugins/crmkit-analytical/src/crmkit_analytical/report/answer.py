"""What a report answers: rows, a sentence, a chart, and how every figure came about. Plain values, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

__all__ = ["Answer", "Chart", "Column", "Excluded", "Explained", "Row", "Unit", "Window"]

Row: TypeAlias = Mapping[str, Any]
"""One row: column name -> value; None where there is nothing to say."""

Unit: TypeAlias = Literal[
    "text", "count", "number", "share", "days", "duration", "money", "date", "time"
]
"""What values of a column are: `share` 0 to 1, `days` a float, `duration` a timedelta, `money` a `crmkit.Money`."""


@attrs.frozen
class Column:
    """One column of an answer: its name in rows, as scripts have it; what people read; what its values are."""

    name: str
    label: str
    unit: Unit = "text"


@attrs.frozen
class Chart:
    """What to draw of an answer: `x` and `y` name columns, `series` one whose values each get a colour of their own.

    A `bar` has its names along `x`, in the order of the rows. A `line` joins points, `steps` holds each value until the
    next. `low` and `high` name columns of an interval, drawn as whiskers or a band. `rows` and `columns` are those of
    the answer if none are given: a curve has more points than a table.
    """

    kind: Literal["bar", "line", "steps"]
    x: str
    y: str
    series: str | None = None
    low: str | None = None
    high: str | None = None
    rows: Sequence[Row] | None = None
    columns: Sequence[Column] | None = None


@attrs.frozen
class Window:
    """The time that a report is of: from `since` on, before `until`; None is without end. `of` says whose time counts."""

    since: datetime | None
    until: datetime | None
    of: str


@attrs.frozen
class Excluded:
    """What is not counted, and why; `ids` are the first of them."""

    reason: str
    count: int
    ids: tuple[str, ...] = ()


@attrs.frozen
class Explained:
    """How the figures came about, so that they can be recomputed by hand.

    `definition` says in sentences what each figure is. `denominator` is what shares are of, `total` how many that is.
    `parameters` has every letter of a formula. `ids` has the records behind each row, under its name: all of them.
    """

    definition: tuple[str, ...]
    window: Window
    denominator: str
    total: int
    excluded: tuple[Excluded, ...] = ()
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    ids: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


@attrs.frozen
class Answer:
    """The answer of a report. `sentence` says it in plain words, or why there is too little to say it."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    sentence: str
    explained: Explained
    chart: Chart | None = None
    is_enough: bool = True
