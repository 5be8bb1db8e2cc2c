"""What rules did: runs, minutes saved, and how often people corrected them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs

from crmkit import NotFound, Reader, where
from crmkit_operational.automation.kinds import Rule, RuleRun

__all__ = ["Correction", "Reported", "report"]


@attrs.frozen
class Correction:
    """A run after which a person changed one of the same fields of the same record."""

    run: str
    kind: str
    id: str
    fields: tuple[str, ...]
    by: str
    at: datetime


@attrs.frozen
class Reported:
    """What one rule did in a time: ids of runs by outcome, those that changed fields, and the corrections.

    `young` are those of `changing` that are younger than the days in which a correction counts: they may have some yet.
    """

    rule: Rule
    done: tuple[str, ...]
    failed: tuple[str, ...]
    loops: tuple[str, ...]
    changing: tuple[str, ...]
    young: tuple[str, ...]
    corrections: tuple[Correction, ...]

    @property
    def minutes(self) -> int:
        """Declared minutes x runs that were done."""
        return self.rule.minutes_saved * len(self.done)

    @property
    def corrected(self) -> int:
        """How many runs a person corrected."""
        return len({each.run for each in self.corrections})

    @property
    def rate(self) -> float | None:
        """Corrected runs / runs that changed fields; None without any."""
        return self.corrected / len(self.changing) if self.changing else None


def report(
    reader: Reader, since: datetime, until: datetime, within: timedelta
) -> Iterator[Reported]:
    """What each rule did from one time to before another, as far as the reader may see it, in the rules' order."""
    for rule in list(reader.find(Rule, order=("position", "name"))):
        of = (where.rule_id == rule.id, where.at >= since, where.at < until)
        runs = list(reader.find(RuleRun, *of, order="at"))
        done = [each for each in runs if each.outcome == "done"]
        changing = [each for each in done if each.fields]
        yield Reported(
            rule,
            tuple(each.id for each in done),
            tuple(each.id for each in runs if each.outcome == "failed"),
            tuple(each.id for each in runs if each.outcome == "loop"),
            tuple(each.id for each in changing),
            tuple(each.id for each in changing if each.at + within > reader.now()),
            tuple(found for each in changing for found in _corrections(reader, each, within)),
        )


def _corrections(reader: Reader, run: RuleRun, within: timedelta) -> Iterator[Correction]:
    """Those after the change that the run itself made, which the journal has under its transaction."""
    try:
        history = reader.history(run.subject_kind, run.subject_id)
    except NotFound:
        return
    own = max(
        (each.version for each in history if each.transaction == run.transaction), default=None
    )
    for change in history:
        if own is None or change.version <= own or change.at > run.at + within:
            continue
        fields = tuple(each for each in run.fields if each in (change.delta or {}))
        if fields and change.action == "update" and change.actor.type == "person":
            yield Correction(run.id, change.kind, change.id, fields, change.actor.id, change.at)
