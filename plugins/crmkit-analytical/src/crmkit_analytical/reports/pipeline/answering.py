"""Answering how deals move through pipelines, and what they bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.cli.language import Word
from crmkit_analytical.report.answer import Answer, Chart, Excluded, Row
from crmkit_analytical.reports.pipeline.amounts import Standing, standings
from crmkit_analytical.reports.pipeline.asked import Asked, places
from crmkit_analytical.reports.pipeline.definition import COLUMNS, RESULTS, STAGES
from crmkit_analytical.reports.pipeline.ladder import Ladder, Rung, ladders
from crmkit_analytical.reports.pipeline.results import DAY, results
from crmkit_analytical.reports.pipeline.saying import sentence
from crmkit_analytical.reports.pipeline.ways import Way, ways
from crmkit_analytical.statistics.intervals import Z95, wilson
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["answer"]

ALL_STAGES = Word("All stages")
HOURS = 24


@attrs.frozen
class _Figures:
    """What was asked, of the pipelines wanted: the deals of each, those in each stage now, and how long stays lasted."""

    ways: Sequence[Way]
    stages: Mapping[str, Standing]
    medians: Mapping[str, float]
    curves: Mapping[str, float | None]
    cycles: Mapping[str, float | None]
    backwards: tuple[str, ...]

    def standing(self, ladder: Ladder, category: str) -> Standing:
        """The deals of a pipeline in stages of a category."""
        return Standing.of(
            self.stages[each.id] for each in ladder.rungs if each.category == category
        )


def answer(ask: Ask) -> Answer:
    """A row for each stage of each pipeline, in order, and one for the pipeline behind them."""
    every = ladders(ask.rows(ask.table("pipeline")), ask.rows(ask.table("stage")))
    asked = Asked(ask, places(every))
    figures, gone = _figures(asked, every, _wanted(ask, every))
    rows = [row for way in figures.ways for row in _rows(way, figures)]
    told, is_enough = sentence(figures.ways, rows, ask.least)
    shown = {"all": COLUMNS, "stages": STAGES, "results": RESULTS}[ask.parameters["show"]]
    total = {id for way in figures.ways for id in way.ids}
    return Answer(
        shown,
        tuple(row for row in rows if _is_shown(row, ask.parameters["show"])),
        told,
        ask.explained(
            denominator=_(
                "deals opened in the window; of a step, those that reached the stage before"
            ),
            total=len(total),
            excluded=_excluded(asked, every, figures, gone),
            ids=_ids(figures),
            parameters={"z": Z95},
        ),
        _chart(rows, len(figures.ways)),
        is_enough,
    )


def _is_shown(row: Row, show: str) -> bool:
    is_whole = row["stage"] == ALL_STAGES and row["category"] is None
    return show == "all" or is_whole == (show == "results")


def _wanted(ask: Ask, every: Sequence[Ladder]) -> list[Ladder]:
    if ask.parameters["pipeline"] is None:
        return list(every)
    from crmkit_operational.finding import named
    from crmkit_operational.sales.kinds import Pipeline

    found = named(ask.reader, Pipeline, ask.parameters["pipeline"])
    return [each for each in every if each.id == found.id]


def _figures(
    asked: Asked, every: Sequence[Ladder], wanted: Sequence[Ladder]
) -> tuple[_Figures, tuple[str, ...]]:
    """The figures of the pipelines that are wanted, and the deals that were in stages that are gone."""
    found, gone = ways(every, asked.been())
    rungs = [rung for each in every for rung in each.rungs]
    stages = standings(
        asked.standing(),
        {each.id: each.probability for each in rungs},
        [each.id for each in rungs if each.is_open],
    )
    medians, curves = _lengths(asked.lengths())
    times = asked.cycles()
    own = {each.id for each in wanted}
    cycles = {every[each["way"]].id: each["median"] for each in times}
    backwards = [id for each in times if every[each["way"]].id in own for id in each["ids"] or ()]
    kept = [each for each in found if each.ladder.id in own]
    return _Figures(kept, stages, medians, curves, cycles, tuple(sorted(backwards))), gone


def _lengths(
    counts: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Of each stage the median of stays that are done, in microseconds, and that of all by Kaplan and Meier, in hours."""
    from crmkit_analytical.statistics.survival import survival

    medians: dict[str, float] = {}
    columns: dict[str, list[tuple[int, int, int]]] = {}
    for each in counts:
        if each["median"] is not None:
            medians[each["stage_id"]] = each["median"]
        done, left = (each["count"], 0) if each["done"] else (0, each["count"])
        columns.setdefault(each["stage_id"], []).append((each["hours"], done, left))
    curves = {id: survival(*zip(*found, strict=True)) for id, found in columns.items()}
    return medians, {id: curve.quantile(0.5) for id, curve in curves.items()}


# Rows -----------------------------------------------------------------------------------------------------------


