"""What the report says in plain words: at which step most is lost, and how many deals are won."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    is_named = len(ways) > 1
    parts = [*_steps(ways, least, is_named), *_rates(rows, least, is_named)]
    if parts:
        return " ".join(parts), True
    text = _(
        "Only {total} deals were opened in the window, and too few were won or lost; from {least} on this names the worst step."
    )
    if is_named:
        text = _(
            "No pipeline has more than {total} deals opened in the window, and too few were won or lost; from {least} on this names the worst step."
        )
    return text.format(total=max(way.count for way in ways), least=least), False


def _steps(ways: Sequence[Way], least: int, is_named: bool) -> Iterator[str]:
    """The worst step of those that enough deals came to, and whether the next one is any better."""
    judged = [(way, step) for way in ways for step in way.steps if step.before >= max(least, 1)]
    # Of equal ones that with the fewest who went on, then of the most deals, then the first in order.
    judged.sort(key=lambda found: (-found[1].ended, found[1].share, -found[1].before))
    if not judged:
        return
    yield _worst(*judged[0], is_named)
    if len(judged) > 1 and judged[0][1].ended:
        way, step = judged[1]
        if not _is_clear(judged[0][1], step):
            text = _(
                "From {start} to {end} may be as bad: the intervals of what ends there overlap."
            )
            if is_named:
                text = _(
                    "In {pipeline} from {start} to {end} may be as bad: the intervals of what ends there overlap."
                )
            yield text.format(pipeline=way.ladder.name, start=step.start.name, end=_ends(step))


def _is_clear(worst: Step, other: Step) -> bool:
    """Whether the intervals of the shares that ended lie apart."""
    return wilson(worst.ended_count, worst.before)[0] > wilson(other.ended_count, other.before)[1]


def _ends(step: Step) -> str:
    return ", ".join(each.name for each in step.ends)


def _worst(way: Way, step: Step, is_named: bool) -> str:
    low, high = wilson(step.reached, step.before)
    figures: dict[str, Any] = {
        "pipeline": way.ladder.name,
        "start": step.start.name,
        "end": _ends(step),
        "before": step.before,
        "reached": step.reached,
        "not_yet": step.not_yet,
        "share": step.share,
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
