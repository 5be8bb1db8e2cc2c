"""Records of one kind as a table for people: a plain header, customers with their addresses, and importable again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any

from crmkit import MASKED, Customer, Handle, Identity, Kind, Money, Record, where
from crmkit.query import Condition

__all__ = ["columns_of", "rows_of", "values_of"]

BATCH = 500
ADDRESSES = ("email", "phone")
"""The channels that are columns of a table of customers."""


def columns_of(kind: Kind, wanted: Sequence[str] = ()) -> list[str]:
    """The columns of a kind's table: its id, its fields, of customers their addresses; or those that are `wanted`.

    Raises `QueryError` for one that there is not.
    """
    own = list(ADDRESSES) if kind.name == Customer.__kind__ else []
    if not wanted:
        return ["id", *kind.fields, *own]
    return [each if each in own else kind.field(each).name for each in wanted]


def rows_of(
    crm: Handle, kind: Kind, columns: Sequence[str], conditions: Sequence[Condition], zone: tzinfo
) -> Iterator[list[Any]]:
    """A row of text and numbers for each record that the actor may see, in the order of ids; flat in memory.

    Each cell is text from which the field's type reads the value again. Times are in `zone`, with its offset; several
    values are joined by commas where that reads back, else they are a JSON list; addresses are joined by `; `.
    """
    for values in values_of(crm, kind, columns, conditions):
        yield [_cell(kind, name, value, zone) for name, value in values.items()]


def values_of(
    crm: Handle, kind: Kind, columns: Sequence[str], conditions: Sequence[Condition]
) -> Iterator[dict[str, Any]]:
    """The values in these columns of each record that the actor may see, in the order of ids."""
    records = iter(crm.find(kind.name, *conditions))
    while batch := list(islice(records, BATCH)):
        held = _addresses(crm, batch) if {*columns} & {*ADDRESSES} else {}
        for record in batch:
            yield {name: _value(record, name, held) for name in columns}


def _value(record: Record, name: str, held: Mapping[tuple[str, str], list[str]]) -> Any:
    if name in ADDRESSES and record.__kind__ == Customer.__kind__:
        return "; ".join(held.get((record.id, name), ()))
    return record[name]


def _addresses(crm: Handle, records: Iterable[Record]) -> dict[tuple[str, str], list[str]]:
    """The addresses of these customers, by customer and channel, in one query."""
    found: dict[tuple[str, str], list[str]] = {}
    theirs = where.customer_id.in_([each.id for each in records])
    for each in crm.find(Identity, theirs, where.channel.in_(ADDRESSES)):
        found.setdefault((str(each.customer_id), each.channel), []).append(str(each.value))
    return found


def _cell(kind: Kind, name: str, value: Any, zone: tzinfo) -> Any:
    if value is None or value is MASKED:
        return "" if value is None else str(value)
    if name in ADDRESSES and name not in kind.fields:
        return value
    type_ = kind.field(name).type
    if kind.opaque:
        value = type_.load(value)
    if isinstance(value, datetime):
        return _local(value, zone).isoformat()
    if isinstance(value, Money):
        return f"{value.amount:f} {value.currency}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple) and _is_plain(value):
        return ",".join(value)
    found = type_.dump(value)
    return json.dumps(found, ensure_ascii=False) if isinstance(found, dict | list) else found


def _is_plain(items: tuple[Any, ...]) -> bool:
    """Whether they are words that read back when they are joined by commas."""
    words = [each for each in items if isinstance(each, str) and each and each == each.strip()]
    return len(words) == len(items) and "," not in "".join(words) and "".join(words[:1])[:1] != "["


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # within a day of the first or the last that there is
        return moment