def _rows(way: Way, figures: _Figures) -> list[Row]:
    ladder = way.ladder
    opened = figures.standing(ladder, "open")
    won, lost = (figures.standing(ladder, each) for each in ("won", "lost"))
    whole = {
        "pipeline": ladder.name,
        "stage": ALL_STAGES,
        "category": None,
        **_open(opened),
        "reached": way.count,
        **results(opened, won, lost, figures.cycles.get(ladder.id)),
    }
    return [*(_row(way, rung, figures) for rung in ladder.rungs), whole]


def _open(standing: Standing) -> dict[str, Any]:
    return {
        "open": len(standing.ids),
        "value": standing.value,
        "weighted": standing.weighted_value,
    }


def _row(way: Way, rung: Rung, figures: _Figures) -> Row:
    """The figures of a stage; where deals are won or lost none are open, and how long they stay there says nothing."""
    row = {"pipeline": way.ladder.name, "stage": rung.name, "category": rung.category}
    reached = way.reached(rung)
    found: dict[str, Any] = {**row, "reached": reached}
    if rung.is_open:
        hours, median = figures.curves.get(rung.id), figures.medians.get(rung.id)
        found |= _open(figures.stages[rung.id])
        found["days"] = None if median is None else median / DAY
        found["days_all"] = None if hours is None else hours / HOURS
    step, first = way.step([rung]), way.ladder.first
    if step is not None and first is not None:
        found["not_yet"] = step.not_yet
        found |= _share("conversion", "low", "high", reached, step.before)
        found |= _share("from_first", "first_low", "first_high", reached, way.reached(first))
    return found


def _share(name: str, low: str, high: str, hits: int, of: int) -> dict[str, float]:
    """A share with its interval; nothing of nothing."""
    if not of:
        return {}
    bounds = wilson(hits, of)
    return {name: hits / of, low: bounds[0], high: bounds[1]}


def _chart(rows: Sequence[Row], pipelines: int) -> Chart | None:
    steps = tuple(row for row in rows if row.get("conversion") is not None)
    if not steps:
        return None
    series = "pipeline" if pipelines > 1 else None
    return Chart(
        "bar", x="stage", y="conversion", series=series, low="low", high="high",
        rows=steps, columns=STAGES,
    )  # fmt: skip


# What it is made of ---------------------------------------------------------------------------------------------


def _ids(figures: _Figures) -> dict[str, tuple[str, ...]]:
    """The deals behind each row: those that are there now, those that reached it, those won and lost."""
    found: dict[str, tuple[str, ...]] = {}
    for way in figures.ways:
        name = way.ladder.name
        for rung in way.ladder.rungs:
            names = {"pipeline": name, "stage": rung.name}
            if rung.is_open:
                now = _("{pipeline}, {stage}: open").format(**names)
                found[now] = tuple(sorted(figures.stages[rung.id].ids))
            found[_("{pipeline}, {stage}: reached").format(**names)] = way.ids_of(rung)
        for category, text in (
            ("won", _("{pipeline}: won in the window")),
            ("lost", _("{pipeline}: lost in the window")),
        ):
            ids = figures.standing(way.ladder, category).ids
            found[text.format(pipeline=name)] = tuple(sorted(ids))
        found[_("{pipeline}: opened in the window").format(pipeline=name)] = way.ids
    return found


def _excluded(
    asked: Asked, every: Sequence[Ladder], figures: _Figures, gone: tuple[str, ...]
) -> list[Excluded]:
    """What is in no figure, or not in all of them, and why."""
    ladders = [way.ladder for way in figures.ways]
    own = {rung.id for each in ladders for rung in each.rungs}
    others = {rung.id for each in every for rung in each.rungs} - own
    deleted = {
        id for each in asked.deleted() if each["stage_id"] not in others for id in each["ids"]
    }
    decided = [figures.standing(each, category) for each in ladders for category in ("won", "lost")]
    bare = [id for each in ladders for id in figures.standing(each, "open").without_amount]
    bare_won = [id for each in ladders for id in figures.standing(each, "won").without_amount]
    unknown = asked.unknown_begins()
    if unknown:
        unknown &= {id for way in figures.ways for id in way.ids}
    return [
        _left_out(_("deleted, so that nothing is known of them but that; in no figure"), deleted),
        _left_out(_("open without an amount; in no amount, and not in the velocity"), bare),
        _left_out(_("won without an amount; not in the average won"), bare_won),
        _left_out(
            _("nobody knows when they were won or lost; not in the win rate"),
            [id for each in decided for id in each.undated],
        ),
        _left_out(_("won before they were opened; not in the cycle"), figures.backwards),
        _left_out(
            _("were in a stage that is gone, or not to be seen; that stage is in no figure"), gone
        ),
        _left_out(
            _("began before the journal does: nobody knows when their first stay began"), unknown
        ),
    ]


def _left_out(reason: str, ids: Sequence[str] | set[str]) -> Excluded:
    return Excluded(reason, len(ids), tuple(sorted(ids)))
