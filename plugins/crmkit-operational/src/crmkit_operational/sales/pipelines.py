"""Making pipelines: their stages in order, and one to begin with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

from crmkit import QueryError, Transaction, ValueRefused
from crmkit_operational.sales.finding import stages_of
from crmkit_operational.sales.kinds import LostReason, Pipeline, Stage
from crmkit_operational.sales.rules import SURE

__all__ = ["Step", "add_pipeline", "decided", "first_pipeline", "put_at", "read_step"]


@attrs.frozen
class Step:
    """A stage to be made: an open one with its chance in percent, or one where deals are won or lost."""

    name: str
    probability: int = 0
    category: str = "open"
    rot_days: int | None = None
    required: tuple[str, ...] = ()


def read_step(text: str) -> Step:
    """An open stage as people write it: `NAME, CHANCE`, the chance in percent."""
    match = re.fullmatch(r"(.*\S)\s*(?:,\s*(\d{1,3})\s*%?|\s(\d{1,3})\s*%)\s*", text)
    if not match:
        raise ValueRefused(
            f"{text!r} is no stage; write its name and the chance in percent, as in 'Proposal, 50'"
        )
    return Step(match[1].strip(), int(match[2] or match[3]))


def add_pipeline(tx: Transaction, name: str, steps: Sequence[Step]) -> Pipeline:
    """A new pipeline with these stages, in this order. Raises `ValueRefused` if two are called the same."""
    names = [step.name for step in steps]
    for each in names:
        if names.count(each) > 1:
            raise ValueRefused(f"two stages are called {each!r}; give each a name of its own")
    made = tx.add(Pipeline(name=name))
    tx.add_all(
        Stage(
            pipeline_id=made.id,
            name=step.name,
            position=position,
            category=step.category,  # type: ignore[arg-type]  # checked when it is written
            probability=SURE.get(step.category, step.probability),
            rot_days=step.rot_days,
            required=step.required,
        )
        for position, step in enumerate(steps, 1)
    )
    return made


def decided(won: str, lost: str) -> list[Step]:
    """The two stages that every pipeline ends in."""
    return [Step(won, category="won"), Step(lost, category="lost")]


def first_pipeline(tx: Transaction, word: Callable[[str], str]) -> Pipeline:
    """A pipeline to begin with, and reasons for losing, if there are none; `word` gives them in one's language."""
    steps = [
        Step(word("Qualification"), 10, rot_days=14),
        Step(word("Needs analysis"), 25, rot_days=14),
        Step(word("Proposal"), 50, rot_days=21, required=("amount",)),
        Step(word("Negotiation"), 75, rot_days=14, required=("amount", "expected_close")),
        *decided(word("Won"), word("Lost")),
    ]
    made = add_pipeline(tx, word("Sales"), steps)
    if not tx.count(LostReason):
        for name in ("Price", "Competitor", "No budget", "No decision", "No reply"):
            tx.add(LostReason(name=word(name)))
        tx.add(LostReason(name=word("Other reason"), wants_note=True))
    return made


def put_at(tx: Transaction, pipeline: Pipeline, stage: Stage, before: Stage | None) -> None:
    """Put a stage before another one of its pipeline, or last."""
    others = [each for each in stages_of(tx, pipeline) if each.id != stage.id]
    ids = [each.id for each in others]
    if before is not None and before.id not in ids:
        raise QueryError("a stage is put before another one of its pipeline; name one of them")
    place = ids.index(before.id) if before else len(others)
    ordered = [*others[:place], stage, *others[place:]]
    changed = [
        each.evolve(position=position)
        for position, each in enumerate(ordered, 1)
        if each.position != position
    ]
    tx.update_all(changed)
