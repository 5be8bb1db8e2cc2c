"""The process that reads columns through ADBC: asked on its standard input, it answers on its output as Arrow's stream.

Asked in JSON: `uri` of the file, `sql`, `rows` of a batch, and for how many milliseconds to `wait` for who has it locked.
"""

from __future__ import annotations

import json
import sys

__all__ = ["main"]


def main() -> None:
    """Answer."""
    import adbc_driver_manager as adbc
    import adbc_driver_sqlite
    import pyarrow as pa

    asked = json.load(sys.stdin.buffer)
    with (
        adbc_driver_sqlite.connect(asked["uri"]) as database,
        adbc.AdbcConnection(database) as connection,
        adbc.AdbcStatement(connection) as statement,
    ):
        statement.set_sql_query(f"PRAGMA busy_timeout = {asked['wait']:d}")
        statement.execute_query()
        rows = adbc_driver_sqlite.StatementOptions.BATCH_ROWS.value
        statement.set_options(**{rows: str(asked["rows"])})
        statement.set_sql_query(asked["sql"])
        stream, _ = statement.execute_query()
        batches = pa.RecordBatchReader.from_stream(stream)
        with pa.ipc.new_stream(sys.stdout.buffer, batches.schema) as answer:
            for batch in batches:
                answer.write_batch(batch)
