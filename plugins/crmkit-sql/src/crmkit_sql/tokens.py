"""The tokens of records, as PostgreSQL's text vectors keep them: which there are, not where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from crmkit.records import Record
from crmkit.schema import Field, Kind
from crmkit.text import TOKENS_PER_FIELD, Phrase, search_tokens
from crmkit_sql.layout import Table

__all__ = ["Tokens", "is_exact", "lexeme", "token_lists", "tokenizer", "tsquery", "tsvector"]

Tokens: TypeAlias = tuple[str | None, ...]
"""The vectors of some searched fields of a record, as literals; None for a field without a word."""

CUT = 48
"""The most bytes of a token that are kept: 16,000 of them fit into the megabyte that a vector may have."""


def lexeme(token: str) -> str:
    """What a vector keeps of a token."""
    if len(token) * 4 <= CUT:
        return token
    return token.encode()[:CUT].decode(errors="ignore")


def token_lists(value: Any) -> list[list[str]]:
    """The tokens of a text, or of each text in a tuple: phrases do not cross from one to the next."""
    if isinstance(value, str):
        return [search_tokens(value)]
    left, found = TOKENS_PER_FIELD, []
    for each in value or ():
        if isinstance(each, str) and left > 0:
            found.append(search_tokens(each)[:left])
            left -= len(found[-1])
    return found


def tsvector(value: Any) -> str | None:
    """The literal of a vector. No token has a quote, a backslash or a space, so none needs to be escaped."""
    if value.__class__ is str:
        tokens = {*map(lexeme, search_tokens(value))}
    else:
        tokens = {lexeme(token) for tokens in token_lists(value) for token in tokens}
    return "'" + "' '".join(tokens) + "'" if tokens else None


def tsquery(phrase: Phrase) -> str:
    """The literal of a query for fields that have all tokens of a phrase."""
    parts = [f"'{lexeme(each)}'" for each in phrase.tokens]
    if phrase.prefix:
        parts[-1] += ":*"
    return " & ".join(dict.fromkeys(parts))


def is_exact(phrase: Phrase) -> bool:
    """Whether fields with its tokens hold the phrase for certain: it is one token, which no longer one is cut to."""
    return len(phrase.tokens) == 1 and len(phrase.tokens[0].encode()) <= CUT - 4


def tokenizer(table: Table, fields: Sequence[Field]) -> Callable[[Record], Tokens]:
    """A function from a record to the vectors of these fields."""
    key = tuple(field.name for field in fields)
    known: Callable[[Record], Tokens] | None = table.tokenizers.get(key)
    if known is not None:
        return known
    scope: dict[str, Any] = {"vector": tsvector}
    parts = [f"vector({_source(table.kind, field)})" for field in fields]
    exec(f"def tokens(r): return ({''.join(f'{part}, ' for part in parts)})", scope)
    made: Callable[[Record], Tokens] = scope["tokens"]
    if len(table.tokenizers) > 500:
        table.tokenizers.clear()
    table.tokenizers[key] = made
    return made


def texts(kind: Kind, record: Record, field: Field) -> Any:
    """What is searched of a field: of one that the kind does not declare, what was stored."""
    if field.name not in kind.fields:
        return record.extra.get(field.name)
    return record[field.name]


def _source(kind: Kind, field: Field) -> str:
    if field.name not in kind.fields:
        return f"r.extra.get({field.name!r})"
    if field.added:
        return f"r.added.get({field.name!r})"
    return f"r.values.get({field.name!r})" if kind.opaque else f"r.{field.name}"
