"""Pipelines as ladders: which stage comes after which, and what a set of stages says about how far a deal came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

__all__ = ["Ladder", "Rung", "ladders"]


@attrs.frozen
class Rung:
    """One stage: `place` is its number among all stages of its pipeline, in order, from 0."""

    id: str
    name: str
    category: str
    probability: int
    place: int

    @property
    def is_open(self) -> bool:
        """Whether deals in it are open."""
        return self.category == "open"


@attrs.frozen
class Ladder:
    """One pipeline: its stages in order. A set of stages is a whole number with the bit of each one's `place` set."""

    id: str
    name: str
    rungs: tuple[Rung, ...]

    def before(self, rung: Rung) -> Rung | None:
        """The stage that a deal reaches before this one; None of the first, and of those where deals are lost.

        Stages where deals are won are ends beside one another: before each comes the last open one.
        """
        if rung.category == "lost":
            return None
        steps = [each for each in self.rungs if each.is_open]
        if rung.is_open:
            steps = steps[: steps.index(rung)]
        return steps[-1] if steps else None

    @property
    def first(self) -> Rung | None:
        """The open stage in which deals begin."""
        return next((each for each in self.rungs if each.is_open), None)

    def has_reached(self, been: int, rung: Rung) -> bool:
        """Whether a deal that was in these stages, one at least, has reached this one."""
        if rung == self.first:
            return True
        later = [rung]
        if rung.is_open:
            later = [e for e in self.rungs if (e.is_open and e.place >= rung.place) or _is_won(e)]
        return any(been >> each.place & 1 for each in later)


def _is_won(rung: Rung) -> bool:
    return rung.category == "won"


def ladders(
    pipelines: Iterable[Mapping[str, Any]], stages: Sequence[Mapping[str, Any]]
) -> list[Ladder]:
    """The pipelines by name, each with its stages by position."""
    found = []
    for pipeline in sorted(pipelines, key=lambda each: (each["name"], each["id"])):
        own = [each for each in stages if each["pipeline_id"] == pipeline["id"]]
        own.sort(key=lambda each: (each["position"], each["id"]))
        rungs = (
            Rung(each["id"], each["name"], each["category"], each["probability"], place)
            for place, each in enumerate(own)
        )
        found.append(Ladder(pipeline["id"], pipeline["name"], tuple(rungs)))
    return found
