"""What the report says in plain words: at which step most is lost, and how many deals are won."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit_analytical.report.answer import Row
from crmkit_analytical.reports.pipeline.ways import Step, Way
from crmkit_analytical.statistics.intervals import wilson
from crmkit_analytical.words import _

__all__ = ["sentence"]


def sentence(ways: Sequence[Way], rows: Sequence[Row], least: int) -> tuple[str, bool]:
    """The sentence, and whether there was enough to conclude anything."""
    if not ways:
        return _("There is no pipeline yet; `crm pipeline init` makes one."), False
    judged = [(way, step) for way in ways for step in way.steps if step.before >= max(least, 1)]
    parts = [_worst(*min(judged, key=_by_loss), is_named=len(ways) > 1)] if judged else []
    parts += _rates(rows, least, is_named=len(ways) > 1)
    if parts:
        return " ".join(parts), True
    total = max(way.count for way in ways)
    text = _(
        "Only {total} deals were opened in the window, and too few were won or lost; from {least} on this names the worst step."
    )
    if len(ways) > 1:
        text = _(
            "No pipeline has more than {total} deals opened in the window, and too few were won or lost; from {least} on this names the worst step."
        )
    return text.format(total=total, least=least), False


def _by_loss(found: tuple[Way, Step]) -> tuple[float, int]:
    """The largest share that ended first; of equal ones that of the most deals, then the first in order."""
    step = found[1]
    return -step.ended, -step.before


def _worst(way: Way, step: Step, is_named: bool) -> str:
    low, high = wilson(step.reached, step.before)
    figures: dict[str, Any] = {
        "pipeline": way.ladder.name,
        "start": step.start.name,
        "end": ", ".join(each.name for each in step.ends),
        "before": step.before,
        "reached": step.reached,
        "not_yet": step.not_yet,
        "share": step.reached / step.before,
        "low": low,
        "high": high,
    }
    text = _(
        "The worst step is from {start} to {end}: of {before} deals that reached {start}, {reached} ({share:.1%}, "
        "95 % interval {low:.1%} to {high:.1%}) went on; still open: {not_yet}."
    )
    if step.ended == 0:
        text = _(
            "No step has lost a deal yet; of {before} deals that reached {start}, {reached} ({share:.1%}, 95 % interval "
            "{low:.1%} to {high:.1%}) went on to {end}; still open: {not_yet}."
        )
    text = text.format(**figures)
    return (
        _("In {pipeline}: {text}").format(pipeline=way.ladder.name, text=text) if is_named else text
    )


def _rates(rows: Sequence[Row], least: int, is_named: bool) -> list[str]:
    """How many deals are won on each pipeline that had enough decided."""
    found = []
    for row in rows:
        closed = row.get("won", 0) + row.get("lost", 0)
        if closed < max(least, 1):
            continue
        text = _(
            "Of {closed} deals closed in the window {won} were won ({win_rate:.1%}, 95 % interval {win_low:.1%} to {win_high:.1%})."
        )
        if is_named:
            text = _(
                "Of {closed} deals closed in the window in {pipeline} {won} were won ({win_rate:.1%}, 95 % interval {win_low:.1%} to {win_high:.1%})."
            )
        found.append(text.format(closed=closed, **row))
    return found
