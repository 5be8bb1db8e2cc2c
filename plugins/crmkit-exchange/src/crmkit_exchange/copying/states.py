"""What a database keeps beside its records, as another one is to keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crmkit.opening import CATALOGUE, NORMALISERS
from crmkit.past import TRIMMED
from crmkit.storage import Reads

__all__ = ["carried", "followed"]

_WORKERS = "crmkit/worker/"
_OWN = (CATALOGUE, f"{NORMALISERS}/", "crmkit/upgrade/", "crmkit/copy")
"""What every database keeps for itself."""


def followed(reads: Reads) -> Iterator[int]:
    """The positions that are kept: those of workers, of what they set aside, and of what was trimmed."""
    for key, value in reads.states("crmkit/").items():
        for name in _positions(key, value):
            yield value[name]


def _positions(key: str, value: Any) -> list[str]:
    """The names under which something of the state holds positions."""
    if not isinstance(value, dict) or not (key == TRIMMED or key.startswith(_WORKERS)):
        return []
    return [name for name in ("position", "reached") if name in value]


def carried(states: Mapping[str, Any], places: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    """The keys and values for the other database, positions being those of its own journal."""
    for key, value in states.items():
        if key.startswith(_OWN) or (key.startswith(_WORKERS) and key.endswith("/lease")):
            continue
        names = _positions(key, value)
        if not names:
            yield key, value
            continue
        moved = {**value, **{name: places[str(value[name])] for name in names}}
        start, aside, _ = key.partition("/aside/")
        yield (f"{start}{aside}{moved['position']:020}" if aside else key), moved
