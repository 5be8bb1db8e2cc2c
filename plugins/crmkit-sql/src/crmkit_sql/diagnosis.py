"""Why the database refused a write: it names the rule that was broken, not always the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import errors as postgres

from crmkit.changes import Write
from crmkit.errors import (
    ConflictError,
    Duplicate,
    InvalidRecords,
    MissingReference,
    Problem,
    ReferencedError,
)
from crmkit.records import Record
from crmkit.schema import Field, Kind
from crmkit_sql.layout import Book, Table, columns_of, typed
from crmkit_sql.names import quoted, shortened

__all__ = [
    "index_name",
    "reference_name",
    "refuse_dangling",
    "refuse_missing",
    "refuse_not_inserted",
    "refuse_present",
    "refuse_referenced",
    "refuse_stale",
    "refuse_taken",
    "refuse_too_long",
]


def reference_name(kind: Kind, field: Field) -> str:
    """What the constraint of a reference is called."""
    return shortened(f"{kind.name}__to__{field.column}")


def index_name(kind: Kind, prefix: str, fields: Sequence[str]) -> str:
    """What the index on some fields is called; `prefix` is `one` if they are unique together, else `by`."""
    return shortened(f"{kind.name}__{prefix}__{'__'.join(kind.field(f).column for f in fields)}")


def version_of(link: Any, table: Table, id: str) -> int:
    """The version of a record, 0 if there is none."""
    found = link.row(f"SELECT version FROM {table.name} WHERE id = %s", (id,))
    return 0 if found is None else int(found[0])


def refuse_present(link: Any, table: Table, record: Record) -> None:
    """`ConflictError` if there is a record of that id."""
    actual = version_of(link, table, record.id)
    if actual:
        raise ConflictError(table.kind.name, record.id, 0, actual)


def refuse_not_inserted(
    link: Any, table: Table, records: Sequence[Record], inserted: Sequence[str]
) -> None:
    """Raise for the first record of a batch that is not among those inserted, or is there twice."""
    left = list(inserted)
    for record in records:
        if record.id in left:
            left.remove(record.id)
            continue
        refuse_present(link, table, record)
        refuse_taken(link, table, [record])


def refuse_taken(link: Any, table: Table, records: Sequence[Record]) -> None:
    """`Duplicate` for the first record whose unique values another one has."""
    for record in records:
        stored = dict(zip(table.columns, table.dump(record), strict=True))
        for names in table.kind.unique:
            columns = [c for name in names for c, _ in columns_of(table.kind.field(name))]
            if any(stored[each] is None for each in columns):
                continue
            tests = " AND ".join(f"{quoted(each)} = %s" for each in columns)
            found = link.row(
                f"SELECT id FROM {table.name} WHERE {tests} AND id <> %s",
                (*(stored[each] for each in columns), record.id),
            )
            if found:
                values = [typed(table.kind, record, name) for name in names]
                raise Duplicate(table.kind.name, names, values, found[0])


def refuse_missing(table: Table, records: Sequence[Record], error: psycopg.Error) -> None:
    """`MissingReference` for the reference that the database found to lead nowhere."""
    if not isinstance(error, postgres.ForeignKeyViolation):
        return
    detail = error.diag.message_detail or ""
    for field in table.kind.references:
        if reference_name(table.kind, field) == error.diag.constraint_name:
            for record in records:
                to = record[field.name]
                if to is not None and f"=({to})" in detail:
                    target = str(field.refers_to)
                    raise MissingReference(table.kind.name, record.id, field.name, target, to)


def refuse_too_long(table: Table, records: Sequence[Record], error: psycopg.Error) -> None:
    """`InvalidRecords` for a text that an index cannot hold: about 2,700 bytes, after compression."""
    if not isinstance(error, postgres.ProgramLimitExceeded):
        return
    kind, said = table.kind, error.diag.message_primary or ""
    names = {index_name(kind, "by", each): each for each in kind.indexes}
    names |= {index_name(kind, "one", each): each for each in kind.unique}
    # Of very long ones it does not say which index it was.
    told = [each for name, each in names.items() if f'"{name}"' in said] or names.values()
    fields = {name for each in told for name in each}
    size, id, name = max(
        (len(value.encode()), record.id, name)
        for record in records
        for name in sorted(fields)
        if isinstance(value := record[name], str)
    )
    text = (
        f"is too long with {size:,} bytes: an index of PostgreSQL holds about 2,700; shorten it, "
        "or declare the field without an index"
    )
    raise InvalidRecords([Problem(kind.name, id, name, text)])


def refuse_referenced(link: Any, book: Book, table: Table, ids: Sequence[str]) -> None:
    """`ReferencedError` for a record that others refer to which do not go with it."""
    name = table.kind.name
    for other, field in book.schema.referring(name):
        column = quoted(field.column)
        own = " AND NOT id = ANY(%s)" if other.name == name else ""
        found = link.row(
            f"SELECT {column}, id FROM {quoted(other.name)} WHERE {column} = ANY(%s){own} LIMIT 1",
            (list(ids), *([list(ids)] if own else [])),
        )
        if found:
            raise ReferencedError(name, found[0], other.name, field.name, found[1])


def refuse_dangling(link: Any, book: Book, kinds: Sequence[str]) -> None:
    """`MissingReference` for a reference of these kinds that leads nowhere at the end of a transaction."""
    for table in map(book.table, kinds):
        for field in table.kind.references:
            column, target = quoted(field.column), str(field.refers_to)
            found = link.row(
                f"SELECT r.id, r.{column} FROM {table.name} AS r WHERE r.{column} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM {quoted(target)} AS t WHERE t.id = r.{column}) LIMIT 1"
            )
            if found:
                raise MissingReference(table.kind.name, found[0], field.name, target, found[1])


def refuse_stale(link: Any, table: Table, writes: Sequence[Write], last: dict[str, int]) -> None:
    """`ConflictError` for the first record of a batch that was not at the version its writer saw.

    `last` are the versions before this batch, by the journal.
    """
    for write in writes:
        kind, id = table.kind.name, write.record.id
        expected = (write.previous or write.record).version
        actual = version_of(link, table, id)
        deleted = write.action == "delete"
        # The others of the batch are written by now, but not yet in the journal.
        before = last.get(id)
        ours = (actual == 0 and before == expected) if deleted else actual == write.record.version
        if not ours or (not deleted and before == actual):
            raise ConflictError(kind, id, expected, actual)
