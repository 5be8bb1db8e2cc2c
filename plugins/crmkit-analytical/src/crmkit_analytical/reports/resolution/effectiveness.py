"""How well tickets are solved: for good, by the first contact, in time; and what waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from crmkit.cli.language import Word
from crmkit_analytical.drawing.values import shown
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded, Row
from crmkit_analytical.report.definition import Parameter, Report
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
from crmkit_analytical.statistics.intervals import Z95, wilson
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask
    from crmkit_analytical.reports.resolution.outcomes import Outcomes
    from crmkit_analytical.statistics.arrays import Floats, Integers

__all__ = ["REPORT", "answer"]

REPORT = Report(
    name="resolution-effectiveness",
    question=Word("How well do we solve tickets?"),
    answer=f"{__name__}:answer",
    kinds={
        "ticket": (*FIELDS, "customer_id", "thread"),
        "metric_event": ("ticket_id", "metric", "instance", "type", "at", "due"),
        "policy": ("calendar_id",),
        "interaction": ("thread", "direction", "happened_at"),
    },
    window=Word("tickets, by when they were opened"),
    measures=(
        Word("solved: tickets that are solved, of those opened."),
        Word(
            "first_contact: of tickets that were solved `days` ago or longer and have a customer, those that were not "
            "reopened, and after whose solution the customer neither opened a ticket of the same topic within `days` "
            "nor wrote in the same thread. What has no topic counts as of one topic."
        ),
        Word(
            "reopened: tickets that came back after a solution, of those that were solved at least once."
        ),
        Word(
            "..._in_time: promises that were kept, of those kept or broken. A reply that is late is broken already; "
            "one without a promise, or of which it is not known yet, is in neither. next_reply has one for each reply."
        ),
        Word(
            "backlog: tickets that are open, of those opened, and their age since they were opened: the value at rank "
            "ceil(share x number), the median of an even number is the mean of the two in the middle."
        ),
        Word("Each share has its Wilson interval."),
    ),
    parameters=(
        Parameter(
            "days",
            Word("Within how many days after a solution the customer must not come back."),
            "days",
            7,
        ),
        BY,
    ),
    least=20,
)

FIGURES = {
    "solved": Word("solved"),
    "first_contact": Word("first_contact"),
    "reopened": Word("reopened"),
    "first_response": Word("first_response_in_time"),
    "next_reply": Word("next_reply_in_time"),
    "resolution": Word("resolution_in_time"),
    "backlog": Word("backlog"),
}
"""What each row says, in their order; promises by their metric."""

COLUMNS = (
    Column("figure", Word("Figure")),
    Column("count", Word("Count"), "count"),
    Column("of", Word("Of"), "count"),
    Column("share", Word("Share"), "share"),
    Column("low", Word("From"), "share"),
    Column("high", Word("To"), "share"),
    Column("median_age", Word("Median age"), "duration"),
    Column("p90_age", Word("p90 of age"), "duration"),
)


@attrs.frozen(eq=False)
class Figure:
    """One figure: the places of the tickets that it counts, and of those that it counts among; `age` of what waits."""

    name: str
    counted: Integers
    of: Integers
    age: Floats | None = None


def answer(ask: Ask) -> Answer:
    """A row for each group and figure."""
    from crmkit_analytical.reports.resolution.outcomes import outcomes

    known = tickets(ask)
    found = outcomes(ask)
    figures = list(_figures(found))
    rows: list[Row] = []
    ids: dict[str, tuple[str, ...]] = {}
    for number, group in known.in_groups():
        for each in figures:
            own = _within(each, known, number)
            if len(own.of):
                rows.append(_row(own, group_cell(ask, group)))
                name = group_name(ask, group, FIGURES[each.name])
                ids[name] = known.ids_at(own.counted)
                ids[f"{name}, of"] = known.ids_at(own.of)
    told = int(found.is_told.sum())
    return Answer(
        (*group_columns(ask), *COLUMNS),
        tuple(rows),
        _sentence(ask, figures, rows),
        ask.explained(
            denominator=_("tickets opened in the window"),
            total=len(known.ids),
            excluded=list(_excluded(ask, known, found)),
            ids=ids,
            parameters={"z": Z95},
        ),
        Chart(
            "bar",
            "group" if ask.parameters["by"] else "figure",
            "share",
            series="figure" if ask.parameters["by"] else None,
            low="low",
            high="high",
        ),
        is_enough=told >= ask.least,
    )


def _figures(found: Outcomes) -> Iterator[Figure]:
    """The figures over all tickets, in the order of rows."""
    import numpy as np

    at = np.flatnonzero
    yield Figure("solved", at(found.is_solved), at(found.is_told))
    yield Figure("first_contact", at(found.is_first), at(found.is_judged))
    yield Figure("reopened", at(found.is_again), at(found.was_solved))
    for metric, each in found.promises.items():
        of = np.sort(each.place[each.is_kept | each.is_broken])
        yield Figure(metric, np.sort(each.place[each.is_kept]), of)
    yield Figure("backlog", at(found.is_open), at(found.is_told), found.age)


def _within(figure: Figure, known: Tickets, number: int) -> Figure:
    """A figure over the tickets of one group."""
    counted = figure.counted[known.members(number, figure.counted)]
    return attrs.evolve(figure, counted=counted, of=figure.of[known.members(number, figure.of)])


def _row(figure: Figure, group: Row) -> Row:
    from crmkit_analytical.statistics.quantiles import nearest_rank

    count, of = len(figure.counted), len(figure.of)
    low, high = wilson(count, of)
    ages = [
        None if figure.age is None else nearest_rank(figure.age[figure.counted], share)
        for share in (0.5, 0.9)
    ]
    median, ninth = (None if each is None else timedelta(seconds=each) for each in ages)
    return {
        **group,
        "figure": FIGURES[figure.name],
        "count": count,
        "of": of,
        "share": count / of,
        "low": low,
        "high": high,
        "median_age": median,
        "p90_age": ninth,
    }


# How it came about ----------------------------------------------------------------------------------------------


def _excluded(ask: Ask, known: Tickets, found: Outcomes) -> Iterator[Excluded]:
    import numpy as np

    def left_out(reason: str, places: Integers) -> Excluded:
        ids = known.ids_at(places)
        return Excluded(reason, len(ids), ids)

    yield left_out(_("nothing says what became of them"), np.flatnonzero(~found.is_told))
    nobodys = found.was_solved & ~found.has_customer
    early = found.was_solved & found.has_customer & found.is_early
    name, days = _(FIGURES["first_contact"]), shown(float(ask.parameters["days"]), "days")
    yield left_out(_("{figure}: no customer").format(figure=name), np.flatnonzero(nobodys))
    text = _("{figure}: solved less than {days} ago").format(figure=name, days=days)
    yield left_out(text, np.flatnonzero(early))
    for metric, each in found.promises.items():
        name, is_known = _(FIGURES[metric]), each.is_kept | each.is_broken
        text = _("{figure}: nothing was promised").format(figure=name)
        yield left_out(text, each.place[~each.is_promised & ~is_known])
        text = _("{figure}: promised, not known yet or not needed any more").format(figure=name)
        yield left_out(text, each.place[each.is_promised & ~is_known])


# What is said ---------------------------------------------------------------------------------------------------


def _sentence(ask: Ask, figures: Sequence[Figure], rows: Sequence[Row]) -> str:
    whole = {each.name: _row(each, {}) for each in figures if len(each.of)}
    total = whole["solved"]["of"] if "solved" in whole else 0
    values = {"total": total, "window": window_text(ask), "least": ask.least}
    if total < ask.least:
        text = _(
            "Only {total} tickets were {window}; from {least} on this says how well they are solved."
        )
        return text.format(**values)
    text = _("Of {total} tickets {window}, {share} are solved (95 % interval {low} to {high}).")
    said = [text.format(**values, **_shares(whole["solved"]))]
    if "first_contact" in whole:
        text = _("The first contact solved {share} of {of} ({low} to {high}).")
        said.append(text.format(**_shares(whole["first_contact"])))
    if "resolution" in whole:
        text = _("{share} of {of} solutions were in time ({low} to {high}).")
        said.append(text.format(**_shares(whole["resolution"])))
    waiting = whole["backlog"]
    if waiting["count"]:
        text = _("{count} are open, half of them for {age} or longer.")
        age = shown(waiting["median_age"], "duration")
        said.append(text.format(count=shown(waiting["count"], "count"), age=age))
    return " ".join([*said, *_compared(ask, rows)])


def _shares(row: Row) -> dict[str, str]:
    return {
        "of": shown(row["of"], "count"),
        **{name: shown(row[name], "share") for name in ("share", "low", "high")},
    }


def _compared(ask: Ask, rows: Sequence[Row]) -> Iterator[str]:
    """Which of the groups that are large enough solves most and which least, and whether that may be chance."""
    known = [row for row in rows if row["figure"] == "solved" and row["of"] >= ask.least]
    if not ask.parameters["by"] or len(known) < 2:
        return
    least, most = (pick(known, key=lambda row: row["share"]) for pick in (min, max))
    text = (
        _("{best} solves most ({most}), {worst} least ({fewest}); their intervals do not meet.")
        if least["high"] < most["low"]
        else _(
            "{best} solves most ({most}), {worst} least ({fewest}); that may be chance: their intervals meet."
        )
    )
    names = {"best": shown(most["group"], "text"), "worst": shown(least["group"], "text")}
    shares = {"most": shown(most["share"], "share"), "fewest": shown(least["share"], "share")}
    yield text.format(**names, **shares)
