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

    from crmkit_sqlite.arrow import is_worth_it, read
    from crmkit_sqlite.storage import SQLiteStorage

    # What people added has no column of its own.
    if not isinstance(storage, SQLiteStorage) or any(kind.field(each).custom for each in fields):
        return None
    if not is_worth_it(storage, kind):
        return None
    return partial(read, storage, kind, fields, arrow_schema(kind, fields))
