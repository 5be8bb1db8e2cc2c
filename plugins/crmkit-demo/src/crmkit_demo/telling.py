"""Telling the story: steps become transactions in order of time, on a clock of the story's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import chain, groupby
from typing import TYPE_CHECKING

import attrs

from crmkit import CRM, Actor, BackendError, PluginError, Record, Schema, Transaction
from crmkit_demo.plot import Plot
from crmkit_demo.story import Step

if TYPE_CHECKING:
    from crmkit.hooks import Implementation

__all__ = ["KEY", "Batch", "Telling", "batches", "tell", "unfinished"]

KEY = "demo/run"
"""Where a database keeps how far a run has come, until that is done."""

Progress = Callable[[int], object]
"""Is told how many more steps were written."""


@attrs.frozen
class Telling:
    """A run: what it makes, which plugins have a share in it, and how many of its batches are `done`."""

    customers: int
    seed: int
    until: str
    plugins: tuple[str, ...] = ()
    done: int = 0


@attrs.frozen
class Batch:
    """Steps of one actor on one day: one transaction, whose time is `at`. `call` is the hook they come from."""

    at: datetime
    actor: Actor
    steps: Sequence[Step]
    call: Implementation | None = None

    @property
    def day(self) -> date:
        """The day that it is in UTC: that of both branches, from morning in Seoul to evening in London."""
        return self.at.date()


def unfinished(crm: CRM) -> Telling | None:
    """The run that was stopped before its end in this database, if there is one."""
    kept = crm.storage.state(KEY)
    return kept and Telling(**{**kept, "plugins": tuple(kept["plugins"])})


# Batches --------------------------------------------------------------------------------------------------------


def batches(crm: CRM, plot: Plot) -> list[Batch]:
    """All transactions of a story, in order of time; the demo's own are the same whatever plugins add.

    What plugins add to a day comes behind the demo's own. Raises `PluginError` for a plugin that fails.
    """
    own = list(_batched(plot.steps(), None))
    last = {batch.day: batch.at for batch in own}
    added = [batch for call in crm.plugins.calls("crm_demo") for batch in _share(call, plot)]
    behind = [attrs.evolve(each, at=max(each.at, last.get(each.day, each.at))) for each in added]
    behind.sort(key=lambda batch: (batch.at, batch.call.owner.name if batch.call else ""))
    return sorted([*own, *behind], key=lambda batch: (batch.day, batch.call is not None))


def _batched(steps: Iterable[Step], call: Implementation | None) -> Iterator[Batch]:
    for (_, actor), group in groupby(steps, key=lambda step: (step.at.date(), step.actor)):
        found = tuple(group)
        yield Batch(found[-1].at, actor, found, call)


def _share(call: Implementation, plot: Plot) -> list[Batch]:
    answer = call.call({"story": plot.story(call.owner.name)})
    steps = [_checked(each, call, plot) for each in answer or ()]
    return list(_batched(sorted(steps, key=lambda step: step.at), call))


def _checked(step: object, call: Implementation, plot: Plot) -> Step:
    if not isinstance(step, Step):
        text = f"returned {step!r:.80} from crm_demo; return Step objects"
        raise call.owner.refusal(text, "crm_demo")
    if step.at.utcoffset() is None or not plot.since <= step.at < plot.until:
        text = f"has a step at {step.at}, and the story goes from {plot.since} to {plot.until}; keep to that"
        raise call.owner.refusal(text, "crm_demo")
    return attrs.evolve(step, at=step.at.astimezone(UTC))


# Writing --------------------------------------------------------------------------------------------------------


def tell(
    crm: CRM,
    found: Sequence[Batch],
    telling: Telling,
    on_progress: Progress = lambda count: None,
) -> None:
    """Write what is not yet written of a run, each batch at its own time; the app's clock is its own again then.

    A batch and how far the run has come are one transaction, so it can be stopped anywhere and told on.
    """
    ranks = _ranks(crm.schema)
    clock = crm.clock
    try:
        for number, batch in enumerate(found):
            if number >= telling.done:
                crm.clock = lambda at=batch.at: at  # type: ignore[misc]  # the moment of this batch
                done = attrs.evolve(telling, done=number + 1) if number + 1 < len(found) else None
                _write(crm, batch, ranks, done)
            on_progress(len(batch.steps))
    finally:
        crm.clock = clock


def _write(crm: CRM, batch: Batch, ranks: Mapping[str, int], done: Telling | None) -> None:
    try:
        with crm.acting(batch.actor).transaction(unrestricted=True) as tx:
            _take(tx, batch, ranks)
            tx.set_state(KEY, done and attrs.asdict(done))
    except (BackendError, PluginError):
        raise
    except Exception as error:
        if batch.call is None:
            raise
        raise batch.call.failed(error) from error


def _take(tx: Transaction, batch: Batch, ranks: Mapping[str, int]) -> None:
    adds: list[Record] = list(chain.from_iterable(step.adds for step in batch.steps))
    tx.add_all(sorted(adds, key=lambda record: ranks.get(record.__kind__, 0)))
    for step in batch.steps:
        if step.write is not None:
            step.write(tx)


def _ranks(schema: Schema) -> dict[str, int]:
    """How many references lead on from a kind: those that are referred to come first."""
    ranks: dict[str, int] = {}

    def rank(name: str, above: frozenset[str]) -> int:
        if name not in ranks:
            kind = schema[name]
            on = {str(field.refers_to) for field in kind.references} - above - {name}
            ranks[name] = 1 + max((rank(each, above | {name}) for each in sorted(on)), default=-1)
        return ranks[name]

    for kind in schema:
        rank(kind.name, frozenset())
    return ranks
