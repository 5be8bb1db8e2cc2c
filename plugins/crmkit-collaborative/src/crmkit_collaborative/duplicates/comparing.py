"""How alike two customers are: for each thing that both have, a weight of evidence in bits.

The weights are those of Fellegi and Sunter (A Theory for Record Linkage, 1969): log2(m / u), where m is how often a
comparison comes out so for one and the same customer, and u how often for two different ones. What many have says
little (Winkler, 2000): u of an agreement is how frequent the agreed value is in the base.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import attrs

from crmkit_collaborative.duplicates.people import Person

__all__ = ["Frequencies", "Part", "compare"]

_NUMBER = re.compile(r"\d+")

AGREE, NEAR, DIFFER = 0.85, 0.10, 0.05
"""m: how often the same customer's values are equal, alike (a slip of the pen), or different."""

ALIKE = 4.0
"""So many times more often than equal are values alike by chance."""

BESIDE = 100.0
"""So many imagined customers are added to the base: in a small one little is known of what is frequent."""

DEFAULTS = {"email": 1e-6, "phone": 1e-6, "name": 2e-3}
"""u of a value among the imagined ones; of a detail it is `DETAIL`."""
DETAIL = 1e-2

OTHER_ADDRESS = -1.0
"""Bits for addresses that are all different: people have several."""

RESEMBLING = 1e-3
"""u of e-mail addresses that resemble each other by more than a slip: names and companies that begin alike do."""

SHORTEST = 5
"""An e-mail address with fewer letters before the @ is not taken for a slip of the pen: `info`, `kim1`, `a.lee`."""

OTHER_COLUMN = -1.0
"""Bits for a column of imported files in which two differ: when a row was changed differs for one customer, too."""

EXTRA_WORD = -1.0
"""Bits for a word of a name that only one of both has, as a second given name."""


@attrs.frozen
class Part:
    """One comparison: of what, which values, how it came out, with m and u, and its weight in bits.

    `told`: of a column of imported files that no field takes.
    """

    of: str
    a: str
    b: str
    outcome: str
    weight: float
    m: float | None = None
    u: float | None = None
    told: bool = False


class Frequencies:
    """How often each value occurs in the base."""

    def __init__(self) -> None:
        self.size = 0
        self.counts: Counter[tuple[str, str]] = Counter()

    @classmethod
    def of(cls, people: Iterable[Person]) -> Frequencies:
        """Those of a base."""
        found = cls()
        for each in people:
            found.add(each)
        return found

    def add(self, each: Person) -> None:
        """Count one more customer."""
        self.size += 1
        self.counts.update(values(each))

    def chance(self, of: str, value: str) -> float:
        """u: how often somebody else has this value, the two that are compared apart."""
        others = max(0, self.counts[of, value] - 2)
        return (others + BESIDE * DEFAULTS.get(of, DETAIL)) / (max(0, self.size - 2) + BESIDE)


def values(each: Person) -> Iterator[tuple[str, str]]:
    """What a customer has, each with what it is."""
    for token in set(each.name):
        yield "name", token
    for value in each.emails:
        yield "email", value
    for value in each.phones:
        yield "phone", value
    yield from each.details.items()
    yield from each.told.items()


def compare(a: Person, b: Person, seen: Frequencies) -> list[Part]:
    """Every comparison that both have something for. What one lacks speaks neither for nor against."""
    parts = list(_names(a.name, b.name, seen)) if a.name and b.name else []
    for of, mine, yours in (("email", a.emails, b.emails), ("phone", a.phones, b.phones)):
        if mine and yours:
            parts.append(_addresses(of, mine, yours, seen))
    for of in sorted(a.details.keys() & b.details.keys()):
        parts.append(_texts(of, a.details[of], b.details[of], seen))
    for of in sorted(a.told.keys() & b.told.keys()):
        part = _texts(of, a.told[of], b.told[of], seen)
        if part.outcome == "different":
            part = attrs.evolve(part, weight=OTHER_COLUMN, m=None, u=None)
        parts.append(attrs.evolve(part, told=True))
    return parts


