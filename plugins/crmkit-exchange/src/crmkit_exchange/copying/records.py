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
        self._early = {found for name in self.order for found in self._drawn_in(name)}

    def _drawn_in(self, name: str) -> set[str]:
        """The kinds, not whole by then, of which records come along with those of this one: passed over later."""
        found: set[str] = set()
        left = [name]
        while left:
            targets = {str(field.refers_to) for field in self._schema[left.pop()].references}
            fresh = {each for each in targets - found if self._place[each] >= self._place[name]}
            found |= fresh
            left += fresh
        return found

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
            fresh = self._wanted(fresh, self._place[name], there)
        return len(page), page.after

    def _missing(self, name: str, records: Sequence[Record], there: Reads) -> list[Record]:
        if name not in self._early or not records:
            return list(records)
        known = there.get(name, [each.id for each in records])
        return [each for each, had in zip(records, known, strict=True) if had is None]

    def _wanted(self, written: Sequence[Record], place: int, there: Reads) -> list[Record]:
        """The records that these refer to and that are not there yet; kinds before this place are whole."""
        had = {(each.__kind__, each.id) for each in written}
        wanted: dict[str, dict[str, None]] = {}
        for record in written:
            for field in self._schema[record.__kind__].references:
                target, id = str(field.refers_to), record[field.name]
                whole = self._place[target] < place
                if id is not None and not whole and (target, id) not in had:
                    wanted.setdefault(target, {})[id] = None
        found: list[Record] = []
        for target, ids in wanted.items():
            known = there.get(target, list(ids))
            left = [id for id, each in zip(ids, known, strict=True) if each is None]
            found += [each for each in self._source.get(target, left) if each is not None]
        return found
