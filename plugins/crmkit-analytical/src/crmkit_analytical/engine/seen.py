"""What an actor sees of the engine's tables: the records that storage would show them, and no masked field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit import CRM, SYSTEM, Handle

__all__ = ["Sight"]


class Sight:
    """One actor's sight. The engine's copy is whole; which records of it count, storage says, not this plugin."""

    def __init__(self, crm: CRM, handle: Handle, con: Any) -> None:
        self._handle = handle
        self._con = con
        self._is_whole = handle.actor == SYSTEM or not crm.plugins.calls("crm_restrict")
        self._ids: dict[str, Any] = {}

    def of(self, table: Any, kind: str, fields: Sequence[str]) -> Any:
        """The rows of a table (of Ibis, with the records' `id`) that belong to records of a kind that are seen.

        Raises `RestrictedError` for a masked field.
        """
        if self._is_whole:
            return table
        # Nothing is read by this: naming the columns is what a masked field is refused in.
        self._handle.columns(kind, ["id", *fields])
        return table.semi_join(self._seen(kind), "id")

    def _seen(self, kind: str) -> Any:
        import pyarrow as pa

        if kind not in self._ids:
            found = [pa.array(ids, pa.string()) for [ids] in self._handle.columns(kind, ["id"])]
            ids = pa.chunked_array(found, pa.string())
            name = f"seen__{kind}"
            self._ids[kind] = self._con.create_table(
                name, pa.table({"id": ids}), temp=True, overwrite=True
            )
        return self._ids[kind]