def _names(mine: Sequence[str], yours: Sequence[str], seen: Frequencies) -> Iterator[Part]:
    """Words of both, each with its best partner, whatever their order; initials stand for words."""
    left, right = list(mine), list(yours)
    pairs = sorted(
        (
            (-_word_likeness(one, other), i, j)
            for i, one in enumerate(left)
            for j, other in enumerate(right)
        ),
    )
    used_left: set[int] = set()
    used_right: set[int] = set()
    for likeness, i, j in pairs:
        if i in used_left or j in used_right:
            continue
        used_left.add(i)
        used_right.add(j)
        yield _part("name", left[i], right[j], _outcome(-likeness), seen)
    only_left = [each for i, each in enumerate(left) if i not in used_left]
    only_right = [each for j, each in enumerate(right) if j not in used_right]
    for word in only_left:
        yield Part("name", word, "", "alone", EXTRA_WORD)
    for word in only_right:
        yield Part("name", "", word, "alone", EXTRA_WORD)


def _addresses(of: str, mine: frozenset[str], yours: frozenset[str], seen: Frequencies) -> Part:
    both = mine & yours
    if both:
        rarest = min(both, key=lambda each: (seen.chance(of, each), each))
        return _part(of, rarest, rarest, "equal", seen)
    pairs = [(one, other) for one in sorted(mine) for other in sorted(yours)]
    for one, other in pairs:
        if of == "email" and _is_slip(one, other):
            return _part(of, one, other, "near", seen)
    likeness, one, other = max((_likeness(*pair), *pair) for pair in pairs)
    if of == "email" and _outcome(likeness) == "near":
        return Part(of, one, other, "alike", math.log2(NEAR / RESEMBLING), NEAR, RESEMBLING)
    return Part(of, one, other, "different", OTHER_ADDRESS)


def _is_slip(one: str, other: str) -> bool:
    """Whether two e-mail addresses differ by one slip of the fingers, before the @ or behind it.

    Not by more: `park.donghyun@` and `park.doyoon@` of one company are two people, as are `info@` of two.
    """
    from rapidfuzz.distance import OSA

    (mine, _, here), (yours, _, there) = one.partition("@"), other.partition("@")
    if min(len(mine), len(yours)) < SHORTEST or _NUMBER.findall(one) != _NUMBER.findall(other):
        return False
    return OSA.distance(mine, yours) + OSA.distance(here, there) == 1


def _texts(of: str, one: str, other: str, seen: Frequencies) -> Part:
    return _part(of, one, other, _outcome(_likeness(one, other)), seen)


def _part(of: str, one: str, other: str, outcome: str, seen: Frequencies) -> Part:
    if outcome == "different":
        return Part(of, one, other, outcome, math.log2(DIFFER), DIFFER, 1.0)
    u = max(seen.chance(of, one), seen.chance(of, other))
    m = AGREE if outcome == "equal" else NEAR
    # A slip of the pen in what everybody has says nothing, but it does not speak against it.
    u = min(u, 1.0) if outcome == "equal" else min(ALIKE * u, NEAR)
    return Part(of, one, other, outcome, math.log2(m / u), m, u)


def _outcome(likeness: float) -> str:
    return "equal" if likeness == 1.0 else "near" if likeness >= 0.8 else "different"


@lru_cache(maxsize=200_000)
def _likeness(one: str, other: str) -> float:
    """1 for equal texts, from .8 on for what a slip of the pen makes of one; symmetric.

    Korean is compared by its letters (jamo), of which a syllable has two or three, digits by their transpositions,
    other texts by Jaro and Winkler's measure as well.
    """
    if one == other:
        return 1.0
    from rapidfuzz.distance import OSA, JaroWinkler

    if 1 in (len(one), len(other)) and one[0] == other[0] and one[0].isalpha():
        return 0.8  # an initial
    a, b = sorted((_letters(one), _letters(other)))
    longest = max(len(a), len(b))
    if longest < 3:
        return 0.0
    slips = OSA.distance(a, b)
    if slips <= max(1, min(3, longest // 6)):
        return 0.9
    if min(len(one), len(other)) >= 4 and OSA.distance(one, other) == 1:
        return 0.9  # one syllable, or two that changed places
    # Numbers that differ are others, and long Korean names share much that tells nothing apart.
    if a[0].isdigit() or b[0].isdigit() or "ᄀ" <= a[0] <= "ᇿ":
        return 0.0
    return 0.8 if JaroWinkler.similarity(a, b) >= 0.9 else 0.0


def _word_likeness(one: str, other: str) -> float:
    """That of two words of names: the first branch is not the third."""
    return _likeness(one, other) if _NUMBER.findall(one) == _NUMBER.findall(other) else 0.0


def _letters(text: str) -> str:
    return unicodedata.normalize("NFD", text)
