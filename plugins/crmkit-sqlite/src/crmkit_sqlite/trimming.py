"""Taking what is old out of the journal, by statements over many changes at a time."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from crmkit.storage import Transaction, Trimmable
from crmkit.values import format_time
from crmkit_sqlite.faults import guarded
from crmkit_sqlite.refusing import writing

__all__ = ["TrimmingTransaction"]

_FOLLOWED = (
    "EXISTS (SELECT 1 FROM crm_journal AS n WHERE n.kind = j.kind AND n.id = j.id "
    "AND n.version > j.version AND n.position <= :through)"
)
"""Whether another change of the record comes before the end: the index on kind, id, version has the position, too."""

_TOLD = (
    "SELECT count(*), min(at), max(at) FROM crm_journal AS j "
    f"WHERE position <= :through AND {_FOLLOWED}"
)

_REACHED = (
    "SELECT position FROM crm_journal WHERE position > :after AND position <= :through "
    "ORDER BY position LIMIT 1 OFFSET :limit - 1"
)

_DELETE = (
    f"DELETE FROM crm_journal AS j WHERE position > :after AND position <= :reached AND {_FOLLOWED}"
)

_FORGET = (
    "UPDATE crm_journal SET delta = NULL "
    "WHERE position > :after AND position <= :reached AND delta IS NOT NULL"
)


class TrimmingTransaction(Transaction):
    """What a transaction does about old changes."""

    writes: bool
    link: Any
    redacted: bool

    @property
    def place(self) -> str:
        """The database's file."""
        raise NotImplementedError

    def _connect(self) -> sqlite3.Connection:
        raise NotImplementedError

    @guarded
    def trimmable(self, before: datetime) -> Trimmable:
        """By position up to the first change that is not old; counted by the journal's index."""
        connection = self._connect()
        sql = "SELECT position FROM crm_journal WHERE at >= ? ORDER BY position LIMIT 1"
        first = connection.execute(sql, (format_time(before),)).fetchone()
        sql = "SELECT max(position) FROM crm_journal WHERE ? IS NULL OR position < ?"
        through = connection.execute(sql, (first and first[0],) * 2).fetchone()[0] or 0
        count, *times = connection.execute(_TOLD, {"through": through}).fetchone()
        return Trimmable(through, count, *(each and datetime.fromisoformat(each) for each in times))

    @writing
    def trim(self, through: int, after: int, limit: int) -> tuple[int, int]:
        """Two statements, over a range of positions."""
        where: dict[str, int] = {"through": through, "after": after, "limit": limit}
        found = self.link.execute(_REACHED, where).fetchone()
        where["reached"] = found[0] if found else through
        taken = self.link.execute(_DELETE, where).rowcount
        self.link.execute(_FORGET, where)
        self.redacted = self.redacted or where["reached"] == through
        return where["reached"], taken
