"""The rows of a history by their times, however many there are and in whatever order they stand."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, TypeAlias

from crmkit import ValueRefused
from crmkit_exchange.formats.items import Item
from crmkit_exchange.importing.drafting import moment
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.rows import FoldedRow

__all__ = ["by_time"]

HELD = 20_000
"""So many rows are sorted in memory; more are merged from files, so that memory does not grow with them."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_Placed: TypeAlias = tuple[datetime, tuple[bool, int], Item]


def by_time(items: Iterable[Item], layout: Layout) -> Iterator[Item]:
    """The items by the times since when they are true, those without one first.

    Those of one time as they stand, but what is carried into later rows first.
    """
    placed = ((_time(each, layout), _rank(each, layout), each) for each in items)
    with ExitStack() as stack:
        runs: list[Iterable[_Placed]] = []
        while run := sorted(islice(placed, HELD), key=_place):
            runs.append(run if len(run) < HELD else _put_aside(stack, run))
        yield from (item for _, _, item in merge(*runs, key=_place))


def _place(placed: _Placed) -> tuple[datetime, tuple[bool, int]]:
    return placed[:2]


def _time(item: Item, layout: Layout) -> datetime:
    try:
        return moment(item, layout) or _NEVER
    except ValueRefused:
        return _NEVER


def _rank(item: Item, layout: Layout) -> tuple[bool, int]:
    history = layout.preset.history
    first = history is not None and history.tells_of(FoldedRow(item.values), history.carried)
    return not first, item.number


def _put_aside(stack: ExitStack, run: Iterable[_Placed]) -> Iterator[_Placed]:
    file = stack.enter_context(TemporaryFile())  # noqa: SIM115
    for each in run:
        pickle.dump(each, file)
    file.seek(0)
    return _read_back(file)


def _read_back(file: IO[bytes]) -> Iterator[_Placed]:
    while True:
        try:
            yield pickle.load(file)  # what was written above
        except EOFError:
            return
