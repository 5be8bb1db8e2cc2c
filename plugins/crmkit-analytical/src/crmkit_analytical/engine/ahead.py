"""Reading ahead: in a thread of its own, while what was read before is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")

ROOM = 3
"""How many items are read before they are wanted: batches of tens of thousands of rows, so that memory stays small."""

_END: Any = object()


class Ahead(Generic[T]):
    """Items that are read in a thread from now on, to be gone through once.

    What reading raises is raised to whoever iterates. To be closed, which ends the reading in its own thread.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="crmkit-ahead")
        self._coming: deque[Future[T]] = deque(self._next() for _ in range(ROOM))

    def _next(self) -> Future[T]:
        return self._thread.submit(next, self._items, _END)

    def __iter__(self) -> Iterator[T]:
        while (item := self._coming.popleft().result()) is not _END:
            self._coming.append(self._next())
            yield item

    def close(self) -> None:
        """Stop reading."""
        for each in self._coming:
            each.cancel()
        end = getattr(self._items, "close", None)
        if end is not None:  # what a generator has open belongs to its thread
            self._thread.submit(end).result()
        self._thread.shutdown()
