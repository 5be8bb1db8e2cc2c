"""What the tables of a database must be, and the steps from what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON

from crmkit.errors import SchemaError
from crmkit.records import FieldOptions
from crmkit.schema import Field, Kind, Schema
from crmkit.text import TOKENS_VERSION
from crmkit.types import described
from crmkit_sql.compile import Element, expressions, is_nullable
from crmkit_sql.diagnosis import index_name, reference_name
from crmkit_sql.layout import RESERVED, Table
from crmkit_sql.names import shortened, tokens_column

__all__ = ["FORMAT", "Index", "Kept", "Plan", "Step", "plan", "wanted_indexes"]

FORMAT = 1
"""The format of the tables, kept in `crm_meta`; a higher one is refused."""

Kept = Mapping[str, Any]
"""What the database remembers of its layout: `tokens`, and `kinds`: name -> `fields`, `searched`, `schema`."""

Run = Callable[[Any], None]
"""Something to do with `crmkit_sql.migrating.Migration`."""


@attrs.frozen
class Step:
    """One thing to do: in words, and as a function of a migration."""

    text: str
    run: Run


@attrs.frozen
class Plan:
    """Everything to do, what to remember then, and the fields that the database has besides, by kind."""

    steps: list[Step]
    kept: Kept
    unknown: Mapping[str, list[Field]]


@attrs.frozen
class Index:
    """An index that a kind must have: expressions, and whether they may be missing: then that stands first."""

    name: str
    expressions: tuple[tuple[Element, bool], ...]
    unique: tuple[str, ...] = ()
    vectors: bool = False


def plan(schema: Schema, kept: Kept, indexes: frozenset[str]) -> Plan:
    """The steps to the tables of a schema, from what is remembered and the names of the indexes that are there."""
    first: list[Step] = []
    then: list[Step] = []
    last: list[Step] = []
    kinds: dict[str, Any] = dict(kept.get("kinds", {}))
    unknown: dict[str, list[Field]] = {}
    stale = kept.get("tokens", TOKENS_VERSION) != TOKENS_VERSION
    for kind in schema:
        _check_names(kind)
        old = kinds.get(kind.name)
        unknown[kind.name] = _unknown(kind, old)
        table = Table.of(kind, unknown[kind.name])
        first += [_create(table)] if old is None else _extend(table, old)
        then += _references(table, old)
        last += _indexes(table, indexes)
        last += _search(table, old, stale, indexes)
        kinds[kind.name] = {
            "schema": kind.schema,
            "fields": {
                **(old["fields"] if old else {}),
                **{field.name: _described(field) for field in kind.fields.values()},
            },
            "searched": _searched(table),
        }
    return Plan([*first, *then, *last], {"tokens": TOKENS_VERSION, "kinds": kinds}, unknown)


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
    if kind.name.startswith(("crm_", "pg_")):
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
    return Step(f"create the table {table.kind.name}", lambda to: to.create_table(table))


def _extend(table: Table, old: Kept) -> Iterator[Step]:
    for field in table.kind.fields.values():
        before = old["fields"].get(field.name)
        if before is not None and not field.custom:
            _check_type(table.kind, field, before)
        elif before is None and not field.custom:
            upgraded = table.kind.schema > old["schema"]
            text = f"add {table.kind.name}.{field.name}"
            yield Step(text, lambda to, f=field, u=upgraded: to.add_field(table, f, u))  # type: ignore[misc]


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


def _references(table: Table, old: Kept | None) -> Iterator[Step]:
    known = old["fields"] if old else {}
    for field in table.kind.references:
        if field.name not in known and not field.custom:
            name = reference_name(table.kind, field)
            text = f"let {table.kind.name}.{field.name} refer to {field.refers_to}"
            yield Step(text, lambda to, f=field, n=name: to.add_reference(table, f, n))  # type: ignore[misc]


# Indexes -------------------------------------------------------------------------------------------------------


def wanted_indexes(kind: Kind) -> dict[str, tuple[Sequence[str], bool]]:
    """By name, every index that a kind must have, search apart: its fields, and whether they are unique."""
    found: dict[str, tuple[Sequence[str], bool]] = {}
    found |= {index_name(kind, "by", fields): (fields, False) for fields in kind.indexes}
    return found | {index_name(kind, "one", fields): (fields, True) for fields in kind.unique}


def _index(table: Table, name: str, fields: Sequence[str], unique: bool) -> Index:
    if unique:
        return Index(name, _of(table, fields, ()), unique=tuple(fields))
    # Pages are sorted by id at last: with it in the index, no step of theirs sorts.
    return Index(name, _of(table, fields, () if "id" in fields else ("id",)))


def _of(
    table: Table, fields: Sequence[str], more: Sequence[str]
) -> tuple[tuple[Element, bool], ...]:
    found = [table.kind.field(name) for name in (*fields, *more)]
    return tuple(
        (each, is_nullable(table.kind, field))
        for field in found
        for each in expressions(field, table.table)
    )


def _indexes(table: Table, names: frozenset[str]) -> Iterator[Step]:
    kind, wanted = table.kind, wanted_indexes(table.kind)
    ours = [each for each in names if each.startswith(f"{kind.name}__one__")]
    for name in () if kind.opaque else sorted({*ours} - wanted.keys()):
        yield Step(f"drop the index {name}", lambda to, n=name: to.drop_index(n))  # type: ignore[misc]
    for name, (fields, unique) in wanted.items():
        if name not in names:
            text, index = f"create the index {name}", _index(table, name, fields, unique)
            yield Step(text, lambda to, i=index: to.create_index(table, i))  # type: ignore[misc]


# Search --------------------------------------------------------------------------------------------------------


def search_index(kind: Kind) -> str:
    """The name of the index of a kind's tokens."""
    return shortened(f"{kind.name}__search")


