"""A server database for crmkit: `postgresql://` on SQLAlchemy Core, psycopg and Alembic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from crmkit.manifest import Manifest, hookimpl

if TYPE_CHECKING:
    from crmkit.schema import Kind
    from crmkit.storage import Storage

__version__ = "0.1.0"

manifest = Manifest(name="sql", api="1.0", extends=("analytical",))


@hookimpl
def crm_storages() -> dict[str, str]:
    """The schemes `postgresql` and, as libpq takes it too, `postgres`."""
    return dict.fromkeys(("postgresql", "postgres"), "crmkit_sql.storage:open_postgresql")


@hookimpl(optionalhook=True)
def crm_arrow(storage: Storage, kind: Kind, fields: Sequence[str]) -> Any:
    """The columns of a kind through ADBC, if that is installed."""
    from crmkit_analytical.engine.columns import arrow_schema

    from crmkit_sql.arrow import is_installed, read
    from crmkit_sql.storage import PostgresStorage

    is_own = isinstance(storage, PostgresStorage) and is_installed()
    # What people added has no column of its own.
    if not is_own or any(kind.field(each).custom for each in fields):
        return None
    return partial(read, storage, kind, fields, arrow_schema(kind, fields))


@hookimpl(optionalhook=True)
def crm_arrow_journal(storage: Storage, until: int) -> Any:
    """The columns of the journal through ADBC, if that is installed."""
    from crmkit_analytical.engine.journal import journal_schema

    from crmkit_sql.arrow import is_installed, read_journal
    from crmkit_sql.storage import PostgresStorage

    if not isinstance(storage, PostgresStorage) or not is_installed():
        return None
    return partial(read_journal, storage, until, journal_schema())
