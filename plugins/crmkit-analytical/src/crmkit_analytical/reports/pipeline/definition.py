"""What the report on pipelines is: its question, its columns, and what each figure means."""

from __future__ import annotations

from crmkit.cli.language import Word
from crmkit_analytical.report.answer import Column
from crmkit_analytical.report.definition import Parameter, Report

__all__ = ["COLUMNS", "REPORT", "RESULTS", "STAGES"]

REPORT = Report(
    name="pipeline",
    question=Word("How do deals move through our pipelines, and what do they bring?"),
    answer="crmkit_analytical.reports.pipeline.answering:answer",
    kinds={
        "deal": ("stage_id", "amount", "opened_at", "closed_at"),
        "stage": ("pipeline_id", "name", "position", "category", "probability"),
        "pipeline": ("name",),
    },
    histories={"deal": ("stage_id",)},
    window=Word("deals, by when they were opened; those won and lost, by when they were closed"),
    measures=(
        Word("Open: deals in the stage now, whenever they were opened."),
        Word(
            "Open amount: the amounts of open deals; weighted: each amount x the stage's chance in percent / 100, rounded half "
            "up to the minor unit deal by deal, then added up; each currency by itself."
        ),
        Word(
            "Reached: of the deals opened in the window those that ever were in the stage, or in a later open stage or a "
            "won one of the same pipeline; each counts once, whatever became of it. Whatever was ever in a pipeline has "
            "reached its first stage; of the stages where deals are won or lost, those that were in that very one count."
        ),
        Word(
            "Not yet: of the deals that reached the stage before and not this one, those that are open in the pipeline."
        ),
        Word(
            "Conversion: reached / reached the stage before, and its Wilson interval; from the first: reached / reached "
            "the first stage. The stage before one where deals are won is the last open one."
        ),
        Word(
            "Median days: of finished stays in the stage of the deals opened in the window; with those still there: the "
            "Kaplan-Meier median by whole hours, which unfinished stays are part of. A stay that a move dated back took "
            "back lasted no time."
        ),
        Word(
            "Win rate: won / (won + lost) of the deals closed in the window that are closed now, and its Wilson interval."
        ),
        Word("Cycle: the median of days from opened to won, of the deals won in the window."),
        Word(
            "Velocity: what the pipeline brings in a day, open deals x average won amount x win rate / cycle; deals and "
            "amounts of one currency, win rate and cycle of the pipeline."
        ),
        Word(
            "The worst step is the one after which the largest share of the deals went no further and is not open any "
            "more, of the steps from stages that at least `least` deals reached; the next one may be as bad if their Wilson "
            "intervals overlap."
        ),
    ),
    parameters=(
        Parameter("pipeline", Word("Only this pipeline: its name or id.")),
        Parameter(
            "show",
            Word("Which columns to show: those of stages, or the results of pipelines."),
            default="all",
            choices=("all", "stages", "results"),
        ),
    ),
    least=20,
)

_NAMES = (Column("pipeline", Word("Pipeline")), Column("stage", Word("Stage")))
_OPEN = (
    Column("open", Word("Open"), "count"),
    Column("value", Word("Open amount"), "money"),
    Column("weighted", Word("Weighted"), "money"),
)
_STEPS = (
    Column("reached", Word("Reached"), "count"),
    Column("not_yet", Word("Not yet"), "count"),
    Column("conversion", Word("Conversion"), "share"),
    Column("low", Word("From"), "share"),
    Column("high", Word("To"), "share"),
    Column("from_first", Word("From the first"), "share"),
    Column("first_low", Word("From"), "share"),
    Column("first_high", Word("To"), "share"),
    Column("days", Word("Median days"), "days"),
    Column("days_all", Word("With those still there"), "days"),
)
_RESULTS = (
    Column("won", Word("Won"), "count"),
    Column("lost", Word("Lost"), "count"),
    Column("win_rate", Word("Win rate"), "share"),
    Column("win_low", Word("From"), "share"),
    Column("win_high", Word("To"), "share"),
    Column("won_value", Word("Won amount"), "money"),
    Column("average", Word("Average won"), "money"),
    Column("cycle", Word("Cycle"), "days"),
    Column("velocity", Word("Velocity a day"), "money"),
)

COLUMNS = (*_NAMES, *_OPEN, *_STEPS, *_RESULTS)
STAGES = (*_NAMES, *_OPEN, *_STEPS)
RESULTS = (_NAMES[0], *_OPEN, _STEPS[0], *_RESULTS)
