"""Records as a change left them, and where conditions lead from there: the same for a run and for a rehearsal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit import Change, Linked, NotFound, Reader, Record, holds, where
from crmkit.query import Condition

__all__ = ["Then", "all_hold", "as_left"]


def as_left(reader: Reader, change: Change) -> Record | None:
    """The record as a change left it; None if it is gone by now, or was made one with another."""
    [now] = reader.get_many(change.kind, [change.id])
    if now is None or now.id != change.id:
        return None
    if now.version == change.version:
        return now
    try:
        return reader.at_version(change.kind, change.id, change.version)
    except NotFound:
        return None


@attrs.frozen
class Then:
    """Where references lead, as it was at a time."""

    reader: Reader
    at: datetime

    def reference(self, record: Any, field: str) -> Any | None:
        """The record that this reference of `record` pointed to."""
        target = self.reader.schema[record.__kind__].field(field).refers_to
        id = record[field]
        if target is None or id is None:
            return None
        [found] = self.reader.get_many(target, [id])
        if found is None or found.updated_at > self.at:
            [found] = self.reader.get_many(target, [id], as_of=self.at)
        return found

    def linked(self, record: Any, condition: Linked) -> Iterable[Any]:
        """The records whose reference pointed to `record`."""
        own = where[condition.field] == record.id
        as_of = self.at if self._changed_since(condition.kind) else None
        return self.reader.find(condition.kind, own, *condition.conditions, as_of=as_of)

    def _changed_since(self, kind: str) -> bool:
        # The past of a whole kind is dear; where nothing changed since, the present is the same.
        return bool(self.reader.changes(0, [kind], 1, since=self.at))


def all_hold(reader: Reader, record: Record, conditions: Sequence[Condition], at: datetime) -> bool:
    """Whether all conditions held for a record at a time."""
    follow = Then(reader, at)
    return all(holds(record, each, follow) for each in conditions)
