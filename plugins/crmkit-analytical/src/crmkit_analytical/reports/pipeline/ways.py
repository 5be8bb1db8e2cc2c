"""How far the deals opened in the window came, on one pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from crmkit_analytical.reports.pipeline.asked import BITS
from crmkit_analytical.reports.pipeline.ladder import Ladder, Rung

__all__ = ["Step", "Way", "ways"]


@attrs.frozen
class Step:
    """From one stage to the next, or to where deals are won: of `before` deals so many got there, and so many are open still."""

    start: Rung
    ends: tuple[Rung, ...]
    before: int
    reached: int
    not_yet: int

    @property
    def ended_count(self) -> int:
        """How many went no further and are not open any more."""
        return self.before - self.reached - self.not_yet

    @property
    def share(self) -> float:
        """The share that got there."""
        return self.reached / self.before if self.before else 0.0

    @property
    def ended(self) -> float:
        """The share of those that did not and are not."""
        return self.ended_count / self.before if self.before else 0.0


@attrs.define(slots=False)
class Way:
    """A pipeline, and of its deals opened in the window the ids, by the set of stages they were in and whether they are open."""

    ladder: Ladder
    groups: tuple[tuple[int, bool, tuple[str, ...]], ...]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(sorted(id for _, _, ids in self.groups for id in ids))

    @property
    def count(self) -> int:
        """How many."""
        return sum(len(ids) for _, _, ids in self.groups)

    def reached(self, rung: Rung) -> int:
        """How many reached a stage."""
        return sum(len(ids) for been, _, ids in self.groups if self.ladder.has_reached(been, rung))

    def ids_of(self, rung: Rung) -> tuple[str, ...]:
        """Those that reached a stage."""
        there = (ids for been, _, ids in self.groups if self.ladder.has_reached(been, rung))
        return tuple(sorted(id for ids in there for id in ids))

    def step(self, ends: Sequence[Rung]) -> Step | None:
        """The step to a stage, or to any of several where deals are won; None where none leads."""
        ladder = self.ladder
        start = ladder.before(ends[0]) if ends else None
        if start is None:
            return None
        before = [group for group in self.groups if ladder.has_reached(group[0], start)]
        there = [any(ladder.has_reached(been, end) for end in ends) for been, _, _ in before]
        return Step(
            start,
            tuple(ends),
            sum(len(ids) for _, _, ids in before),
            sum(len(group[2]) for group, is_there in zip(before, there, strict=True) if is_there),
            sum(
                len(ids)
                for (_, is_open, ids), is_there in zip(before, there, strict=True)
                if is_open and not is_there
            ),
        )

    @property
    def steps(self) -> list[Step]:
        """Its steps in order, the last one to where deals are won."""
        ends = [[each] for each in self.ladder.rungs if each.is_open]
        ends.append([each for each in self.ladder.rungs if each.category == "won"])
        return [step for each in ends if (step := self.step(each)) is not None]


def ways(
    found: Sequence[Ladder], been: Iterable[Mapping[str, Any]]
) -> tuple[list[Way], tuple[str, ...]]:
    """The deals on each pipeline, and those that were in stages that are gone."""
    groups: dict[int | None, list[tuple[int, bool, tuple[str, ...]]]] = {}
    for each in been:
        words = (name for name in each if name.startswith("been_"))
        mask = sum((each[name] or 0) << int(name[5:]) * BITS for name in words)
        # Sorted once: to sort what is put together of sorted runs is to merge them.
        group = (mask, bool(each["is_open"]), tuple(sorted(each["ids"])))
        groups.setdefault(each["way"], []).append(group)
    gone = tuple(sorted({id for _, _, ids in groups.get(None, ()) for id in ids}))
    return [Way(each, tuple(groups.get(way, ()))) for way, each in enumerate(found)], gone
