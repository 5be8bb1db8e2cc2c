"""The stream of a customer: everything that happened, of every kind with a time, by channel, team, and who may know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from crmkit import MASKED, Kind, Reader, Record, Records, Schema, any_of, where
from crmkit_collaborative.kinds import Handover, Team

__all__ = ["Filter", "internal_field", "is_internal", "stream"]

AMONG_COLLEAGUES = frozenset({Handover.__kind__})
"""The kinds that are internal as such."""


@attrs.frozen
class Filter:
    """What of the stream is wanted; None is everything.

    `internal`: True is what is among colleagues, False what a customer may see as well.
    """

    kinds: tuple[str, ...] | None = None
    channel: str | None = None
    team_id: str | None = None
    internal: bool | None = None

    def conditions(self, schema: Schema) -> dict[str, list[Any]]:
        """What records must fulfil, by the kinds that have what is asked for: databases answer it with their indexes."""
        names = schema.kinds if self.kinds is None else self.kinds
        found = {name: self._of(schema[name]) for name in names if schema[name].timeline}
        return {name: each for name, each in found.items() if each is not None}

    def _of(self, kind: Kind) -> list[Any] | None:
        parts = [self._channel(kind), self._team(kind), self._internal(kind)]
        return None if None in parts else [one for part in parts for one in part or ()]

    def _channel(self, kind: Kind) -> list[Any] | None:
        if self.channel is None:
            return []
        return [where.channel == self.channel] if "channel" in kind.fields else None

    def _team(self, kind: Kind) -> list[Any] | None:
        if self.team_id is None:
            return []
        fields = [each.name for each in kind.references if each.refers_to == Team.__kind__]
        return [any_of(*(where[each] == self.team_id for each in fields))] if fields else None

    def _internal(self, kind: Kind) -> list[Any] | None:
        if self.internal is None:
            return []
        if kind.name in AMONG_COLLEAGUES:
            return [] if self.internal else None
        field = internal_field(kind)
        if field is None:
            return None if self.internal else []
        return [where[field] == True if self.internal else where[field] != True]  # noqa: E712  (conditions)


def internal_field(kind: Kind) -> str | None:
    """The flag that says whether a record of a kind is internal: a field `internal`, its own or one that was added."""
    flags = (each for each in kind.fields.values() if each.type.name == "flag")
    return next((each.name for each in flags if each.name.split(".")[-1] == "internal"), None)


def is_internal(kind: Kind, record: Record) -> Any:
    """Whether a record is among colleagues; `MASKED` if the actor may not know."""
    if kind.name in AMONG_COLLEAGUES:
        return True
    field = internal_field(kind)
    value = False if field is None else record[field]
    return value if value is MASKED else value is True


def stream(
    reader: Reader,
    customer_id: str,
    wanted: Filter,
    *,
    limit: int = 50,
    after: str | None = None,
    as_of: datetime | None = None,
) -> Records[Record]:
    """The next `limit` records of the stream, newest first, from behind a cursor of the same filter."""
    conditions = wanted.conditions(reader.schema)
    asked: Any = {"limit": limit, "after": after, "as_of": as_of}
    return reader.timeline(customer_id, list(conditions), conditions=conditions, **asked)
