"""The hooks of the analytical plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from crmkit import hookspec

if TYPE_CHECKING:
    from crmkit.schema import Kind
    from crmkit.storage import Storage
    from crmkit_analytical.report.definition import Report


@hookspec
def crm_reports() -> Iterable[Report] | None:
    """Bring reports: questions with a definition, each answered by a function.

    Called when reports are listed or asked. Returns `Report`s. Merged by name; a second one is `PluginConflict`. A
    failure refuses what was asked. Since analytical 1.0.
    """


@hookspec
def crm_arrow(
    storage: Storage, kind: Kind, fields: Sequence[str]
) -> Callable[[], Iterable[Any]] | None:
    """Read columns of a kind faster than `Storage.columns` does, for a storage of one's own.

    Called when the engine is filled. Returns a function without arguments that gives, one after the other, the
    `pyarrow.RecordBatch`es of all records of the kind in any order, whose schema is
    `crmkit_analytical.engine.columns.arrow_schema(kind, fields)`; None where there is no faster way, and for the
    storages of others. It is called in a thread of its own. Two answers are `PluginConflict`. A failure, of the
    function too, ends the report that asked. Since analytical 1.0.
    """


@hookspec
def crm_arrow_journal(storage: Storage, until: int) -> Callable[[], Iterable[Any]] | None:
    """Read the journal's columns faster than `Storage.changes` does, for a storage of one's own.

    Called when the engine is filled for a report that asks who did what. Returns a function without arguments that
    gives the `pyarrow.RecordBatch`es of every change up to the position `until`, in any order, whose schema is
    `crmkit_analytical.engine.journal.journal_schema()`; None where there is no faster way, and for the storages of
    others. As for the rest, see `crm_arrow`. Since analytical 1.0.
    """
