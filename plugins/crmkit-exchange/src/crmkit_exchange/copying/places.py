"""Positions of one journal, in the other: each is that of the same change there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from crmkit import Change

__all__ = ["Places"]


class Places:
    """Learns, for positions of the source that are asked for, where the last change up to them is in the target.

    `known` are those learnt, by the position as text, as they are kept.
    """

    def __init__(self, wanted: Iterable[int], known: Mapping[str, int]) -> None:
        self._wanted = sorted({*wanted})
        self.known = {str(each): 0 for each in self._wanted} | dict(known)

    def within(self, page: Sequence[Change]) -> bool:
        """Whether a position that is asked for has its change on a page of the source's journal, or behind it."""
        return bool(self._wanted) and self._wanted[-1] >= page[0].position

    def learn(self, page: Sequence[Change], written: Sequence[Change]) -> None:
        """Take what a page became in the target, change for change."""
        positions = [each.position for each in page]
        for wanted in self._wanted:
            if wanted >= positions[0]:
                place = bisect_right(positions, wanted) - 1
                self.known[str(wanted)] = written[place].position
