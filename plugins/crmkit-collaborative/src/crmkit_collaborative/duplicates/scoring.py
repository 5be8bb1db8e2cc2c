"""From comparisons to a score and a zone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import attrs

from crmkit_collaborative.duplicates.comparing import Frequencies, Part, compare
from crmkit_collaborative.duplicates.people import Person

__all__ = ["Score", "Zone", "prior", "score", "zone"]

Zone = Literal["auto", "review", "no"]

COLUMNS = 3
"""Columns of imported files that stand for a second thing which agrees: of each alone nobody said what it is."""

TELLING = 4.0
"""Bits from which on an agreement counts as one of the two that `auto` asks for: a common country says too little."""


@attrs.frozen
class Score:
    """Two customers, `a` the smaller id, and how likely they are one: `value` is 0 to 1.

    `value` = 1 / (1 + 2 ** -`bits`), and `bits` = `prior` + the weights of `parts`.
    """

    a: str
    b: str
    value: float
    bits: float
    prior: float
    parts: tuple[Part, ...]


def prior(size: int) -> float:
    """Bits against two customers of a base being one, before anything is compared: one in as many as there are."""
    return -math.log2(max(size, 2) + 100)


def score(one: Person, other: Person, seen: Frequencies) -> Score:
    """How likely two customers are one."""
    a, b = (one, other) if one.id < other.id else (other, one)
    parts = tuple(compare(a, b, seen))
    before = prior(seen.size)
    bits = before + math.fsum(each.weight for each in parts)
    return Score(
        a.id, b.id, 1 / (1 + 2 ** -min(bits, 1000.0)) if bits > -1000 else 0.0, bits, before, parts
    )


def zone(found: Score, auto: float, review: float) -> Zone:
    """What is to be done: make them one, look at them, or nothing.

    `auto` asks for more than the score: nothing of the names may differ, and two different things must agree.
    Families and colleagues share telephones and addresses.
    """
    if found.value < review:
        return "no"
    return "auto" if found.value >= auto and not held_back(found.parts) else "review"


def held_back(parts: Sequence[Part]) -> str | None:
    """Why two customers are not made one without being looked at; None if nothing speaks against it."""
    if any(each.of == "name" and each.outcome == "different" for each in parts):
        return "names"
    agreed = [each for each in parts if each.weight >= TELLING and each.outcome != "alike"]
    known = {each.of for each in agreed if not each.told}
    columns = sum(each.told for each in agreed)
    if len(known) < 2 and (not known or columns < COLUMNS):
        return "one"
    return None
