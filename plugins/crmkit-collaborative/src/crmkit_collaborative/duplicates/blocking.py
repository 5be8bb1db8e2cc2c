"""Which customers are compared at all: those who have something in common that few have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from crmkit_collaborative.duplicates.comparing import Frequencies, values
from crmkit_collaborative.duplicates.people import Person

__all__ = ["MOST", "Blocks", "keys"]

MOST = 50
"""What more customers have than that is common; it counts only together with something else."""


LONG = 6
"""Of a longer text its beginning and its end are keys, too."""


def keys(each: Person, seen: Frequencies) -> Iterator[tuple[str, ...]]:
    """What a customer is found by: each rare value, and each two common ones; the beginnings of a name too."""
    rare: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for pair in values(each):
        (rare if seen.counts[pair] <= MOST else common).append(pair)
    for of, value in rare:
        yield each.type, of, value
    for (one, first), (two, second) in combinations(sorted(common), 2):
        yield each.type, one, first, two, second
    starts = sorted(token[:3] for token in each.name)
    for one, two in combinations(starts, 2):
        yield each.type, "starts", one, two
    for address in each.emails:
        yield each.type, "mailbox", address[:4]
        yield each.type, "letters", "".join(sorted(address.partition("@")[0]))
    for value in (*each.name, *each.details.values(), *each.told.values()):
        if len(value) >= LONG:
            yield each.type, "begins", value[:LONG]
            yield each.type, "ends", value[-LONG:]
    for token in each.name:
        if len(token) >= 3:
            # Korean names differ by a syllable, Latin ones by a letter near the end.
            yield each.type, "start", token[:2] if "가" <= token[0] <= "힣" else token[:4]


class Blocks:
    """The pairs of a base that are compared, and what was too common to go by."""

    def __init__(self, people: Sequence[Person], seen: Frequencies) -> None:
        self._people = people
        self._seen = seen
        blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, each in enumerate(people):
            for key in set(keys(each, seen)):
                blocks[key].append(number)
        self.skipped = {key: len(block) for key, block in blocks.items() if len(block) > MOST}
        self._blocks = {key: block for key, block in blocks.items() if 1 < len(block) <= MOST}

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Pairs of places in the base, each once: of one customer at a time, so that not all are held."""
        for number, each in enumerate(self._people):
            found: set[int] = set()
            for key in keys(each, self._seen):
                found.update(other for other in self._blocks.get(key, ()) if other > number)
            for other in sorted(found):
                yield number, other
