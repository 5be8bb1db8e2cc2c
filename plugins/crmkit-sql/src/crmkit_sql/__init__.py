"""A server database for crmkit: `postgresql://` on SQLAlchemy Core, psycopg and Alembic."""

from crmkit.manifest import Manifest, hookimpl

__version__ = "0.1.0"

manifest = Manifest(name="sql", api="1.0")


@hookimpl
def crm_storages() -> dict[str, str]:
    """The schemes `postgresql` and, as libpq takes it too, `postgres`."""
    return dict.fromkeys(("postgresql", "postgres"), "crmkit_sql.storage:open_postgresql")
