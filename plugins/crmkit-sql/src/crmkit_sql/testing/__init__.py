"""Real PostgreSQL servers for tests: throw-away clusters, and fixtures that give out databases on them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit_sql.testing.binaries import NoServer
    from crmkit_sql.testing.cluster import Cluster, ServerFailed

__all__ = ["Cluster", "NoServer", "ServerFailed"]

_HOMES = {
    "Cluster": "crmkit_sql.testing.cluster",
    "NoServer": "crmkit_sql.testing.binaries",
    "ServerFailed": "crmkit_sql.testing.cluster",
}


def __getattr__(name: str) -> Any:
    # pytest imports this package in every project where crmkit-sql is installed: nothing heavy until it is used.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
