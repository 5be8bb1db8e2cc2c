"""The embedded database of crmkit: `sqlite://` on the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from crmkit.manifest import Manifest, hookimpl

if TYPE_CHECKING:
    from crmkit.schema import Kind
    from crmkit.storage import Storage

__version__ = "0.1.0"

manifest = Manifest(name="sqlite", api="1.0", extends=("analytical",))


@hookimpl
def crm_storages() -> dict[str, str]:
    """The scheme `sqlite`."""
    return {"sqlite": "crmkit_sqlite.storage:open_sqlite"}


@hookimpl(optionalhook=True)
def crm_arrow(storage: Storage, kind: Kind, fields: Sequence[str]) -> Any:
    """The columns of a large kind through ADBC, if that is installed."""
    from crmkit_analytical.engine.columns import arrow_schema

    from crmkit_sqlite import arrow
    from crmkit_sqlite.storage import SQLiteStorage

    # What people added has no column of its own.
    if not isinstance(storage, SQLiteStorage) or any(kind.field(each).custom for each in fields):
        return None
    if not arrow.can_read() or not storage.has_many(kind.name, arrow.MANY):
        return None
    return partial(arrow.read, storage, kind, fields, arrow_schema(kind, fields))


@hookimpl(optionalhook=True)
def crm_arrow_journal(storage: Storage, until: int) -> Any:
    """The columns of a long journal through ADBC, if that is installed."""
    from crmkit_analytical.engine.journal import journal_schema

    from crmkit_sqlite import arrow
    from crmkit_sqlite.storage import SQLiteStorage

    if not isinstance(storage, SQLiteStorage) or until < arrow.MANY or not arrow.can_read():
        return None
    return partial(arrow.read_journal, storage, until, journal_schema())
