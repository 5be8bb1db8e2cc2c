"""Columns of records as Arrow has them: what types they are, and reading them from any storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from crmkit import CRM, CrmError, PluginConflict, Reader
from crmkit.cli.output import plain
from crmkit.query import Condition
from crmkit.schema import Field, Kind
from crmkit.types import Choice, Scaled

__all__ = ["arrow_schema", "column_names", "plain_batches", "read_batches", "read_fastest"]


def column_names(field: Field) -> tuple[str, ...]:
    """The columns of a field, as a table of the storage has them: money has two, minor units and currency."""
    if field.type.name == "money":
        return field.column, f"{field.column}__currency"
    return (field.column,)


def arrow_schema(kind: Kind, fields: Sequence[str]) -> Any:
    """The `pyarrow.Schema` of some fields of a kind.

    Text, references and choices are strings; times are microseconds in UTC, without a zone; money is its minor units
    and its currency; Decimals have their scale; tuples and mappings are JSON.
    """
    import pyarrow as pa

    found = []
    for field in map(kind.field, fields):
        first, *currency = column_names(field)
        found.append(pa.field(first, _arrow_type(field)))
        found += [pa.field(each, pa.string()) for each in currency]
    return pa.schema(found)


def _arrow_type(field: Field) -> Any:
    import pyarrow as pa

    kept = field.type
    if isinstance(kept, Scaled):
        return pa.decimal128(19, kept.scale)
    if isinstance(kept, Choice):
        return pa.int64() if type(kept.values[0]) is int else pa.string()
    types = {
        "flag": pa.bool_(),
        "whole": pa.int64(),
        "money": pa.int64(),
        "number": pa.float64(),
        "datetime": pa.timestamp("us"),
        "date": pa.date32(),
    }
    return types.get(kept.name, pa.string())


def read_batches(crm: CRM, kind: Kind, fields: Sequence[str]) -> Iterator[Any]:
    """All records of a kind as `pyarrow.RecordBatch`es: the storage's plugin knows the fastest way, if it says so."""
    fastest = read_fastest(crm, "crm_arrow", kind=kind, fields=tuple(fields))
    return fastest or plain_batches(crm, kind, fields)


def read_fastest(crm: CRM, hook: str, **asked: Any) -> Iterator[Any] | None:
    """What the storage's plugin reads; None if it says nothing. Raises `PluginConflict` if two plugins do."""
    found: list[tuple[Any, Callable[[], Any]]] = []
    for call in crm.plugins.calls(hook):
        answer = call.call({"storage": crm.storage, **asked})
        if answer is not None:
            found.append((call, answer))
    if len(found) > 1:
        names = ", ".join(call.owner.name for call, _ in found)
        raise PluginConflict(f"more than one plugin reads the columns of this storage: {names}")
    return _guarded(*found[0]) if found else None


def _guarded(call: Any, read: Callable[[], Any]) -> Iterator[Any]:
    """What a plugin reads; its failures name it."""
    try:
        yield from read()
    except CrmError:
        raise
    except Exception as error:
        raise call.failed(error) from error


def plain_batches(
    reader: Reader, kind: Kind, fields: Sequence[str], *conditions: Condition
) -> Iterator[Any]:
    """Records of a kind as `pyarrow.RecordBatch`es, through what every storage has."""
    import pyarrow as pa

    schema = arrow_schema(kind, fields)
    loaders = [_loader(kind.field(each)) for each in fields]
    for columns in reader.columns(kind.name, fields, *conditions):
        arrays = []
        for load, values in zip(loaders, columns, strict=True):
            arrays += load(values)
        typed = [pa.array(values, each.type) for values, each in zip(arrays, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(typed, schema=schema)


def _loader(field: Field) -> Callable[[list[Any]], list[list[Any]]]:
    """How values of a field become lists for its columns."""
    match field.type.name:
        case "money":
            return _money
        case "datetime":
            return lambda values: [[each and _naive(each) for each in values]]
        case "items" | "object":
            return lambda values: [[None if each is None else _json(each) for each in values]]
    if isinstance(field.type, Choice):
        return lambda values: [[plain(each) for each in values]]
    return lambda values: [values]


def _money(values: list[Any]) -> list[list[Any]]:
    return [[each and each.minor for each in values], [each and each.currency for each in values]]


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _json(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
