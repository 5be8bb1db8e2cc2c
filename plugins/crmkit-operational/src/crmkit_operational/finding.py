"""Records by their names: wherever an id is wanted, a name will do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from crmkit import Customer, NotFound, QueryError, Reader, Record, where
from crmkit.errors import nearest

if TYPE_CHECKING:
    from crmkit import AnyOf, Linked, Where

    Condition = Where | AnyOf | Linked

__all__ = ["ADDING", "SEVERAL", "NoneYet", "by_id", "customer_called", "named"]

R = TypeVar("R", bound=Record)

ADDING = {
    "pipeline": "`crm pipeline init` makes one",
    "stage": "`crm pipeline stage add` adds one",
    "lost_reason": "`crm record lost_reason add` adds one",
    "policy": "`crm policy add` makes one",
}
SEVERAL = 5
"""So many of those that are called the same are named."""


class NoneYet(NotFound):
    """There is nothing yet of what a command works on; nobody asked for one by name."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, "")
        self.args = (text,)


def by_id(
    reader: Reader, kind: type[R], ids: Iterable[str | None], as_of: datetime | None = None
) -> dict[str, R]:
    """The records with these ids that may be read, each under the id that was asked for."""
    wanted = [id for id in dict.fromkeys(ids) if isinstance(id, str)]
    found = reader.get_many(kind, wanted, as_of=as_of) if wanted else []
    return {id: each for id, each in zip(wanted, found, strict=True) if each is not None}


def named(reader: Reader, kind: type[R], text: str, *within: Condition) -> R:
    """The record with this id or name; letters may be large or small, and Hangul be composed or not.

    Raises `NotFound`, with the nearest name, and `QueryError` if several are called so.
    """
    [found] = reader.get_many(kind, [text])
    if found is not None:
        return found
    # What an actor may not see stands as a mask, by which nothing is found.
    everyone = [each for each in reader.find(kind, *within) if isinstance(each["name"], str)]
    matches = [each for each in everyone if text == each["name"]]
    matches = matches or [each for each in everyone if _folded(each["name"]) == _folded(text)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        those = ", ".join(each.id for each in matches)
        place = " or say in which pipeline" if kind.__kind__ == "stage" else ""
        raise QueryError(
            f"{len(matches)} records of kind {kind.__kind__} are called {text!r}; give the id ({those}){place}"
        )
    names = list(dict.fromkeys(each["name"] for each in everyone))
    there = f"there are {', '.join(names)}" if names else ADDING[kind.__kind__]
    raise NotFound(kind.__kind__, text, nearest(text, names).removeprefix("; ") or there)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).casefold()


def customer_called(reader: Reader, text: str) -> Customer:
    """The customer with this id, or the only one with this very name. Raises `NotFound`, `QueryError`."""
    [found] = reader.get_many(Customer, [text])
    if found is not None:
        return found
    called = list(reader.find(Customer, where.name == text, limit=SEVERAL))
    if len(called) > 1:
        those = ", ".join(each.id for each in called)
        raise QueryError(f"several customers are called {text!r}; give the id: {those}")
    if not called:
        raise NotFound("customer", text)
    return called[0]
