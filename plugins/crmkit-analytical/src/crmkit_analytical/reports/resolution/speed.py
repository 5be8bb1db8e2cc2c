"""How fast tickets are answered and solved, on the wall and in business hours, with those that are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crmkit.cli.language import Word
from crmkit_analytical.drawing.values import shown
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded, Row
from crmkit_analytical.report.definition import Report
from crmkit_analytical.reports.resolution.groups import (
    BY,
    FIELDS,
    Tickets,
    group_cell,
    group_columns,
    group_name,
    tickets,
    window_text,
)
from crmkit_analytical.statistics.intervals import Z95
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask
    from crmkit_analytical.reports.resolution.spans import Spans
    from crmkit_analytical.statistics.survival import Curve

__all__ = ["REPORT", "answer"]

REPORT = Report(
    name="resolution-speed",
    question=Word("How fast do we answer and solve tickets?"),
    answer=f"{__name__}:answer",
    kinds={
        "ticket": FIELDS,
        "metric_event": ("ticket_id", "metric", "instance", "type", "at"),
        "policy": ("calendar_id",),
    },
    window=Word("tickets, by when they were opened"),
    measures=(
        Word(
            "first_response: from opening to the first answer. resolution: from opening to the last solution, all of it. "
            "requester_wait: while it is not solved or pending. agent_work: while it is not solved, pending or on hold."
        ),
        Word(
            "Done reached it, never will not any more (it was solved without), open did not yet; by the metric's events."
        ),
        Word(
            "Calendar and business: of those done, the value at rank ceil(share x number); the median of an even number "
            "is the mean of the two in the middle. Business hours are those of the calendar of the ticket's policy; "
            "without one all time counts."
        ),
        Word(
            "With open: the calendar time within which that share is done (Kaplan-Meier); those that are open, or never "
            "will be done, count for as long as they took so far. Its interval is Greenwood's on the scale of ln(-ln S)."
        ),
    ),
    parameters=(BY,),
    least=20,
)

QUANTILES = ((Word("median"), 0.5), (Word("p75"), 0.75), (Word("p90"), 0.9))
METRICS = {
    "first_response": Word("first_response"),
    "resolution": Word("resolution"),
    "requester_wait": Word("requester_wait"),
    "agent_work": Word("agent_work"),
}

COLUMNS = (
    Column("metric", Word("Metric")),
    Column("quantile", Word("Quantile")),
    Column("calendar", Word("Calendar"), "duration"),
    Column("business", Word("Business"), "duration"),
    Column("with_open", Word("With open"), "duration"),
    Column("low", Word("From"), "duration"),
    Column("high", Word("To"), "duration"),
    Column("done", Word("Done"), "count"),
    Column("open", Word("Open"), "count"),
    Column("never", Word("Never"), "count"),
)

POINTS = (
    Column("metric", Word("Metric")),
    Column("time", Word("How long it took"), "duration"),
    Column("left", Word("Not done yet"), "share"),
    Column("low", Word("From"), "share"),
    Column("high", Word("To"), "share"),
)

DRAWN = 200
"""A curve is drawn in steps of a part in so many: more cannot be seen."""


def answer(ask: Ask) -> Answer:
    """A row for each group, metric and quantile; the metrics in the order of a ticket's life."""
    from crmkit_analytical.reports.resolution.spans import spans

    known = tickets(ask)
    found = spans(ask, known)
    rows: list[Row] = []
    ids: dict[str, tuple[str, ...]] = {}
    for number, group in known.in_groups():
        for metric, every in found.items():
            some = every.of(known.members(number, every.place))
            if len(some.place):
                rows += _rows(group_cell(ask, group), metric, some)
                ids |= _ids(group_name(ask, group, metric), known, some)
    whole = found["resolution"]
    return Answer(
        (*group_columns(ask), *COLUMNS),
        tuple(rows),
        _sentence(ask, whole, rows),
        ask.explained(
            denominator=_("tickets opened in the window"),
            total=len(known.ids),
            excluded=_excluded(known, found),
            ids=ids,
            parameters={"z": Z95, "with_calendar": _with_calendar(known)},
        ),
        _bars(rows) if ask.parameters["by"] else _curves(found),
        is_enough=len(whole.place) >= ask.least,
    )


def _curve(some: Spans) -> Curve:
    from crmkit_analytical.statistics.survival import survival

    return survival(some.wall, some.is_done, ~some.is_done)


def _rows(group: Row, metric: str, some: Spans) -> Iterator[Row]:
    from crmkit_analytical.statistics.quantiles import nearest_rank

    curve = _curve(some)
    done, never = int(some.is_done.sum()), int(some.is_never.sum())
    for name, share in QUANTILES:
        low, high = curve.quantile_interval(share)
        yield {
            **group,
            "metric": METRICS[metric],
            "quantile": name,
            "calendar": _length(nearest_rank(some.wall[some.is_done], share)),
            "business": _length(nearest_rank(some.business[some.is_done], share)),
            "with_open": _length(curve.quantile(share)),
            "low": _length(low),
            "high": _length(high),
            "done": done,
            "open": len(some.place) - done - never,
            "never": never,
        }


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


