"""How a kind lies in its table: columns, how values go in and out, the statements that never change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, TSVECTOR

from crmkit.errors import ValueRefused
from crmkit.records import Record
from crmkit.rows import REST, Adapter, row_columns, row_dumper, row_loader
from crmkit.schema import BASE, Field, Kind, Schema
from crmkit.types import Choice, FieldType, Scaled
from crmkit_sql.names import TEXT, cell, listed, quoted, spelt, tokens_column

__all__ = [
    "RESERVED",
    "SEQ",
    "Book",
    "Table",
    "adapters",
    "columns_of",
    "dumped_json",
    "sql_type",
    "typed",
]

SEQ = "crm_seq"
"""The primary key of a table: rises over all kinds with each stored record."""

RESERVED = frozenset(
    {SEQ, REST, "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid"}  # PostgreSQL's own
)
"""Columns that no field may be called like."""

dumped_json: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":")
).encode
"""JSON without spaces, as text of any script."""


# Types ---------------------------------------------------------------------------------------------------------


class _Members(dict[Any, Any]):
    """Enum members by value; a value that the class has no more is refused."""

    def __missing__(self, value: Any) -> Any:
        raise ValueRefused(
            f"{value!r} is stored and is no choice any more; raise `schema` and convert it in `upgrade`"
        )


def _loaded_items(text: str) -> tuple[Any, ...]:
    if text == "[]":
        return ()
    # Most are texts in which nothing is escaped: those need no parser.
    if text[:2] == '["' and text[-2:] == '"]' and "\\" not in text:
        words = text[2:-2].split('","')
        if not any('"' in word for word in words):
            return tuple(words)
    return tuple(json.loads(text))


@lru_cache(maxsize=1024)
def adapters(type_: FieldType) -> Adapter:
    """How psycopg gives and takes values of a type (see `crmkit.rows`): most as they are."""
    if isinstance(type_, Choice) and type_.enum is not None:
        members = _Members({member.value: member for member in type_.enum})
        return members.__getitem__, attrgetter("_value_")
    if isinstance(type_, Scaled):
        # The driver takes what is in the column, and that has all the decimals.
        return None, None
    return _ADAPTERS.get(type_.name, (None, None))


_ADAPTERS: Mapping[str, Adapter] = {
    "items": (_loaded_items, dumped_json),
    "object": (json.loads, dumped_json),
}

_SQL_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "flag": sa.Boolean(),
    "whole": sa.BigInteger(),
    "money": sa.BigInteger(),
    "number": sa.Double(),
    "datetime": sa.DateTime(timezone=True),
    "date": sa.Date(),
    # As text, not taken apart: JSONB would sort the keys and make whole numbers of large floats.
    "items": JSON(),
    "object": JSON(),
}


def sql_type(type_: FieldType) -> sa.types.TypeEngine[Any]:
    """The declared type of a column; the currency of money is text."""
    if isinstance(type_, Scaled):
        return sa.Numeric(max(19, type_.scale), type_.scale)
    if isinstance(type_, Choice):
        return sa.BigInteger() if type(type_.values[0]) is int else TEXT
    return _SQL_TYPES.get(type_.name, TEXT)


def columns_of(field: Field) -> list[tuple[str, sa.types.TypeEngine[Any]]]:
    """The columns of a field with their types."""
    columns = [(field.column, sql_type(field.type))]
    if field.type.name == "money":
        columns.append((f"{field.column}__currency", TEXT))
    return columns


def typed(kind: Kind, record: Record, path: str) -> Any:
    """The value of a field of a record, in the field's type even if its plugin is gone."""
    value = record[path]
    plain = kind.opaque and value is not None and path not in BASE
    return kind.field(path).type.load(value) if plain else value


# Tables --------------------------------------------------------------------------------------------------------

_BASE_TYPES = (TEXT, sa.BigInteger(), sa.DateTime(timezone=True), sa.DateTime(timezone=True))


