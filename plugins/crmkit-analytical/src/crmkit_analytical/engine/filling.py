"""Filling the engine from storage, and bringing it up to date from the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from typing import Any

from crmkit import CRM
from crmkit.storage import Progress
from crmkit_analytical.engine.ahead import Ahead
from crmkit_analytical.engine.sources import Source
from crmkit_analytical.engine.tables import Kept, Tables

__all__ = ["refresh"]

GONE = "trimmed"
"""The mark of a change that the journal has no more: nothing can be told by it."""

Telling = Callable[[str], AbstractContextManager[Progress]]
"""Given what is read, something that is told how much of how much is done."""


def refresh(
    crm: CRM, tables: Tables, sources: Sequence[Source], telling: Telling | None = None
) -> None:
    """Bring these tables to where the journal is now: only what has changed since the last time is read.

    What is missing, or was made of other columns or from another journal, is read whole. All of it is kept, or
    nothing.
    """
    # Before anything is read: what is read later may hold more, which is read again by the next run.
    until = crm.storage.position()
    mark, known = _mark(crm, until), tables.kept()
    wanted = {each.name: Kept(each.made_of(crm), until, mark) for each in sources}
    late = [each for each in sources if mark == GONE or known.get(each.name) != wanted[each.name]]
    if not late:
        return
    with tables.transaction():
        whole = [
            each for each in late if not _catch_up(crm, tables, each, known.get(each.name), until)
        ]
        _fill(crm, tables, whole, until, telling)
        tables.keep({**known, **wanted})


def _fill(
    crm: CRM, tables: Tables, sources: Sequence[Source], until: int, telling: Telling | None
) -> None:
    """Make tables of all that is in their sources; the next one begins to be read while one is written."""
    with ExitStack() as stack:
        ahead: Iterable[Any] = ()
        for source, following in zip((None, *sources), (*sources, None), strict=True):
            batches = ahead
            if following is not None:
                ahead = stack.enter_context(closing(Ahead(following.whole(crm, until))))
            if source is not None:
                tables.make(source.name, _told(crm, source, batches, telling))


def _catch_up(crm: CRM, tables: Tables, source: Source, kept: Kept | None, until: int) -> bool:
    """Bring a table up to date, if it has these columns and the change that was the last then is where it was.

    It is not where the database is another one, or a copy that was put back, or was trimmed that far.
    """
    if kept is None or kept.made_of != source.made_of(crm) or kept.position > until:
        return False
    if kept.mark == GONE or kept.mark != _mark(crm, kept.position):
        return False
    return source.catch_up(crm, tables, kept.position, until)


def _mark(crm: CRM, position: int) -> str:
    """What tells the change at a position from that of any other journal."""
    if not position:
        return ""
    found = crm.storage.changes(position - 1, None, 1)
    if not found or found[0].position != position:
        return GONE
    return f"{found[0].transaction}/{found[0].kind}/{found[0].id}/{found[0].version}"


def _told(
    crm: CRM, source: Source, batches: Iterable[Any], telling: Telling | None
) -> Iterator[Any]:
    """The batches of a source, telling whoever waits how far it is."""
    if telling is None:
        yield from batches
        return
    total, done = max(source.total(crm), 1), 0
    with telling(source.name) as progress:
        for batch in batches:
            done += batch.num_rows
            progress(min(done, total), total)
            yield batch