# How it came about ----------------------------------------------------------------------------------------------


def _ids(name: str, known: Tickets, some: Spans) -> dict[str, tuple[str, ...]]:
    """All tickets behind a row, and which of them are not done."""
    is_open = ~some.is_done & ~some.is_never
    parts = {
        name: known.ids_at(some.place),
        f"{name}, open": known.ids_at(some.place[is_open]),
        f"{name}, never": known.ids_at(some.place[some.is_never]),
    }
    return {part: ids for part, ids in parts.items() if ids or part == name}


def _excluded(known: Tickets, found: dict[str, Spans]) -> list[Excluded]:
    import numpy as np

    left_out = []
    for metric, each in found.items():
        is_missing = np.ones(len(known.ids), bool)
        is_missing[each.place] = False
        ids = known.ids_at(np.flatnonzero(is_missing))
        text = _("{metric}: nothing says that it ever began").format(metric=_(METRICS[metric]))
        left_out.append(Excluded(text, len(ids), ids))
    return left_out


def _with_calendar(known: Tickets) -> int:
    """How many tickets have a calendar: of the others business time is time on the wall."""
    import numpy as np

    counted = np.bincount(known.calendar, minlength=len(known.calendars))
    pairs = zip(counted, known.calendars, strict=True)
    return sum(int(count) for count, calendar in pairs if calendar is not None)


# What is said and drawn -----------------------------------------------------------------------------------------


def _sentence(ask: Ask, whole: Spans, rows: Sequence[Row]) -> str:
    total, done = len(whole.place), int(whole.is_done.sum())
    values = {"total": total, "window": window_text(ask), "least": ask.least}
    if total < ask.least:
        text = _(
            "Only {total} tickets were {window}; from {least} on this says how long they take."
        )
        return text.format(**values)
    curve = _curve(whole)
    low, high = (shown(_length(each), "duration") for each in curve.quantile_interval(0.5))
    values |= {"done": done, "low": low, "high": high}
    values["median"] = shown(_length(curve.quantile(0.5)), "duration")
    if curve.quantile(0.5) is None:
        text = _(
            "Of {total} tickets {window}, {done} are solved: fewer than half, so no median is known yet."
        )
    else:
        text = _(
            "Of {total} tickets {window}, {done} are solved; with the others, half are solved within {median} "
            "(95 % interval {low} to {high})."
        )
    said = [text.format(**values), _compared(ask, rows)]
    return " ".join(filter(None, said))


def _compared(ask: Ask, rows: Sequence[Row]) -> str:
    """Which of the groups that are large enough are the quickest and the slowest, and whether that may be chance."""
    known = [
        row
        for row in rows
        if row["metric"] == "resolution"
        and row["quantile"] == "median"
        and row["with_open"] is not None
        and row["done"] + row["open"] + row["never"] >= ask.least
    ]
    if not ask.parameters["by"] or len(known) < 2:
        return ""
    quick, slow = (pick(known, key=lambda row: row["with_open"]) for pick in (min, max))
    is_apart = quick["high"] is not None and quick["high"] < slow["low"]
    text = (
        _(
            "{quick} is the quickest ({fast}), {slow} the slowest ({long}); their intervals do not meet."
        )
        if is_apart
        else _(
            "{quick} is the quickest ({fast}), {slow} the slowest ({long}); that may be chance: their intervals meet."
        )
    )
    names = {"quick": shown(quick["group"], "text"), "slow": shown(slow["group"], "text")}
    times = {
        "fast": shown(quick["with_open"], "duration"),
        "long": shown(slow["with_open"], "duration"),
    }
    return text.format(**names, **times)


def _bars(rows: Sequence[Row]) -> Chart:
    medians = tuple(row for row in rows if row["quantile"] == "median")
    return Chart("bar", "group", "with_open", series="metric", low="low", high="high", rows=medians)


def _curves(found: dict[str, Spans]) -> Chart:
    points = [point for metric, each in found.items() for point in _points(metric, each)]
    return Chart(
        "steps",
        "time",
        "left",
        series="metric",
        low="low",
        high="high",
        rows=tuple(points),
        columns=POINTS,
    )


def _points(metric: str, some: Spans) -> Iterator[dict[str, Any]]:
    """The curve of a metric: what is left after each time, as many points as can be seen, and until when it is known."""
    import numpy as np

    from crmkit_analytical.statistics.survival import greenwood

    if not len(some.place):
        return
    curve, name = _curve(some), {"metric": METRICS[metric]}
    yield {**name, "time": timedelta(0), "left": 1.0, "low": 1.0, "high": 1.0}
    last: dict[str, Any] = {"left": 1.0, "low": 1.0, "high": 1.0}
    low, high = greenwood(curve)
    for place in np.flatnonzero(np.diff(np.floor(curve.chance * DRAWN), prepend=DRAWN)):
        last = {"left": float(curve.chance[place])}
        last |= {"low": _known(low[place]), "high": _known(high[place])}
        yield {**name, "time": _length(float(curve.times[place])), **last}
    if curve.last > 0:
        yield {**name, "time": _length(curve.last), **last}


def _known(bound: Any) -> float | None:
    return None if bound != bound else float(bound)
