"""The tables of the engine: made from Arrow, changed record by record, and what is remembered of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import attrs

__all__ = ["KEY", "Kept", "Tables"]

KEY = "crm_key"
"""A number made of each record's id: finding a hundred of a million numbers is a tenth of the work of texts."""

_KEPT = "crm_kept"
LAYOUT = 1
"""Raised when the tables are made otherwise: then all are made anew."""


@attrs.frozen
class Kept:
    """What is remembered of a table: what it is made of, the journal's position that it has, and the change there."""

    made_of: str
    position: int
    mark: str


class Tables:
    """The tables behind one connection to DuckDB (`con`, of Ibis)."""

    def __init__(self, con: Any) -> None:
        self.con = con
        self._raw = con.con
        # Ids hardly get smaller by compressing them, which takes longer than all the rest; rows have no order here.
        self._raw.execute("SET force_compression = 'uncompressed'")
        self._raw.execute("SET preserve_insertion_order = false")
        self._names = set(con.list_tables())

    def kept(self) -> dict[str, Kept]:
        """What is remembered of each table; nothing if it was made by another version."""
        if _KEPT not in self._names:
            return {}
        [text] = self.con.table(_KEPT).to_pyarrow()["kept"].to_pylist()
        found = json.loads(text)
        if found["layout"] != LAYOUT:
            return {}
        known = {name: Kept(**each) for name, each in found["tables"].items()}
        return {name: each for name, each in known.items() if name in self._names}

    def keep(self, kept: Mapping[str, Kept]) -> None:
        """Remember this in place of what was remembered."""
        import pyarrow as pa

        found = {name: attrs.asdict(each) for name, each in kept.items()}
        text = json.dumps({"layout": LAYOUT, "tables": found}, ensure_ascii=False)
        self.make(_KEPT, [pa.RecordBatch.from_pydict({"kept": [text]})])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in the block, or nothing of it."""
        self._raw.begin()
        try:
            yield
        except BaseException:
            self._raw.rollback()
            raise
        self._raw.commit()

    def make(self, name: str, batches: Iterable[Any]) -> None:
        """Make a table of these batches, in place of one of that name; with a key if its rows have an `id`."""
        self.con.drop_table(name, force=True)
        with self._relation(batches) as rows:
            rows.create(name)
        self._names.add(name)

    def add(self, name: str, batches: Iterable[Any]) -> None:
        """Add rows to a table."""
        with self._relation(batches) as rows:
            rows.insert_into(name)

    def remove(self, name: str, ids: Sequence[str]) -> None:
        """Remove the rows of these records."""
        import sqlglot.expressions as sge

        if not ids:
            return
        keys = [sge.Literal.number(each) for each in self._keys(ids)]
        texts = [sge.Literal.string(each) for each in ids]
        where = sge.and_(_among(KEY, keys), _among("id", texts))
        gone = sge.delete(sge.to_identifier(name, quoted=True), where=where)
        self._raw.execute(gone.sql("duckdb"))

    def _keys(self, ids: Sequence[str]) -> list[int]:
        import pyarrow as pa

        table = pa.table({"id": pa.array(ids, pa.string())})
        return [key for (key,) in self._raw.from_arrow(table).select(_key()).fetchall()]

    @contextmanager
    def _relation(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches as rows to be written in the block; what reading them raises is raised as it is."""
        import duckdb
        import pyarrow as pa

        failures: list[Exception] = []
        rest = _watched(batches, failures)
        first = next(rest)
        reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], rest))
        found = self._raw.from_arrow(reader)
        if "id" in first.schema.names:
            found = found.select(duckdb.StarExpression(), _key())
        try:
            yield found
        except duckdb.Error as error:  # which has words of its own for what goes wrong in Python
            raise failures[0] if failures else error from None


def _watched(batches: Iterable[Any], failures: list[Exception]) -> Iterator[Any]:
    try:
        yield from batches
    except Exception as error:
        failures.append(error)
        raise


def _among(column: str, values: Sequence[Any]) -> Any:
    import sqlglot.expressions as sge

    return sge.In(this=sge.column(column, quoted=True), expressions=list(values))


def _key() -> Any:
    import duckdb

    return duckdb.FunctionExpression("hash", duckdb.ColumnExpression("id")).alias(KEY)
