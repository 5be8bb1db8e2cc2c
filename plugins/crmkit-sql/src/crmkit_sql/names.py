"""Names and types as SQL spells them."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

from crmkit.schema import Field

__all__ = ["TEXT", "cell", "listed", "quoted", "shortened", "spelt", "tokens_column"]

LONGEST = 63
"""The most bytes of a name in PostgreSQL; of a longer one it would keep the beginning, unsaid."""

TEXT = sa.Text(collation="C")
"""Sorted by code point, whatever the locale of the database."""


def shortened(name: str) -> str:
    """A name that PostgreSQL keeps as it is: of a long one the beginning, and a digest of all of it."""
    if len(name) <= LONGEST:  # the names of kinds and fields are ASCII
        return name
    return f"{name[: LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def tokens_column(field: Field) -> str:
    """The column with the search tokens of a field."""
    return f"crm_tokens__{field.column}"


def spelt(type_: sa.types.TypeEngine[Any]) -> str:
    """A type as a cast has it; text needs no collation there."""
    if type_ is TEXT:
        return "text"
    return str(type_.compile(dialect=_DIALECT)).lower()


def listed(type_: str) -> str:
    """The mark of a list of values of a type, one for each row."""
    # Lists of these come as lists of text, which every element can be read from.
    return "%s::text[]" if type_ in {"json", "tsvector"} else f"%s::{type_}[]"


def cell(number: int, type_: str) -> str:
    """The value of one row out of such a list, which is called `c` and its number."""
    return f"c{number}::{type_}" if type_ in {"json", "tsvector"} else f"c{number}"


_DIALECT = sa.create_mock_engine("postgresql+psycopg://", lambda *_: None).dialect
