"""The embedded database of crmkit: `sqlite://` on the standard library."""

from crmkit.manifest import Manifest, hookimpl

__version__ = "0.1.0"

manifest = Manifest(name="sqlite", api="1.0")


@hookimpl
def crm_storages() -> dict[str, str]:
    """The scheme `sqlite`."""
    return {"sqlite": "crmkit_sqlite.storage:open_sqlite"}
