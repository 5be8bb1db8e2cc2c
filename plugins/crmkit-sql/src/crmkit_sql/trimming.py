"""Taking what is old out of the journal, but for the last change of each record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crmkit.storage import Trimmable

__all__ = ["trim", "trimmable"]

_THROUGH = """
SELECT coalesce(max(position), 0) FROM crm_journal
WHERE position < coalesce((SELECT min(position) FROM crm_journal WHERE at >= %s), 9223372036854775807)
"""

_FOLLOWED = """EXISTS (
    SELECT 1 FROM crm_journal AS later
    WHERE later.kind = j.kind AND later.id = j.id AND later.version > j.version AND later.position <= %s
)"""

_COUNT = (
    f"SELECT count(*), min(at), max(at) FROM crm_journal AS j WHERE position <= %s AND {_FOLLOWED}"
)

_REACHED = """
SELECT max(position), count(*) FROM (
    SELECT position FROM crm_journal WHERE position > %s AND position <= %s ORDER BY position LIMIT %s
) AS step
"""

_TAKE = f"DELETE FROM crm_journal AS j WHERE position > %s AND position <= %s AND {_FOLLOWED}"

_FORGET = "UPDATE crm_journal SET delta = NULL WHERE position > %s AND position <= %s AND delta IS NOT NULL"


def trimmable(link: Any, before: datetime) -> Trimmable:
    """What `trim` would take out of the part of the journal in which all was recorded before a moment."""
    [(through,)] = link.rows(_THROUGH, (before,))
    [(count, *ends)] = link.rows(_COUNT, (through, through))
    return Trimmable(through, count, *ends)


def trim(link: Any, through: int, after: int, limit: int) -> tuple[int, int]:
    """Take one step; where it ended, and how many changes it took out."""
    [(last, seen)] = link.rows(_REACHED, (after, through, limit))
    reached = last if seen == limit else through
    taken = link.run(_TAKE, (after, reached, through))
    link.run(_FORGET, (after, reached))
    return reached, taken
