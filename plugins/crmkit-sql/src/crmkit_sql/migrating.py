"""The steps of a plan, taken through Alembic's operations, all in one transaction."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from psycopg.errors import DuplicateTable, UniqueViolation
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.schema import CreateSequence
from sqlalchemy.schema import Sequence as NamedSequence

from crmkit.errors import BackendError, SchemaError, ValueRefused
from crmkit.schema import Field
from crmkit_sql.connections import Link
from crmkit_sql.layout import SEQ, Table, adapters, columns_of, dumped_json
from crmkit_sql.names import quoted, tokens_column
from crmkit_sql.tables import FORMAT, Index, own_tables
from crmkit_sql.tokens import tokenizer

__all__ = ["Migration"]

BATCH = 1_000
"""How many records get their tokens at a time."""


class Migration:
    """Changes the tables over a connection that is within a transaction of its own."""

    def __init__(self, link: Link, place: str) -> None:
        self._link = link
        self._place = place
        self._written = io.StringIO()
        # Alembic writes down what is to be done, and the connection that holds the lock does it.
        options = {"as_sql": True, "output_buffer": self._written}
        context = MigrationContext.configure(dialect=_DIALECT, opts=options)
        self._op = Operations(context)

    def _run(self) -> None:
        """Do what Alembic wrote down."""
        text = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        self._link.connection.execute(text.encode())

    def begin_database(self) -> None:
        """Make the journal, the state, and what numbers records."""
        self._op.execute(CreateSequence(NamedSequence("crm_seq")))
        for name, parts in own_tables().items():
            self._op.create_table(name, *parts)
        self._op.create_index("crm_journal__at", "crm_journal", ["at"], postgresql_using="brin")
        self._run()
        meta = "INSERT INTO crm_meta VALUES ('format', %s), ('layout', '0')"
        self._link.run(meta, (str(FORMAT),))

    # Tables ----------------------------------------------------------------------------------------------------

    def create_table(self, table: Table) -> None:
        """A kind's table, without its indexes and references."""
        required = {"id", "version", "created_at", "updated_at"}
        columns = [
            sa.Column(name, type_, nullable=name not in required, unique=name == "id" or None)
            for name, type_ in zip(table.columns, table.types, strict=True)
        ]
        seq = sa.Column(
            SEQ,
            sa.BigInteger(),
            primary_key=True,
            autoincrement=False,
            server_default=sa.text("nextval('crm_seq')"),
        )
        self._op.create_table(table.kind.name, seq, *columns)
        try:
            self._run()
        except DuplicateTable:
            raise BackendError(
                f"{self._place} has a table {table.kind.name} of another program; give crmkit a schema of its own, "
                "as in postgresql://.../acme?schema=crm"
            ) from None

    def add_field(self, table: Table, field: Field, upgraded: bool) -> None:
        """The columns of a field that is new, with what records have for it."""
        for name, type_ in columns_of(field):
            self._op.add_column(table.kind.name, sa.Column(name, type_, nullable=True))
        self._run()
        self._move(table, field)
        if field.required and not field.added:
            self._fill(table, field, upgraded)

    def add_reference(self, table: Table, field: Field, name: str) -> None:
        """Have the database check a reference, at the end of each statement, or of the transaction if that asks."""
        self._op.create_foreign_key(
            name,
            table.kind.name,
            str(field.refers_to),
            [field.column],
            ["id"],
            deferrable=True,
            initially="IMMEDIATE",
        )
        self._run()

    def _move(self, table: Table, field: Field) -> None:
        """Take values that records held before anyone declared the field into its column."""
        rows = self._link.rows(
            f"SELECT {SEQ}, id, rest FROM {table.name} WHERE rest -> %s IS NOT NULL", (field.name,)
        )
        for seq, id, text in rows:
            rest = json.loads(text)
            try:
                value = field.type.load(rest.pop(field.name))
            except ValueRefused as error:
                raise SchemaError(
                    f"{table.kind.name} {id} holds a {field.name} that does not fit its new column: it {error}; change "
                    "that record while the field's plugin is disabled"
                ) from None
            self._link.run(
                f"UPDATE {table.name} SET {_setting(field)}, rest = %s::json WHERE {SEQ} = %s",
                (*_stored(field, value), dumped_json(rest) if rest else None, seq),
            )

    def _fill(self, table: Table, field: Field, upgraded: bool) -> None:
        """Give records the default of a required field that is new."""
        missing = f"{quoted(field.column)} IS NULL"
        default = field.default.factory() if hasattr(field.default, "factory") else field.default
        if default is not attrs.NOTHING and default is not None:
            values = _stored(field, field.type.accept(default))
            self._link.run(f"UPDATE {table.name} SET {_setting(field)} WHERE {missing}", values)
        elif not upgraded and self._link.row(f"SELECT 1 FROM {table.name} WHERE {missing} LIMIT 1"):
            raise SchemaError(
                f"{table.kind.name}.{field.name} is new and required, and there are records without it; give it a "
                "default, declare it `| None`, or raise `schema` and fill it in `upgrade`"
            )

    # Indexes ---------------------------------------------------------------------------------------------------

    def drop_index(self, name: str) -> None:
        """An index that is wanted no more."""
        self._op.drop_index(name)
        self._run()

    def _sample(self, table: Table, columns: Iterable[str]) -> None:
        # With PostgreSQL's own 100 it takes each word that fewer than 1 in 270 records have for one that 1 in 500 have,
        # and looks for it in the newest records of a large table instead of in the index; with this it is 1 in 5,000.
        for name in columns:
            column = f"ALTER COLUMN {quoted(name)} SET STATISTICS 1000"
            self._link.run(f"ALTER TABLE {table.name} {column}")

    def create_index(self, table: Table, index: Index) -> None:
        """An index; records that clash in a unique one are named."""
        if index.vectors:
            parts = ", ".join(quoted(each.name) for each, _ in index.expressions)
            # Entries that wait are written a third as dear, in kilobytes so few that searching them is no matter.
            how = f"USING gin ({parts}) WITH (fastupdate = on, gin_pending_list_limit = 256)"
            self._sample(table, [each.name for each, _ in index.expressions])
        else:
            how = f"({', '.join(_indexed(*each) for each in index.expressions)})"
        unique = "UNIQUE " if index.unique else ""
        # As text: Alembic quotes expressions apart from columns, and has no order of missing values for them.
        sql = f"CREATE {unique}INDEX {quoted(index.name)} ON {table.name} {how}"
        try:
            self._link.run(sql)
        except UniqueViolation as error:
            detail = error.diag.message_detail or ""
            raise SchemaError(
                f"{table.kind.name} is to be unique by {', '.join(index.unique)}, and several have the same "
                f"({detail.rstrip('.')}); change or merge them first"
            ) from None

    def build_search(self, table: Table, index: Index, fresh: Sequence[Field]) -> None:
        """Make the tokens of fields that have none, or none of this version, and the index over all."""
        self._link.run(f"DROP INDEX IF EXISTS {quoted(index.name)}")
        for field in fresh:
            column = tokens_column(field)
            self._link.run(f"ALTER TABLE {table.name} DROP COLUMN IF EXISTS {quoted(column)}")
            self._op.add_column(table.kind.name, sa.Column(column, TSVECTOR(), nullable=True))
            self._run()
        if fresh:
            tokens = tokenizer(table, fresh)
            setting = ", ".join(
                f"{quoted(tokens_column(each))} = v.c{n}::tsvector" for n, each in enumerate(fresh)
            )
            lists = ", ".join(["%s::text[]"] * len(fresh))
            names = ", ".join(f"c{n}" for n in range(len(fresh)))
            update = (
                f"UPDATE {table.name} AS r SET {setting} FROM unnest(%s::bigint[], {lists}) AS v(seq, {names}) "
                f"WHERE r.{SEQ} = v.seq"
            )
            for rows in self._batches(table):
                made = [(row[0], *tokens(table.load(row[1:]))) for row in rows]
                made = [each for each in made if any(each[1:])]
                if made:
                    self._link.run(update, [list(each) for each in zip(*made, strict=True)])
        self.create_index(table, index)

    def _batches(self, table: Table) -> Iterator[list[Any]]:
        after = 0
        sql = (
            f"SELECT r.{SEQ}, {table.selected} FROM {table.name} AS r WHERE r.{SEQ} > %s "
            f"ORDER BY r.{SEQ} LIMIT {BATCH}"
        )
        while rows := self._link.rows(sql, (after,)):
            yield rows
            after = rows[-1][0]


def _setting(field: Field) -> str:
    return ", ".join(f"{quoted(name)} = %s" for name, _ in columns_of(field))


def _stored(field: Field, value: Any) -> tuple[Any, ...]:
    """What the columns of a field hold."""
    if field.type.name == "money":
        return (value.minor, value.currency)
    dump = adapters(field.type)[1]
    return (value if dump is None else dump(value),)


def _indexed(expression: Any, nullable: bool) -> str:
    """An expression as an index has it: without the name of its table, missing values first."""
    options = {"literal_binds": True, "include_table": False}
    text = str(expression.compile(dialect=_DIALECT, compile_kwargs=options))
    place = text if isinstance(expression, sa.Column) else f"({text})"
    return f"{place} NULLS FIRST" if nullable else place


_DIALECT = sa.create_mock_engine("postgresql://", lambda *_: None).dialect