@attrs.frozen(eq=False)
class Table:
    """One kind in one database.

    `unknown` are fields whose columns are there though the kind declares them no more. `searched` are the fields
    whose tokens are kept, unknown ones too. `columns` are those of a row (`crmkit.rows`), with their types.
    """

    kind: Kind
    unknown: tuple[Field, ...]
    searched: tuple[Field, ...]
    columns: tuple[str, ...]
    types: tuple[sa.types.TypeEngine[Any], ...]
    positions: Mapping[str, tuple[int, ...]]
    tokenizers: dict[Any, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, kind: Kind, unknown: Sequence[Field] = ()) -> Table:
        """The table of a kind; `unknown` as the database remembers them."""
        columns = row_columns(kind, unknown)
        types: list[sa.types.TypeEngine[Any]] = [*_BASE_TYPES]
        places: dict[str, tuple[int, ...]] = {}
        for number, (_, field) in enumerate(columns):
            if field is not None:
                places[field.name] = (*places.get(field.name, ()), number)
        for field in (*kind.fields.values(), *unknown):
            types += [] if field.custom else [type_ for _, type_ in columns_of(field)]
        # What is not a column of its own is in the last one; an unknown value may be in either.
        last = len(columns) - 1
        places |= {each.name: (*places.get(each.name, ()), last) for each in unknown}
        searched = (*kind.searchable, *(each for each in unknown if each.options.search))
        return cls(
            kind,
            tuple(unknown),
            tuple(sorted(searched, key=lambda field: field.name)),
            tuple(name for name, _ in columns),
            (*types, JSON()),
            places,
        )

    @cached_property
    def load(self) -> Callable[[Sequence[Any]], Record]:
        """A function from a row of `select` to a record."""
        return row_loader(self.kind, adapters, self._unknown_columns)

    @cached_property
    def dump(self) -> Callable[[Record], tuple[Any, ...]]:
        """A function from a record to a row."""
        return self.dumper()

    def dumper(self, places: Sequence[int] = ()) -> Callable[[Record], tuple[Any, ...]]:
        """A function from a record to a row, or to these columns of it."""
        return row_dumper(self.kind, adapters, self._unknown_columns, places)

    @property
    def _unknown_columns(self) -> list[Field]:
        return [each for each in self.unknown if not each.custom]

    @property
    def name(self) -> str:
        """The table, quoted."""
        return quoted(self.kind.name)

    @cached_property
    def table(self) -> sa.Table:
        """The table as SQLAlchemy knows it."""
        columns: list[sa.Column[Any]] = [sa.Column(SEQ, sa.BigInteger())]
        columns += [
            sa.Column(name, type_) for name, type_ in zip(self.columns, self.types, strict=True)
        ]
        columns += [sa.Column(tokens_column(each), TSVECTOR()) for each in self.searched]
        return sa.Table(self.kind.name, sa.MetaData(), *columns)

    @cached_property
    def selected(self) -> str:
        """The columns that `load` takes, of the alias `r`."""
        return ", ".join(f"r.{quoted(each)}" for each in self.columns)

    @cached_property
    def written(self) -> tuple[tuple[str, str], ...]:
        """The columns that an insert writes, with their types: those of a row, then the tokens."""
        pairs = zip(self.columns, map(spelt, self.types), strict=True)
        return (*pairs, *((tokens_column(each), "tsvector") for each in self.searched))

    @cached_property
    def insert(self) -> str:
        """The statement that inserts one row, unless a unique value is taken."""
        names = ", ".join(quoted(name) for name, _ in self.written)
        values = ", ".join(f"%s::{type_}" for _, type_ in self.written)
        return f"INSERT INTO {self.name} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"

    @cached_property
    def insert_many(self) -> str:
        """The statement that inserts rows, given as one list for each column; returns the ids of those that are in."""
        names = ", ".join(quoted(name) for name, _ in self.written)
        lists = ", ".join(listed(type_) for _, type_ in self.written)
        cells = ", ".join(cell(n, type_) for n, (_, type_) in enumerate(self.written))
        return (
            f"INSERT INTO {self.name} ({names}) SELECT {cells} FROM unnest({lists}) WITH ORDINALITY "
            f"AS v({', '.join(f'c{n}' for n in range(len(self.written)))}, n) ORDER BY n "
            "ON CONFLICT DO NOTHING RETURNING id"
        )

    @cached_property
    def copy(self) -> str:
        """The statement that takes rows as a stream."""
        names = ", ".join(quoted(name) for name, _ in self.written)
        return f"COPY {self.name} ({names}) FROM STDIN"


class _Getters(dict[str, tuple[str, Callable[[Sequence[Any]], Record]]]):
    """By kind: the statement that gets a record by its id, and what loads its row; made when first used."""

    def __init__(self, table: Callable[[str], Table]) -> None:
        self._table = table

    def __missing__(self, kind: str) -> tuple[str, Callable[[Sequence[Any]], Record]]:
        table = self._table(kind)
        sql = f"SELECT {table.selected} FROM {table.name} AS r WHERE r.id = %s"
        made = self[kind] = (sql, table.load)
        return made


@attrs.frozen(eq=False)
class Book:
    """What one `prepare` found: the schema, the table of each kind, the number of the layout, what was compiled."""

    schema: Schema
    tables: Mapping[str, Table]
    layout: str | None = None
    cache: dict[Any, Any] = attrs.field(factory=dict)
    getters: _Getters = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "getters", _Getters(self.table))

    @classmethod
    def of(
        cls, schema: Schema, unknown: Mapping[str, Sequence[Field]], layout: str | None = None
    ) -> Book:
        """The book of a schema and of the fields that the database has besides."""
        tables = {kind.name: Table.of(kind, unknown.get(kind.name, ())) for kind in schema}
        return cls(schema, tables, layout)

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
