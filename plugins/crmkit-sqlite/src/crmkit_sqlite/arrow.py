"""Columns of a kind as Arrow, through ADBC: a third of the time that `sqlite3` takes to make them objects of Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from crmkit.schema import Field, Kind
from crmkit_sqlite.layout import column_types, expressions, quoted
from crmkit_sqlite.location import file_uri

__all__ = ["is_installed", "read"]

BATCH_ROWS = 65_536
_SPECIMEN = {"INTEGER": "0", "REAL": "0.0", "TEXT": "''"}


def is_installed() -> bool:
    """Whether ADBC is there; the extra `crmkit-sqlite[arrow]` brings it."""
    from importlib.util import find_spec

    return find_spec("adbc_driver_sqlite") is not None and find_spec("pyarrow") is not None


def read(storage: Any, kind: Kind, fields: Sequence[str], schema: Any) -> Iterator[Any]:
    """All records of a kind, these fields of them, as `pyarrow.RecordBatch`es of a schema."""
    import adbc_driver_sqlite.dbapi as adbc

    wanted = [kind.field(each) for each in fields]
    table = quoted(kind.name)
    # The driver takes a column's type from the first rows, in which all may be missing: one specimen says it.
    sql = f"SELECT {_specimens(wanted)} UNION ALL SELECT {_columns(wanted)} FROM {table}"
    uri = file_uri(storage.file, "ro")
    with closing(adbc.connect(uri)) as connection, closing(connection.cursor()) as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
        cursor.execute(sql)
        is_first = True
        for batch in cursor.fetch_record_batch():
            yield _typed(batch.slice(1) if is_first else batch, schema)
            is_first = False


def _specimens(fields: Sequence[Field]) -> str:
    return ", ".join(_SPECIMEN[sql] for each in fields for _, sql in column_types(each))


def _columns(fields: Sequence[Field]) -> str:
    found: list[str] = []
    for each in fields:
        parts = expressions(each)
        # Money sorts by its currency; its columns are the minor units first.
        found += reversed(parts) if len(parts) > 1 else parts
    return ", ".join(found)


def _typed(batch: Any, schema: Any) -> Any:
    import pyarrow as pa

    columns = [_cast(values, each.type) for values, each in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(values: Any, wanted: Any) -> Any:
    import pyarrow as pa

    if values.type == wanted:
        return values
    if pa.types.is_timestamp(wanted):
        return values.cast(pa.timestamp("us", "UTC")).cast(wanted)
    if pa.types.is_decimal(wanted):
        # The table has whole numbers of the smallest step: the same digits, with a point.
        whole = values.cast(pa.decimal128(19, 0))
        return pa.Array.from_buffers(wanted, len(whole), whole.buffers(), whole.null_count)
    return values.cast(wanted)
