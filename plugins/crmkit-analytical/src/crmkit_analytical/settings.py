"""The plugin's settings, `[plugin.analytical]` in crm.toml."""

from __future__ import annotations

import attrs

__all__ = ["Settings"]


@attrs.frozen
class Settings:
    """Where the engine keeps its columns.

    `file` is relative to the folder of crm.toml; without it, it stands beside the database's file, or in that
    folder for a database on a server. A database in memory has its columns in memory.
    """

    file: str | None = None
