"""Which dialect a table is in: the delimiter that cuts its first records most evenly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

import attrs

from crmkit_exchange.formats.records import Dialect, Record, records

__all__ = ["dialect_of", "is_table"]

USUAL = ",;\t|"
RARE = "\x1f\x01^~¦:"
"""What delimits values only if every record has the same number, and nothing usual cuts them."""
SAMPLE = 300
"""How many records are looked at."""


@attrs.frozen
class _Cuts:
    """What a delimiter makes of a table.

    `share` is how many of `count` records have the same `width` as the heading; as most have, if that is not cut.
    """

    dialect: Dialect
    heads: bool = False
    share: float = 0.0
    width: int = 1
    count: int = 0

    @property
    def score(self) -> tuple[bool, float]:
        """What is compared: even cuts are good, and of those that are alike the one into more values."""
        return self.heads, self.share * (1 - 1 / self.width)

    @property
    def is_even(self) -> bool:
        """Whether all records are cut alike, and there is more than a heading."""
        return self.heads and self.share == 1 and self.count > 1


def dialect_of(lines: Sequence[str], given: str | None = None) -> Dialect:
    """The dialect of a table, by its first lines, with the delimiter given or found; a comma where nothing tells."""
    if given:
        return _cuts(lines, given).dialect
    best = _best(lines)
    if not best.heads:
        rare = [_cuts(lines, each) for each in RARE]
        best = max(
            (each for each in rare if each.is_even), key=lambda each: each.score, default=best
        )
    return best.dialect if best.width > 1 else Dialect()


def is_table(lines: Sequence[str]) -> bool:
    """Whether lines are cut into two columns or more, nearly all alike."""
    best = _best(lines)
    return best.heads and best.share >= 0.9 and best.count > 1


def _best(lines: Sequence[str]) -> _Cuts:
    return max((_cuts(lines, each) for each in USUAL), key=lambda each: each.score)


def _cuts(lines: Sequence[str], delimiter: str) -> _Cuts:
    found = list(islice(records(lines, Dialect(delimiter)), SAMPLE))
    widths = [0 if each.problem else len(each.values) for each in found]
    if not any(width > 1 for width in widths):
        return _Cuts(Dialect(delimiter))
    heads = widths[0] > 1
    width = (
        widths[0] if heads else Counter(each for each in widths if each > 1).most_common(1)[0][0]
    )
    spaced = any(_is_spaced(each, delimiter) for each in found)
    share = widths.count(width) / len(widths)
    return _Cuts(Dialect(delimiter, spaced), heads, share, width, len(widths))


def _is_spaced(record: Record, delimiter: str) -> bool:
    """Whether a blank stands before a quotation mark that begins a value, as in `a, "b, c"`."""
    return any(
        each.startswith(" ")
        and each.lstrip(" ").startswith('"')
        and delimiter + each in record.text
        for each in record.values[1:]
    )
