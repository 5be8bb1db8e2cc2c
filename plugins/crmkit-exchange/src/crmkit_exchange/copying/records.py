"""Batches of records in which no reference leads to one that is neither in them nor there already."""

from __future__ import annotations

from collections.abc import Iterable

from crmkit.changes import Document
from crmkit.codec import dump_document
from crmkit.query import Query
from crmkit.records import Record
from crmkit.schema import Schema
from crmkit.storage import Reads
from crmkit_exchange.full.exporting import in_order

__all__ = ["Batches"]


class Batches:
    """Reads the records of a database in batches; `order` are its kinds, those that others refer to first."""

    def __init__(self, schema: Schema, source: Reads, size: int) -> None:
        self.order = in_order(schema)
        self._schema = schema
        self._source = source
        self._size = size
        self._place = {name: number for number, name in enumerate(self.order)}
        # Those that a record before them may need: they come along with it, and are passed over later.
        self._needed = {
            str(field.refers_to)
            for kind in schema
            for field in kind.references
            if self._place[str(field.refers_to)] >= self._place[kind.name]
        }

    def batch(
        self, name: str, after: str | None, there: Reads
    ) -> tuple[list[tuple[str, Document]], int, str | None]:
        """Documents of a kind behind a cursor with what they need, how many records that went over, and the next cursor.

        Those that are `there` already are left out.
        """
        page = self._source.page(Query(name, limit=self._size, after=after))
        found = self._missing(name, page.records, there)
        batch = {(name, each.id): each for each in found}
        fresh = list(batch.values())
        while fresh:
            fresh = self._wanted(fresh, batch, there)
            batch |= {(each.__kind__, each.id): each for each in fresh}
        documents = [
            (kind, dump_document(self._schema[kind], record)) for (kind, _), record in batch.items()
        ]
        return documents, len(page), page.after

    def _missing(self, name: str, records: Iterable[Record], there: Reads) -> list[Record]:
        found = list(records)
        if name not in self._needed or not found:
            return found
        known = there.get(name, [each.id for each in found])
        return [each for each, had in zip(found, known, strict=True) if had is None]

    def _wanted(
        self, records: Iterable[Record], batch: dict[tuple[str, str], Record], there: Reads
    ) -> list[Record]:
        """The records that these refer to and that are neither in the batch nor there."""
        wanted: dict[str, dict[str, None]] = {}
        for record in records:
            for field in self._schema[record.__kind__].references:
                target, id = str(field.refers_to), record[field.name]
                behind = self._place[target] >= self._place[record.__kind__]
                if id is not None and behind and (target, id) not in batch:
                    wanted.setdefault(target, {})[id] = None
        found: list[Record] = []
        for target, ids in wanted.items():
            had = there.get(target, list(ids))
            left = [id for id, each in zip(ids, had, strict=True) if each is None]
            found += [each for each in self._source.get(target, left) if each is not None]
        return found
