"""Real PostgreSQL servers for tests: throw-away clusters, and fixtures that give out databases on them."""

from crmkit_sql.testing.binaries import NoServer
from crmkit_sql.testing.cluster import Cluster

__all__ = ["Cluster", "NoServer"]
