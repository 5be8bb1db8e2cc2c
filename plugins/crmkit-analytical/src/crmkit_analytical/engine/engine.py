"""The engine: columns of records in DuckDB, up to date with the journal, asked through Ibis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from crmkit import CRM
from crmkit_analytical.engine.filling import Telling, refresh
from crmkit_analytical.engine.place import opened, place_of
from crmkit_analytical.engine.sources import Source
from crmkit_analytical.engine.tables import Tables

__all__ = ["engine"]

INTERRUPTED = "Query interrupted"
"""What DuckDB raises a `RuntimeError` of where somebody interrupts the program."""


@contextmanager
def engine(
    crm: CRM,
    sources: Sequence[Source],
    *,
    telling: Telling | None = None,
    waiting: Callable[[], None] | None = None,
) -> Iterator[Any]:
    """The Ibis connection to tables that are up to date; `telling` shows progress, `waiting` is called if another
    process is in the way. The tables are unrestricted: `crmkit_analytical.engine.seen` says what an actor sees.
    """
    with opened(place_of(crm), waiting) as con:
        try:
            refresh(crm, Tables(con), sources, telling)
            yield con
        except RuntimeError as error:
            if str(error) == INTERRUPTED:
                raise KeyboardInterrupt from None
            raise
