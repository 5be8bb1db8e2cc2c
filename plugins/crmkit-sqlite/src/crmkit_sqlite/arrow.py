"""Columns of a kind as Arrow, through ADBC: a third of the time that `sqlite3` takes to make them objects of Python.

ADBC brings an SQLite of its own, and two of them must not have one file open in one process: the locks of a process are
the system's, and whichever closes the file lets go of those of the other, a writer's too
(https://sqlite.org/howtocorrupt.html, "Multiple copies of SQLite linked into the same application"). So another process
reads, `crmkit_sqlite.arrow_process`, which also leaves this one free to write what is read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import spawn
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from crmkit.errors import BackendError
from crmkit.schema import Field, Kind
from crmkit_sqlite.layout import column_types, expressions, quoted
from crmkit_sqlite.location import file_uri

__all__ = ["MANY", "can_read", "read", "read_journal"]

MANY = 20_000
"""From so many records on another process is quicker: it takes a third of a second to begin."""

BATCH_ROWS = 65_536
PIPE_SIZE = 2**20
"""Bytes on their way, where the system lets one choose: fewer turns between the two processes."""

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from crmkit_sqlite.arrow_process import main; main()"
)
_SPECIMEN = {"INTEGER": "0", "REAL": "0.0", "TEXT": "''"}


def can_read() -> bool:
    """Whether ADBC is there (the extra `crmkit-sqlite[arrow]` brings it), and Python can be run."""
    from importlib.util import find_spec

    # In an app that has Python built in, as some web servers have, the program is another one.
    is_python = Path(_program()).name.startswith(("python", "pypy"))
    return is_python and all(map(find_spec, ("adbc_driver_sqlite", "pyarrow")))


def _program() -> str:
    """What runs Python; `multiprocessing.set_executable` says otherwise."""
    return os.fsdecode(spawn.get_executable() or "")


def read(storage: Any, kind: Kind, fields: Sequence[str], schema: Any) -> Iterator[Any]:
    """All records of a kind, these fields of them, as `pyarrow.RecordBatch`es of a schema.

    Raises `BackendError` if the other process cannot read them.
    """
    wanted = [kind.field(each) for each in fields]
    types = [sql for each in wanted for _, sql in column_types(each)]
    return _rows(storage, types, f"{_columns(wanted)} FROM {quoted(kind.name)}", schema)


def read_journal(storage: Any, until: int, schema: Any) -> Iterator[Any]:
    """The changes up to a position, as `pyarrow.RecordBatch`es of a schema, whose columns are the journal's.

    Raises as `read`.
    """
    types = ["INTEGER" if each in ("position", "version") else "TEXT" for each in schema.names]
    columns = ", ".join("actor_via" if each == "via" else each for each in schema.names)
    source = f"{columns} FROM crm_journal WHERE position <= {until:d}"
    return _rows(storage, types, source, schema)


def _rows(storage: Any, types: Sequence[str], source: str, schema: Any) -> Iterator[Any]:
    import pyarrow as pa

    # The driver takes a column's type from the first rows, in which all may be missing: one specimen says it.
    sql = f"SELECT {', '.join(map(_SPECIMEN.__getitem__, types))} UNION ALL SELECT {source}"
    asked = {"uri": file_uri(storage.file, "ro"), "sql": sql, "rows": BATCH_ROWS}
    asked["wait"] = int(storage.timeout * 1_000)
    command = [_program(), "-P", "-c", _CODE, json.dumps([*map(str, sys.path)])]
    said = b""
    try:
        with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, pipesize=PIPE_SIZE) as process:
            try:
                yield from _answered(process, asked, schema)
            finally:
                process.kill()
                said = process.stderr.read() if process.stderr else b""
    except (OSError, pa.ArrowInvalid) as error:
        why = said.decode(errors="replace").strip().rpartition("\n")[2] or str(error)
        raise BackendError(
            f"another process could not read {storage.place}: {why}; report it, or uninstall adbc-driver-sqlite to "
            "read without it"
        ) from error


def _answered(process: Popen[bytes], asked: Mapping[str, Any], schema: Any) -> Iterator[Any]:
    import pyarrow as pa

    assert process.stdin is not None
    with process.stdin as to:
        to.write(json.dumps(asked).encode())
    with pa.ipc.open_stream(process.stdout) as batches:
        for number, batch in enumerate(batches):
            yield _typed(batch if number else batch.slice(1), schema)
    # A stream that just stops looks like one that is at its end.
    if process.wait():
        raise OSError(f"it ended with {process.returncode}")


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
