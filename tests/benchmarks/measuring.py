"""Timing two ways of doing the same work, in turns, and the rows that come of it."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import attrs

B = TypeVar("B", bound=Sequence[Any])

BUDGETS = {
    "sqlite": {
        "get": 1.5,
        "page": 2.0,
        "timeline": 2.0,
        "create": 2.0,
        "update": 2.5,
        "bulk": 2.0,
        "bulk_search": 2.5,
        "search_index": 1.3,
        "load": 2.5,
        "load_memory": 1.2,
        "version": 1.7,
        "show": 3.5,
        "import": 6.0,
        "import_memory": 1.2,
        "export_memory": 1.2,
        "queue": 2.0,
        "board_page": 2.0,
        "board": 2.0,
        "board_tickets": 2.0,
        "claim": 2.5,
        "deal_create": 2.0,
        "deal_move": 2.5,
        "ticket_create": 2.0,
    },
    "postgres": {
        "get": 1.5,
        "page": 1.5,
        "timeline": 1.5,
        "create": 1.5,
        "update": 2.0,
        "bulk": 2.0,
        "bulk_search": 2.0,
        "search_index": 2.0,
        "load": 2.0,
        "load_memory": 1.2,
        "queue": 1.5,
        "board_page": 1.5,
        "board": 1.5,
        "board_tickets": 1.5,
        "claim": 2.0,
        "deal_create": 1.5,
        "deal_move": 2.0,
        "ticket_create": 1.5,
    },
}
"""Times the plain driver, by backend. Those of get, page, create and bulk on PostgreSQL are promised, the other ones of
PostgreSQL are what we set ourselves."""
INDEXED = ("get", "page", "timeline", "queue", "board_page")
"""The rows that a large database must not slow down."""

GROWTH_BUDGET = 1.6
"""How much longer a large database may take than a small one."""

SEARCH_BUDGET = 0.001
"""Seconds for a page of hits on SQLite, whatever plain sqlite3 needs."""


def budget(backend: str, name: str) -> float:
    """The most that a row's ratio may be."""
    return BUDGETS[backend][name]


def search_budget(backend: str, raw: float) -> float:
    """The most that a search's ratio may be."""
    return SEARCH_BUDGET / raw if backend == "sqlite" else 1.5


@attrs.frozen
class Row:
    """One line of the table: medians in seconds for one operation; `ratio` is crmkit / raw."""

    name: str
    backend: str
    size: int
    crmkit: float
    raw: float
    ratio: float
    budget: float

    @classmethod
    def of(
        cls, name: str, backend: str, size: int, crmkit: float, raw: float, budget: float
    ) -> Row:
        return cls(name, backend, size, crmkit, raw, round(crmkit / raw, 3), round(budget, 3))


def in_turns(
    ours: Callable[[B], object], raw: Callable[[B], object], batches: Iterable[B]
) -> tuple[float, float]:
    """The median time for one item of a batch, ours and raw; the first batch only warms up.

    Many short batches: on a busy machine most of them are over before anyone else gets their turn.
    """
    times: list[list[float]] = [[], []]
    gc.collect()
    gc.freeze()  # what earlier measurements left is nobody's business here
    for number, batch in enumerate(batches):
        for side in (0, 1) if number % 2 else (1, 0):
            taken = _timed((ours, raw)[side], batch) / len(batch)
            if number:
                times[side].append(taken)
    gc.unfreeze()
    return statistics.median(times[0]), statistics.median(times[1])


def _timed(function: Callable[[B], object], batch: B) -> float:
    gc.collect()  # and from here on it runs as it would in an app
    start = time.perf_counter()
    function(batch)
    return time.perf_counter() - start


def table(rows: Iterable[Row]) -> str:
    """The rows as people read them."""
    lines = [
        f"{'row':14}{'backend':24}{'size':>11}{'crmkit':>12}{'raw':>12}{'ratio':>8}{'budget':>8}"
    ]
    for row in rows:
        figures = (
            [bytes_(row.crmkit), bytes_(row.raw)]
            if row.name == "search_index" or row.name.endswith("_memory")
            else [seconds(row.crmkit), seconds(row.raw)]
        )
        mark = "" if row.ratio <= row.budget else "  over"
        lines.append(
            f"{row.name:13} {row.backend:24}{row.size:11,}{figures[0]:>12}{figures[1]:>12}"
            f"{row.ratio:8.2f}{row.budget:8.2f}{mark}"
        )
    return "\n".join(lines)


def seconds(value: float) -> str:
    """As in 12.3 us."""
    return f"{value * 1e6:,.1f} us" if value < 0.01 else f"{value * 1e3:,.1f} ms"


def bytes_(value: float) -> str:
    """As in 12.3 MB."""
    return f"{value / 1e6:,.2f} MB"
