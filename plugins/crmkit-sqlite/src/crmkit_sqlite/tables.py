"""What the tables of a database must be, and the steps from what they are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from crmkit.errors import SchemaError, ValueRefused
from crmkit.records import FieldOptions
from crmkit.schema import Field, Kind, Schema
from crmkit.text import TOKENS_VERSION
from crmkit.types import described
from crmkit_sqlite.faults import code_of
from crmkit_sqlite.layout import (
    RESERVED,
    SEQ,
    Table,
    adapters,
    column_types,
    dumped_json,
    expressions,
    quoted,
)
from crmkit_sqlite.tokens import token_columns, tokenizer

__all__ = ["OWN_TABLES", "Kept", "Plan", "Step", "plan"]

OWN_TABLES = """
CREATE TABLE crm_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE crm_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE crm_journal (
    position INTEGER PRIMARY KEY, "transaction" TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    version INTEGER NOT NULL, action TEXT NOT NULL, at TEXT NOT NULL, effective TEXT NOT NULL,
    actor TEXT NOT NULL, actor_type TEXT NOT NULL, actor_via TEXT NOT NULL, cause_root TEXT, cause_by TEXT,
    delta TEXT, UNIQUE (kind, id, version)
) STRICT;
INSERT INTO crm_meta VALUES ('last', '0'), ('layout', '0');
"""
"""The tables of the storage itself."""

Kept = Mapping[str, Any]
"""What the database remembers of its layout: `tokens`, and `kinds`: name -> `fields`, `searched`, `schema`."""


@attrs.frozen
class Step:
    """One thing to do: in words, and as a function of a connection."""

    text: str
    run: Callable[[sqlite3.Connection], None]


@attrs.frozen
class Plan:
    """Everything to do, what to remember then, and the fields that the database has besides, by kind."""

    steps: list[Step]
    kept: Kept
    unknown: Mapping[str, list[Field]]


def plan(schema: Schema, kept: Kept, names: frozenset[str]) -> Plan:
    """The steps to the tables of a schema, from what is remembered and the names of what is there."""
    steps: list[Step] = []
    kinds: dict[str, Any] = dict(kept.get("kinds", {}))
    unknown: dict[str, list[Field]] = {}
    stale = kept.get("tokens", TOKENS_VERSION) != TOKENS_VERSION
    for kind in schema:
        _check_names(kind)
        old = kinds.get(kind.name)
        unknown[kind.name] = _unknown(kind, old)
        table = Table.of(kind, unknown[kind.name])
        steps += [_create(table)] if old is None else _extend(table, old)
        steps += _indexes(table, names)
        steps += _search(table, stale or old is None or old["searched"] != _searched(table), names)
        kinds[kind.name] = {
            "schema": kind.schema,
            "fields": {
                **(old["fields"] if old else {}),
                **{field.name: _described(field) for field in kind.fields.values()},
            },
            "searched": _searched(table),
        }
    return Plan(steps, {"tokens": TOKENS_VERSION, "kinds": kinds}, unknown)


def _searched(table: Table) -> list[str]:
    return [field.name for field in table.searched]


def _described(field: Field) -> dict[str, Any]:
    return {**field.type.describe(), "search": field.options.search}


def _unknown(kind: Kind, old: Kept | None) -> list[Field]:
    return [
        Field(name, described(each), options=FieldOptions(search=each["search"]))
        for name, each in (old["fields"] if old else {}).items()
        if name not in kind.fields
    ]


def _check_names(kind: Kind) -> None:
    if kind.name.startswith(("crm_", "sqlite_")):
        raise SchemaError(
            f"the kind {kind.name!r} is called like tables of the storage; give it another name"
        )
    for field in kind.fields.values():
        if field.column in RESERVED:
            raise SchemaError(
                f"{kind.name}.{field.name} is called like a column of the storage; give it another name"
            )


# Tables --------------------------------------------------------------------------------------------------------


def _create(table: Table) -> Step:
    columns = [f"{SEQ} INTEGER PRIMARY KEY", "id TEXT NOT NULL UNIQUE", "version INTEGER NOT NULL"]
    columns += ["created_at TEXT NOT NULL", "updated_at TEXT NOT NULL"]
    for field in table.kind.fields.values():
        columns += [] if field.custom else _columns(field)
    sql = f"CREATE TABLE {table.name} ({', '.join([*columns, 'rest TEXT'])}) STRICT"
    return Step(f"create the table {table.kind.name}", lambda link: _run(link, sql))


def _columns(field: Field) -> list[str]:
    target = f" REFERENCES {quoted(field.refers_to)} (id)" if field.refers_to else ""
    return [f"{quoted(name)} {type_}{target}" for name, type_ in column_types(field)]


def _run(connection: sqlite3.Connection, sql: str) -> None:
    connection.execute(sql)


def _extend(table: Table, old: Kept) -> list[Step]:
    steps = []
    for field in table.kind.fields.values():
        before = old["fields"].get(field.name)
        if before is not None and not field.custom:
            _check_type(table.kind, field, before)
        elif before is None and not field.custom:
            steps.append(_add(table, field, table.kind.schema > old["schema"]))
    return steps


def _check_type(kind: Kind, field: Field, before: Mapping[str, Any]) -> None:
    was, wanted = described(before), field.type
    if _storage_class(was.describe()) != _storage_class(wanted.describe()):
        raise SchemaError(
            f"{kind.name}.{field.name} is kept as {was.name} and now declared as {wanted.name}, which its column "
            "cannot hold; give the new field another name and convert the old one in `upgrade`"
        )


def _storage_class(description: Mapping[str, Any]) -> tuple[Any, ...]:
    name = description["type"]
    if name == "choice":
        return ("text",) if isinstance(description["values"][0], str) else ("whole",)
    return (name, description.get("scale"), description.get("kind")) if name in _EXACT else (name,)


_EXACT = frozenset({"decimal", "reference"})


def _add(table: Table, field: Field, upgraded: bool) -> Step:
    def run(connection: sqlite3.Connection) -> None:
        for column in _columns(field):
            connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {column}")
        _move(connection, table, field)
        if field.required and not field.added:
            _fill(connection, table, field, upgraded)

    return Step(f"add {table.kind.name}.{field.name}", run)


def _stored(field: Field, value: Any) -> tuple[Any, ...]:
    """What the columns of a field hold."""
    if field.type.name == "money":
        return (value.minor, value.currency)
    dump = adapters(field.type)[1]
    return (value if dump is None else dump(value),)


def _setting(field: Field) -> str:
    return ", ".join(f"{quoted(name)} = ?" for name, _ in column_types(field))


def _move(connection: sqlite3.Connection, table: Table, field: Field) -> None:
    """Take values that records held before anyone declared the field into its column."""
    path = f"""'$."{field.name}"'"""
    found = connection.execute(
        f"SELECT {SEQ}, id, rest FROM {table.name} WHERE json_type(rest, {path}) IS NOT NULL"
    ).fetchall()
    for seq, id, text in found:
        rest = json.loads(text)
        try:
            value = field.type.load(rest.pop(field.name))
        except ValueRefused as error:
            raise SchemaError(
                f"{table.kind.name} {id} holds a {field.name} that does not fit its new column: it {error}; change "
                "that record while the field's plugin is disabled"
            ) from None
        connection.execute(
            f"UPDATE {table.name} SET {_setting(field)}, rest = ? WHERE {SEQ} = ?",
            (*_stored(field, value), dumped_json(rest) if rest else None, seq),
        )


def _fill(connection: sqlite3.Connection, table: Table, field: Field, upgraded: bool) -> None:
    """Give records the default of a required field that is new."""
    missing = f"{quoted(field.column)} IS NULL"
    default = field.default.factory() if hasattr(field.default, "factory") else field.default
    if default is not attrs.NOTHING and default is not None:
        values = _stored(field, field.type.accept(default))
        connection.execute(f"UPDATE {table.name} SET {_setting(field)} WHERE {missing}", values)
    elif (
        not upgraded
        and connection.execute(f"SELECT 1 FROM {table.name} WHERE {missing}").fetchone()
    ):
        raise SchemaError(
            f"{table.kind.name}.{field.name} is new and required, and there are records without it; give it a "
            "default, declare it `| None`, or raise `schema` and fill it in `upgrade`"
        )


# Indexes -------------------------------------------------------------------------------------------------------


def wanted_indexes(table: Table) -> dict[str, str]:
    """Name -> statement, of every index that a kind must have."""
    kind, found = table.kind, {}
    for unique, groups in ((False, kind.indexes), (True, kind.unique)):
        for fields in groups:
            columns = [each for name in fields for each in expressions(kind.field(name))]
            # Pages are sorted by id at last: with it in the index, no step of theirs sorts.
            columns += [] if unique or "id" in fields else ["id"]
            name = f"{kind.name}__{'one' if unique else 'by'}__{'__'.join(kind.field(f).column for f in fields)}"
            found[name] = (
                f"CREATE {'UNIQUE ' if unique else ''}INDEX {quoted(name)} ON {table.name} ({', '.join(columns)})"
            )
    return found


def _indexes(table: Table, names: frozenset[str]) -> Iterator[Step]:
    kind, wanted = table.kind, wanted_indexes(table)
    ours = [each for each in names if each.startswith(f"{kind.name}__one__")]
    for name in () if kind.opaque else sorted({*ours} - wanted.keys()):
        sql = f"DROP INDEX {quoted(name)}"
        yield Step(f"drop the index {name}", lambda link, sql=sql: _run(link, sql))  # type: ignore[misc]
    for name, sql in wanted.items():
        if name not in names:
            yield Step(
                f"create the index {name}",
                lambda link, sql=sql: _index(link, table, sql),  # type: ignore[misc]
            )


def _index(connection: sqlite3.Connection, table: Table, sql: str) -> None:
    try:
        connection.execute(sql)
    except sqlite3.IntegrityError as error:
        if code_of(error) != "SQLITE_CONSTRAINT_UNIQUE":
            raise
        for fields in table.kind.unique:
            _refuse_clash(connection, table, fields)
        raise


def _refuse_clash(connection: sqlite3.Connection, table: Table, fields: tuple[str, ...]) -> None:
    columns = [each for name in fields for each in expressions(table.kind.field(name))]
    present = " AND ".join(f"{each} IS NOT NULL" for each in columns)
    found = connection.execute(
        f"SELECT min(id), max(id) FROM {table.name} WHERE {present} GROUP BY {', '.join(columns)} "
        "HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if found:
        raise SchemaError(
            f"{table.kind.name} is to be unique by {', '.join(fields)}, and {found[0]} and {found[1]} have the same; "
            "change or merge one of them first"
        )


# Search --------------------------------------------------------------------------------------------------------


def _search(table: Table, changed: bool, names: frozenset[str]) -> Iterator[Step]:
    name = f"{table.kind.name}__search"
    if table.searched and (changed or name not in names):
        yield Step(f"build the search index of {table.kind.name}", lambda link: build(link, table))
    elif not table.searched and name in names:
        sql = f"DROP TABLE {table.search}"
        yield Step(f"drop the search index of {table.kind.name}", lambda link: _run(link, sql))


def build(connection: sqlite3.Connection, table: Table) -> None:
    """Make the search table of a kind anew from its records."""
    columns = ", ".join(map(quoted, token_columns(table.searched)))
    connection.execute(f"DROP TABLE IF EXISTS {table.search}")
    connection.execute(
        f"CREATE VIRTUAL TABLE {table.search} USING fts5({columns}, content='', columnsize=0, tokenize='ascii')"
    )
    tokens = tokenizer(table)
    rows = connection.execute(f"SELECT r.{SEQ}, {table.select()} FROM {table.name} AS r ORDER BY 1")
    found = ((row[0], tokens(table.load(row[1:]))) for row in rows)
    connection.executemany(
        f"INSERT INTO {table.search} (rowid, {columns}) VALUES (?{', ?' * len(table.searched)})",
        ((seq, *each) for seq, each in found if any(each)),
    )
