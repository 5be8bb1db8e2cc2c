"""Columns of a kind as Arrow, through ADBC, which copies them out of PostgreSQL in binary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crmkit.schema import Kind
from crmkit_sql.layout import columns_of
from crmkit_sql.names import quoted

__all__ = ["is_installed", "read", "read_journal"]


def is_installed() -> bool:
    """Whether ADBC is there; the extra `crmkit-sql[arrow]` brings it."""
    from importlib.util import find_spec

    return find_spec("adbc_driver_postgresql") is not None and find_spec("pyarrow") is not None


def read(storage: Any, kind: Kind, fields: Sequence[str], schema: Any) -> Iterator[Any]:
    """All records of a kind, these fields of them, as `pyarrow.RecordBatch`es of a schema."""
    columns = [name for each in fields for name, _ in columns_of(kind.field(each))]
    return _rows(storage, columns, quoted(kind.name), schema)


def read_journal(storage: Any, until: int, schema: Any) -> Iterator[Any]:
    """The changes up to a position, as `pyarrow.RecordBatch`es of a schema, whose columns are the journal's."""
    columns = ["actor_via" if each == "via" else each for each in schema.names]
    return _rows(storage, columns, f"crm_journal WHERE position <= {until:d}", schema)


def _rows(storage: Any, columns: Sequence[str], source: str, schema: Any) -> Iterator[Any]:
    # Not through their DB-API, which imports pandas where that is installed.
    import adbc_driver_manager as adbc
    import adbc_driver_postgresql
    import pyarrow as pa

    location = storage.location
    with (
        adbc_driver_postgresql.connect(_uri(location)) as database,
        adbc.AdbcConnection(database) as connection,
        adbc.AdbcStatement(connection) as statement,
    ):
        if location.schema:
            statement.set_sql_query(f"SET search_path TO {quoted(location.schema)}")
            statement.execute_update()
        statement.set_sql_query(f"SELECT {', '.join(map(quoted, columns))} FROM {source}")
        stream, _ = statement.execute_query()
        for batch in pa.RecordBatchReader.from_stream(stream):
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