def _vectors(table: Table) -> Index:
    vectors = tuple((table.table.c[tokens_column(each)], True) for each in table.searched)
    return Index(search_index(table.kind), vectors, vectors=True)


def _search(table: Table, old: Kept | None, stale: bool, names: frozenset[str]) -> Iterator[Step]:
    name = search_index(table.kind)
    there = [] if old is None else old["searched"]
    wanted = _searched(table)
    if wanted and (stale or there != wanted or name not in names):
        known = [] if stale else there
        fresh = [each for each in table.searched if each.name not in known]
        text, index = f"build the search index of {table.kind.name}", _vectors(table)
        yield Step(text, lambda to: to.build_search(table, index, fresh))
    elif not wanted and name in names:
        text = f"drop the search index of {table.kind.name}"
        yield Step(text, lambda to: to.drop_index(name))


def own_tables() -> dict[str, list[Any]]:
    """The tables of the storage itself: columns and constraints by name."""
    text = sa.Text(collation="C")

    def required(*names: str, type_: Any = text) -> list[Any]:
        return [sa.Column(name, type_, nullable=False) for name in names]

    def keyed(name: str) -> list[Any]:
        return [sa.Column(name, text, primary_key=True), *required("value")]

    number, moment = sa.BigInteger(), sa.DateTime(timezone=True)
    return {
        "crm_meta": keyed("name"),
        "crm_state": keyed("key"),
        "crm_journal": [
            sa.Column("position", number, primary_key=True, autoincrement=False),
            *required("transaction", "kind", "id"),
            *required("version", type_=number),
            *required("action"),
            *required("at", "effective", type_=moment),
            *required("actor", "actor_type", "actor_via"),
            sa.Column("cause_root", text),
            sa.Column("cause_by", JSON()),
            sa.Column("delta", JSON()),
            sa.UniqueConstraint("kind", "id", "version", name="crm_journal__one"),
        ],
    }
