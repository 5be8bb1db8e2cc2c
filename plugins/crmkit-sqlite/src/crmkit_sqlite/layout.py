"""How a kind lies in its table: columns, how values go in and out, the statements that never change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, TypeAlias

import attrs

from crmkit.errors import ValueRefused
from crmkit.records import Record
from crmkit.rows import REST, Adapter, row_columns, row_dumper, row_loader
from crmkit.schema import BASE, Field, Kind, Schema
from crmkit.types import Choice, FieldType, Scaled
from crmkit.values import format_time

__all__ = [
    "SEQ",
    "Book",
    "Table",
    "adapters",
    "dumped_json",
    "loaded",
    "quoted",
    "sql_type",
    "typed",
]

SEQ = "crm_seq"
"""The primary key of a table: rises over all kinds with each stored record; also the row of its search tokens."""

RESERVED = frozenset({SEQ, REST})
"""Columns that no field may be called like."""

Dump: TypeAlias = Callable[[Record], tuple[Any, ...]]
"""A function from a record to its row, or to some columns of it."""

dumped_json: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":")
).encode
"""JSON without spaces, as text of any script."""


_decode = json.JSONDecoder().raw_decode


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _loaded_items(text: str) -> tuple[Any, ...]:
    if text == "[]":
        return ()
    # Most are texts in which nothing is escaped: those need no parser.
    if text[:2] == '["' and text[-2:] == '"]' and "\\" not in text:
        inner = text[2:-2]
        if inner.count('"') == 2 * inner.count('","'):
            return tuple(inner.split('","'))
    return tuple(_decode(text)[0])


def _dumped_items(value: tuple[Any, ...]) -> str:
    return dumped_json(value) if value else "[]"


class _Members(dict[Any, Any]):
    """Enum members by value; a value that the class has no more is refused."""

    def __missing__(self, value: Any) -> Any:
        raise ValueRefused(
            f"{value!r} is stored and is no choice any more; raise `schema` and convert it in `upgrade`"
        )


@lru_cache(maxsize=1024)
def adapters(type_: FieldType) -> Adapter:
    """How `sqlite3` gives and takes values of a type (see `crmkit.rows`)."""
    if isinstance(type_, Scaled):
        return type_.unscaled, type_.scaled
    if isinstance(type_, Choice) and type_.enum is not None:
        members = _Members({member.value: member for member in type_.enum})
        return members.__getitem__, attrgetter("_value_")
    return _ADAPTERS.get(type_.name, (None, None))


_ADAPTERS: Mapping[str, Adapter] = {
    "flag": (bool, None),
    "datetime": (datetime.fromisoformat, format_time),
    "date": (date.fromisoformat, date.isoformat),
    "items": (_loaded_items, _dumped_items),
    "object": (json.loads, dumped_json),
}

_SQL_TYPES = {
    "flag": "INTEGER",
    "whole": "INTEGER",
    "decimal": "INTEGER",
    "money": "INTEGER",
    "number": "REAL",
}


def sql_type(type_: FieldType) -> str:
    """The declared type of a column; the currency of money is TEXT."""
    if isinstance(type_, Choice):
        return "INTEGER" if type(type_.values[0]) is int else "TEXT"
    return _SQL_TYPES.get(type_.name, "TEXT")


def column_types(field: Field) -> list[tuple[str, str]]:
    """The columns of a field with their types."""
    columns = [(field.column, sql_type(field.type))]
    if field.type.name == "money":
        columns.append((f"{field.column}__currency", "TEXT"))
    return columns


def expressions(field: Field, alias: str = "") -> tuple[str, ...]:
    """The value of a field in SQL: two for money, (currency, minor units), in the order that it sorts by."""
    place = f"{alias}." if alias else ""
    money = field.type.name == "money"
    if not field.custom:
        column = f"{place}{quoted(field.column)}"
        return (f"{place}{quoted(field.column + '__currency')}", column) if money else (column,)
    # The path is literal, so that an index on the same expression is used.
    path = f"""json_extract({place}{quoted(REST)}, '$."{field.name}"""
    return (f"{path}\".currency')", f"{path}\".minor')") if money else (f"{path}\"')",)


def loaded(field: Field, values: Sequence[Any]) -> Any:
    """The value of a field from the columns of its `expressions`."""
    if values[-1] is None:
        return None
    if field.type.name == "money":
        return field.type.load({"minor": values[1], "currency": values[0]})
    load = adapters(field.type)[0]
    return values[0] if load is None else load(values[0])


def typed(kind: Kind, record: Record, path: str) -> Any:
    """The value of a field of a record, in the field's type even if its plugin is gone."""
    value = record[path]
    plain = kind.opaque and value is not None and path not in BASE
    return kind.field(path).type.load(value) if plain else value


@attrs.frozen(eq=False)
class Table:
    """One kind in one database.

    `unknown` are fields whose columns are there though the kind declares them no more. `searched` are the fields
    whose tokens are kept, unknown ones too.
    """

    kind: Kind
    unknown: tuple[Field, ...]
    searched: tuple[Field, ...]
    columns: tuple[str, ...]
    positions: Mapping[str, tuple[int, ...]]
    tokenizers: dict[Any, Any] = attrs.field(factory=dict)
    _updates: dict[tuple[str, ...], tuple[str, Dump]] = attrs.field(factory=dict)

    @classmethod
    def of(cls, kind: Kind, unknown: Sequence[Field] = ()) -> Table:
        """The table of a kind; `unknown` as the database remembers them."""
        columns = row_columns(kind, unknown)
        places: dict[str, tuple[int, ...]] = {}
        for number, (_, field) in enumerate(columns):
            if field is not None:
                places[field.name] = (*places.get(field.name, ()), number)
        # What is not a column of its own is in the last one; an unknown value may be in either.
        last = len(columns) - 1
        places |= {each.name: (*places.get(each.name, ()), last) for each in unknown}
        searched = (*kind.searchable, *(each for each in unknown if each.options.search))
        return cls(
            kind,
            tuple(unknown),
            tuple(sorted(searched, key=lambda field: field.name)),
            tuple(name for name, _ in columns),
            places,
        )

    @cached_property
    def load(self) -> Callable[[Sequence[Any]], Record]:
        """A function from a row of `select` to a record."""
        return row_loader(self.kind, adapters, self._unknown_columns)

    @cached_property
    def dump(self) -> Dump:
        """A function from a record to a row."""
        return row_dumper(self.kind, adapters, self._unknown_columns)

    @property
    def _unknown_columns(self) -> list[Field]:
        return [each for each in self.unknown if not each.custom]

    @property
    def name(self) -> str:
        """The table, quoted."""
        return quoted(self.kind.name)

    @property
    def search(self) -> str:
        """The table of its tokens, quoted."""
        return quoted(f"{self.kind.name}__search")

    def select(self, alias: str = "r") -> str:
        """The columns that `load` takes."""
        return ", ".join(f"{alias}.{quoted(each)}" for each in self.columns)

    @cached_property
    def insert(self) -> str:
        """The statement that takes an order number and what `dump` gives."""
        names = ", ".join(map(quoted, (SEQ, *self.columns)))
        return f"INSERT INTO {self.name} ({names}) VALUES (?{', ?' * len(self.columns)})"

    def updating(self, fields: tuple[str, ...]) -> tuple[str, Dump]:
        """The statement that sets these fields, and what takes its values from a record, but for the last version."""
        known = self._updates.get(fields)
        if known is None:
            if len(self._updates) > 500:
                self._updates.clear()
            known = self._updates[fields] = self._make_update(fields)
        return known

    def _make_update(self, fields: tuple[str, ...]) -> tuple[str, Dump]:
        rest = (len(self.columns) - 1,)
        chosen = {1, 3}  # version and updated_at
        for name in fields:
            chosen.update(self.positions.get(name, rest))
        places = sorted(chosen)
        settings = ", ".join(f"{quoted(self.columns[each])} = ?" for each in places)
        sql = f"UPDATE {self.name} SET {settings} WHERE id = ? AND version = ?"
        return sql, row_dumper(self.kind, adapters, self._unknown_columns, (*places, 0))


class _Getters(dict[str, tuple[str, Callable[[Sequence[Any]], Record]]]):
    """By kind: the statement that gets a record by its id, and what loads its row; made when first used."""

    def __init__(self, table: Callable[[str], Table]) -> None:
        self._table = table

    def __missing__(self, kind: str) -> tuple[str, Callable[[Sequence[Any]], Record]]:
        table = self._table(kind)
        sql = f"SELECT {table.select()} FROM {table.name} AS r WHERE r.id = ?"
        made = self[kind] = (sql, table.load)
        return made


@attrs.frozen(eq=False)
class Book:
    """What one `prepare` found: the schema, the table of each kind, and what was compiled for them."""

    schema: Schema
    tables: Mapping[str, Table]
    cache: dict[Any, Any] = attrs.field(factory=dict)
    getters: _Getters = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "getters", _Getters(self.table))

    @classmethod
    def of(cls, schema: Schema, unknown: Mapping[str, Sequence[Field]]) -> Book:
        """The book of a schema and of the fields that the database has besides."""
        return cls(
            schema, {kind.name: Table.of(kind, unknown.get(kind.name, ())) for kind in schema}
        )

    def compiled(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made for this key, kept as long as there are not too many."""
        found = self.cache.get(key)
        if found is None:
            if len(self.cache) >= 1000:
                self.cache.clear()
            found = self.cache[key] = make()
        return found

    def table(self, kind: str) -> Table:
        """The table of a kind; an unknown one is a `QueryError` naming the nearest."""
        return self.tables[self.schema[kind].name]
