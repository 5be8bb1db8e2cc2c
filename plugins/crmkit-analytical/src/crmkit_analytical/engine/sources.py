"""What a table of the engine is made of: the records of a kind, what some fields of them were, or the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import attrs

from crmkit import CRM, SchemaError, where
from crmkit_analytical.engine.columns import arrow_schema, plain_batches, read_batches
from crmkit_analytical.engine.journal import (
    JOURNAL,
    history_batches,
    history_name,
    journal_batches,
    pages,
    read_journal,
)
from crmkit_analytical.engine.tables import Tables

__all__ = ["History", "Journal", "Records", "Source"]

AT_ONCE = 1_000
"""How many records are read again by their ids at once."""

TOO_MANY = 50_000
"""From this many changed records on a kind is read anew, which is quicker then."""


class Source(Protocol):
    """What one table is made of."""

    @property
    def name(self) -> str:
        """The table's."""

    def made_of(self, crm: CRM) -> str:
        """What tells this table from one of the same name with other columns."""

    def total(self, crm: CRM) -> int:
        """About how many rows it has, for who waits."""

    def whole(self, crm: CRM, until: int) -> Iterator[Any]:
        """All of it as `pyarrow.RecordBatch`es, at least one; the journal up to a position."""

    def catch_up(self, crm: CRM, tables: Tables, after: int, until: int) -> bool:
        """Bring it from one position of the journal to another; False if it is better made anew."""


@attrs.frozen
class Records:
    """The records of a kind as they are now: some of their fields. Personal data stays in the database."""

    kind: str
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        """The kind's."""
        return self.kind

    def made_of(self, crm: CRM) -> str:
        """The columns and their types. Raises `SchemaError` for a field with personal data."""
        kind = crm.schema[self.kind]
        for field in map(kind.field, self.fields):
            if field.options.personal:
                raise SchemaError(
                    f"{kind.name}.{field.name} holds personal data, which the engine does not copy; "
                    "take the id, and look the value up when it is shown"
                )
        return str(arrow_schema(kind, self.fields))

    def total(self, crm: CRM) -> int:
        """All records."""
        return crm.count(self.kind)

    def whole(self, crm: CRM, until: int) -> Iterator[Any]:
        """All records, as fast as the storage can."""
        import pyarrow as pa

        kind = crm.schema[self.kind]
        schema = arrow_schema(kind, self.fields)
        yield pa.RecordBatch.from_pylist([], schema=schema)
        yield from read_batches(crm, kind, self.fields)

    def catch_up(self, crm: CRM, tables: Tables, after: int, until: int) -> bool:
        """Those that changed are read again, whatever happened to them."""
        touched: dict[str, None] = {}
        for page in pages(crm, [self.kind], after, until):
            touched.update(dict.fromkeys(each.id for each in page))
            if len(touched) > TOO_MANY:
                return False
        kind, ids = crm.schema[self.kind], [*touched]
        for begin in range(0, len(ids), AT_ONCE):
            some = ids[begin : begin + AT_ONCE]
            tables.remove(self.name, some)
            for batch in plain_batches(crm, kind, self.fields, where.id.in_(some)):
                tables.add(self.name, [batch])
        return True


@attrs.frozen
class History:
    """What some fields of a kind's records were before and after each change of them."""

    kind: str
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        """The kind's, and that it is the past."""
        return history_name(self.kind)

    def made_of(self, crm: CRM) -> str:
        """The fields."""
        return ", ".join(crm.schema[self.kind].field(each).name for each in self.fields)

    def total(self, crm: CRM) -> int:
        """All changes."""
        return crm.storage.count_changes(0, [self.kind])

    def whole(self, crm: CRM, until: int) -> Iterator[Any]:
        """From the journal's beginning."""
        return history_batches(crm, crm.schema[self.kind], self.fields, 0, until)

    def catch_up(self, crm: CRM, tables: Tables, after: int, until: int) -> bool:
        """What was added; a redaction changes what was before it."""
        for page in pages(crm, [self.kind], after, until):
            if any(each.action == "redact" for each in page):
                return False
        tables.add(
            self.name, history_batches(crm, crm.schema[self.kind], self.fields, after, until)
        )
        return True


@attrs.frozen
class Journal:
    """Who did what when."""

    @property
    def name(self) -> str:
        """The journal."""
        return JOURNAL

    def made_of(self, crm: CRM) -> str:
        """Always the same."""
        return "every change"

    def total(self, crm: CRM) -> int:
        """All changes."""
        return crm.storage.count_changes()

    def whole(self, crm: CRM, until: int) -> Iterator[Any]:
        """From its beginning."""
        return read_journal(crm, until)

    def catch_up(self, crm: CRM, tables: Tables, after: int, until: int) -> bool:
        """What was added."""
        tables.add(self.name, journal_batches(crm, after, until))
        return True
