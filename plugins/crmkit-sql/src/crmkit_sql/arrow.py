"""Columns of a kind as Arrow, through ADBC, which copies them out of PostgreSQL in binary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from crmkit.schema import Kind
from crmkit_sql.layout import columns_of
from crmkit_sql.names import quoted

__all__ = ["is_installed", "read"]


def is_installed() -> bool:
    """Whether ADBC is there; the extra `crmkit-sql[arrow]` brings it."""
    from importlib.util import find_spec

    return find_spec("adbc_driver_postgresql") is not None and find_spec("pyarrow") is not None


def read(storage: Any, kind: Kind, fields: Sequence[str], schema: Any) -> Iterator[Any]:
    """All records of a kind, these fields of them, as `pyarrow.RecordBatch`es of a schema."""
    import adbc_driver_postgresql.dbapi as adbc

    columns = [name for each in fields for name, _ in columns_of(kind.field(each))]
    names = ", ".join(map(quoted, columns))
    location = storage.location
    with (
        closing(adbc.connect(_uri(location))) as connection,
        closing(connection.cursor()) as cursor,
    ):
        if location.schema:
            cursor.execute(f"SET search_path TO {quoted(location.schema)}")
        cursor.execute(f"SELECT {names} FROM {quoted(kind.name)}")
        for batch in cursor.fetch_record_batch():
            yield _typed(batch, schema)


def _uri(location: Any) -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo(**location.parameters)


def _typed(batch: Any, schema: Any) -> Any:
    import pyarrow as pa

    columns = [_cast(values, each.type) for values, each in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(values: Any, wanted: Any) -> Any:
    import pyarrow as pa

    if isinstance(values, pa.ExtensionArray):  # JSON and numbers with decimals come as text
        values = values.storage
    if pa.types.is_timestamp(wanted) and not pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us", "UTC"))
    return values if values.type == wanted else values.cast(wanted)
