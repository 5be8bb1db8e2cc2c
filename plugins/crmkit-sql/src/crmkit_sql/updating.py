"""Setting some fields of records: the statements, and what is bound in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from crmkit.records import Record
from crmkit.schema import Field
from crmkit_sql.layout import Table
from crmkit_sql.names import cell, listed, quoted, spelt, tokens_column

__all__ = ["Updating"]


@attrs.frozen
class Updating:
    """How some fields are set, in one record or in many: `dump` takes what is bound from a record.

    What it gives is followed by the tokens of `searched`, those of the fields set that are searched, then the id
    and the version that is expected.
    """

    one: str
    many: str
    dump: Callable[[Record], tuple[Any, ...]]
    searched: tuple[Field, ...]

    @classmethod
    def of(cls, table: Table, fields: tuple[str, ...]) -> Updating:
        """The statements for a table."""
        rest = (len(table.columns) - 1,)
        chosen = {1, 3}  # version and updated_at
        for name in fields:
            chosen.update(table.positions.get(name, rest))
        places = sorted(chosen)
        searched = tuple(each for each in table.searched if each.name in fields)
        names = [table.columns[each] for each in places] + [tokens_column(f) for f in searched]
        types = [spelt(table.types[each]) for each in places] + ["tsvector"] * len(searched)
        setting = ", ".join(
            f"{quoted(name)} = %s::{type_}" for name, type_ in zip(names, types, strict=True)
        )
        cells = [cell(n, type_) for n, type_ in enumerate(types)]
        many = ", ".join(f"{quoted(name)} = {c}" for name, c in zip(names, cells, strict=True))
        aliases = ", ".join(f"c{n}" for n in range(len(names)))
        return cls(
            f"UPDATE {table.name} SET {setting} WHERE id = %s AND version = %s",
            f"UPDATE {table.name} AS r SET {many} FROM unnest({', '.join(map(listed, types))}, %s::text[], "
            f"%s::bigint[]) AS v({aliases}, id, expected) WHERE r.id = v.id AND r.version = v.expected",
            table.dumper(places),
            searched,
        )
