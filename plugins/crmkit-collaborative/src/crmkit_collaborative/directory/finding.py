"""Records of the directory by their names: wherever an id is wanted, a name will do."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from crmkit import QueryError, Reader, Record, where
from crmkit.errors import NotFound, nearest
from crmkit_collaborative.kinds import Branch, Department, Member, Team

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Named", "member_of", "named"]

Named = TypeVar("Named", Branch, Department, Member, Team)


def named(reader: Reader, kind: type[Named], text: str) -> Named:
    """The record with this id or name; a member by the id under which they act, too.

    Letters may be large or small, and Hangul be composed or not. Raises `NotFound`, with the nearest name that the
    actor may read, and `QueryError` if several are called so.
    """
    [found] = reader.get_many(kind, [text])
    if found is not None:
        return found
    everyone = list(reader.find(kind))
    exact = [each for each in everyone if text in _names(each)]
    matches = exact or [each for each in everyone if _folded(text) in map(_folded, _names(each))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise QueryError(_ambiguous(kind, text, matches))
    names = [name for each in everyone for name in _names(each)]
    hint = nearest(text, names).removeprefix("; ") or f"add it with `crm directory add {_of(kind)}`"
    raise NotFound(_of(kind), text, hint)


def member_of(reader: Reader, actor: str, as_of: datetime | None = None) -> Member | None:
    """The member who acts under this id; None if there is none, or none that may be read."""
    return next(reader.find(Member, where.actor == actor, limit=1, as_of=as_of), None)


def _names(record: Record) -> list[str]:
    names = [record["name"], *([record["actor"]] if isinstance(record, Member) else [])]
    # What an actor may not see stands as a mask, by which nothing is found.
    return [each for each in names if isinstance(each, str)]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).casefold()


def _of(kind: type[Record]) -> str:
    return kind.__kind__


def _ambiguous(kind: type[Record], text: str, found: Sequence[Record]) -> str:
    those = ", ".join(f"{' '.join(_names(each))} ({each.id})" for each in found)
    return f"{len(found)} records of kind {_of(kind)} are called {text!r}; give the id: {those}"
