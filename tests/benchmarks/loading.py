"""The row `load`: a company filled by crmkit and by the plain driver in turns, batch by batch, into the same tables."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crmkit import CRM, Record
from tests.benchmarks.company import Write, written
from tests.benchmarks.raw import Raw

__all__ = ["Load"]


class Load:
    """Writes a batch with crmkit, the next one by hand: so each finds the indexes as large as the other does."""

    def __init__(self, crm: CRM, raw: Raw) -> None:
        self._sides: tuple[Write, Write] = (written(crm), by_hand(raw))
        self.seconds = [0.0, 0.0]
        self.records = [0, 0]
        self.memory: dict[str, list[int]] = {"customer": [], "interaction": []}
        """The memory of the process after each batch of a kind, in bytes."""

    def __call__(self, kind: type[Record], values: Sequence[dict[str, Any]]) -> list[str]:
        memory = self.memory[kind.__kind__]
        side = len(memory) % 2
        start = time.perf_counter()
        ids = self._sides[side](kind, values)
        self.seconds[side] += time.perf_counter() - start
        self.records[side] += len(values)
        memory.append(used())
        return ids

    @property
    def times(self) -> tuple[float, float]:
        """Seconds for a record, ours and by hand."""
        ours, raw = (
            taken / max(1, number) for taken, number in zip(self.seconds, self.records, strict=True)
        )
        return ours, raw

    @property
    def growth(self) -> tuple[float, float]:
        """The most memory while interactions were written, and while the first tenth of them was."""
        memory = self.memory["interaction"]
        return max(memory), max(memory[: max(1, len(memory) // 10)])


def by_hand(raw: Raw) -> Write:
    writers: dict[str, Any] = {}

    def write(kind: type[Record], values: Sequence[dict[str, Any]]) -> list[str]:
        name = kind.__kind__
        if name not in writers:
            writers[name] = raw.bulk(name)
        found: list[str] = writers[name](values)
        return found

    return write


def used() -> int:
    """The memory that this process has in use, where the system tells; else the most that it ever had."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
