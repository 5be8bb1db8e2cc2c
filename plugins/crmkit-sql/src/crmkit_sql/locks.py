"""Names that transactions hold: advisory locks of the server, for one database."""

from __future__ import annotations

import hashlib
from typing import Any

__all__ = ["PREPARING", "lock_name"]

PREPARING = "SELECT pg_advisory_xact_lock(6014862213346)"
"""Whoever holds this changes the tables."""


def lock_name(link: Any, name: str) -> None:
    """Wait for a name, then hold it until the end of the transaction."""
    if not name:
        link.begin()
        return
    digest = hashlib.sha256(b"crmkit " + name.encode()).digest()
    link.rows("SELECT pg_advisory_xact_lock(%s)", (int.from_bytes(digest[:8], "big", signed=True),))
