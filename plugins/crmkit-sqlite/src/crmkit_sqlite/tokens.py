"""The tokens of records, as the search tables keep them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from crmkit.records import Record
from crmkit.schema import Field, Kind
from crmkit.text import TOKENS_PER_FIELD, search_tokens
from crmkit_sqlite.layout import Table

__all__ = ["Tokens", "token_columns", "tokenizer"]

Tokens: TypeAlias = tuple[str | None, ...]
"""The tokens of each searched field of a record, with spaces between."""

# A character that the tokenizer of FTS5 takes for a word's and that no token of crmkit holds: phrases do not cross
# from one member of a tuple to the next.
_BETWEEN = " \u00b7 "


def token_columns(fields: Sequence[Field]) -> list[str]:
    """What the search table calls these fields; FTS5 has names of its own, such as `rank`."""
    return [f"f_{field.column}" for field in fields]


def token_text(value: Any) -> str:
    """The tokens of a text or of the texts in a tuple."""
    if value.__class__ is str:
        return " ".join(search_tokens(value))
    left, parts = TOKENS_PER_FIELD, []
    for each in value or ():
        if isinstance(each, str):
            tokens = search_tokens(each)[:left]
            left -= len(tokens)
            parts.append(" ".join(tokens))
    return _BETWEEN.join(parts) if left < TOKENS_PER_FIELD else ""


def tokenizer(table: Table, names: tuple[str, ...] | None = None) -> Callable[[Record], Tokens]:
    """A function from a record to the tokens of each searched field; None for those not among `names`."""
    known: Callable[[Record], Tokens] | None = table.tokenizers.get(names)
    if known is not None:
        return known
    scope: dict[str, Any] = {"text": token_text}
    parts = [
        f"text({_source(table.kind, field)})" if names is None or field.name in names else "None"
        for field in table.searched
    ]
    exec(f"def tokens(r): return ({', '.join(parts)},)", scope)
    made: Callable[[Record], Tokens] = scope["tokens"]
    if len(table.tokenizers) > 500:
        table.tokenizers.clear()
    table.tokenizers[names] = made
    return made


def _source(kind: Kind, field: Field) -> str:
    if field.name not in kind.fields:
        return f"r.extra.get({field.name!r})"
    if field.added:
        return f"r.added.get({field.name!r})"
    return f"r.values.get({field.name!r})" if kind.opaque else f"r.{field.name}"
