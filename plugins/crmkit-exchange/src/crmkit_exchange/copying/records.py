"""Records on their way, in batches in which no reference leads to one that is neither in them nor there already."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit import Query, Record
from crmkit.codec import dump_document
from crmkit.schema import Schema
from crmkit.storage import Reads, Transaction
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

    def write(self, name: str, after: str | None, there: Transaction) -> tuple[int, str | None]:
        """Write the records of a kind behind a cursor, with what they refer to, but for those that are there already.

        Returns how many of the kind that went over, and the next cursor, None at the end. What they refer to is
        written round by round, so that a long chain of references is not held either.
        """
        page = self._source.page(Query(name, limit=self._size, after=after))
        fresh = self._missing(name, page.records, there)
        while fresh:
            documents = [
                (each.__kind__, dump_document(self._schema[each.__kind__], each)) for each in fresh
            ]
            there.restore(documents, [])
            fresh = self._wanted(fresh, there)
        return len(page), page.after

    def _missing(self, name: str, records: Sequence[Record], there: Reads) -> list[Record]:
        if name not in self._needed or not records:
            return list(records)
        known = there.get(name, [each.id for each in records])
        return [each for each, had in zip(records, known, strict=True) if had is None]

    def _wanted(self, written: Sequence[Record], there: Reads) -> list[Record]:
        """The records that these refer to and that are not there yet."""
        had = {(each.__kind__, each.id) for each in written}
        wanted: dict[str, dict[str, None]] = {}
        for record in written:
            for field in self._schema[record.__kind__].references:
                target, id = str(field.refers_to), record[field.name]
                behind = self._place[target] >= self._place[record.__kind__]
                if id is not None and behind and (target, id) not in had:
                    wanted.setdefault(target, {})[id] = None
        found: list[Record] = []
        for target, ids in wanted.items():
            known = there.get(target, list(ids))
            left = [id for id, each in zip(ids, known, strict=True) if each is None]
            found += [each for each in self._source.get(target, left) if each is not None]
        return found
