"""Following the journal as one actor: each change that they may read, with the record that it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from crmkit import CRM, Change, Customer, CustomField, Handle, Kind, NotFound

__all__ = ["Seen", "Window", "windows"]

WINDOW = 500
"""How many changes are read from the journal at once."""

Values = Mapping[str, Any]
"""A record's fields in plain form."""


@attrs.frozen
class Seen:
    """A change, and what the record is called: as it is now, or as it was when it was deleted."""

    change: Change
    title: str


@attrs.frozen
class Window:
    """Some changes in order, the position behind which to go on, and whether the journal has more already."""

    seen: tuple[Seen, ...]
    position: int
    more: bool


def windows(
    crm: CRM,
    handle: Handle,
    after: int,
    kinds: Sequence[str] | None = None,
    customer_id: str | None = None,
    size: int = WINDOW,
) -> Iterator[Window]:
    """The changes behind a position up to the end of the journal as it is now; one window at least.

    `handle` is the actor's; `crm`, which sees all, is asked only how far it is. `kinds` and `customer_id` say which
    changes are wanted: those of a customer, and of what belongs to them. Raises `TrimmedError`.
    """
    names = _names(handle, kinds, customer_id)
    while True:
        # The actor's own answer does not tell how far it went: what may not be read is not in it.
        everything = crm.changes(after, names, size)
        found = handle.changes(after, names, size)
        if any(each.kind == CustomField.__kind__ for each in found):
            crm.reload_fields()
        after = max(after, *(each[-1].position for each in (everything, found) if each), 0)
        more = len(everything) == size
        yield Window(tuple(_seen(handle, found, customer_id)), after, more)
        if not more:
            return


def _names(
    handle: Handle, kinds: Sequence[str] | None, customer_id: str | None
) -> list[str] | None:
    """The kinds of which changes are read; None for all, those that no plugin knows too."""
    wanted = None if kinds is None else [handle.schema[each].name for each in kinds]
    if customer_id is None:
        return wanted
    own = [each.name for each in handle.schema if each.customer or each.name == Customer.__kind__]
    return own if wanted is None else [each for each in wanted if each in own]


def _seen(handle: Handle, found: Sequence[Change], customer_id: str | None) -> Iterator[Seen]:
    subjects = _subjects(handle, found)
    for change in found:
        kind, values = handle.schema.kinds.get(change.kind), subjects[change.kind, change.id]
        if values is None:
            continue  # it has gone from view since
        if customer_id is None or (kind and _belongs(kind, change, values, customer_id)):
            title = values.get(kind.title) if kind else None
            yield Seen(change, str(title or change.id))


def _subjects(handle: Handle, found: Sequence[Change]) -> dict[tuple[str, str], Values | None]:
    """The records that changes are of, each kind's read at once; None for those that may not be read any more."""
    ids: dict[str, dict[str, None]] = {}
    for change in found:
        ids.setdefault(change.kind, {})[change.id] = None
    subjects: dict[tuple[str, str], Values | None] = {}
    for name, own in ids.items():
        kind = handle.schema.kinds.get(name)
        if kind is None:  # of a plugin that is gone: only who is not restricted is told of it
            subjects |= {(name, id): {} for id in own}
            continue
        for id, record in zip(own, handle.get_many(name, list(own)), strict=True):
            values = {path: record[path] for path in kind.fields} if record else None
            subjects[name, id] = _deleted(handle, name, id) if values is None else values
    return subjects


def _deleted(handle: Handle, kind: str, id: str) -> Values | None:
    try:
        last = handle.history(kind, id)[-1]
    except NotFound:
        return None
    return (last.delta or {}) if last.action == "delete" else None


def _belongs(kind: Kind, change: Change, values: Values, customer_id: str) -> bool:
    """Whether a record is the customer, or is or was theirs."""
    if kind.name == Customer.__kind__:
        return change.id == customer_id
    field = str(kind.customer)
    was = (change.delta or {}).get(field) if change.action == "update" else None
    return customer_id in (values.get(field), *(was or ()))
