"""Records <-> rows of a table, through functions generated once for each kind.

A backend says how its driver gives and takes values of each type; the layout of a row is the same on all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from crmkit.errors import ValueRefused
from crmkit.records import Record, draft_of
from crmkit.schema import BASE, Field, Kind
from crmkit.types import FieldType
from crmkit.values import Money

__all__ = ["REST", "Adapter", "Adapters", "Row", "row_columns", "row_dumper", "row_loader"]

Row: TypeAlias = Sequence[Any]
Adapter: TypeAlias = tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]
"""How a database's driver gives and takes values of one type: (load, dump); None where it has them as they are."""

Adapters: TypeAlias = Callable[[FieldType], Adapter]

REST = "rest"
"""The last column: custom fields and unknown ones, as JSON, None if there are none."""


def row_columns(kind: Kind, unknown: Sequence[Field] = ()) -> list[tuple[str, Field | None]]:
    """The columns of a kind's row in order, with the field that each belongs to.

    Those of `Record`, then each field with a column of its own (money has two, the second `NAME__currency`), then
    those of `unknown` fields, which the table has and the kind does not declare any more, then `REST`.
    """
    columns: list[tuple[str, Field | None]] = [(name, kind.field(name)) for name in BASE]
    for field in (*kind.fields.values(), *unknown):
        if not field.custom:
            columns.append((field.column, field))
            if field.type.name == "money":
                columns.append((f"{field.column}__currency", field))
    return [*columns, (REST, None)]


_MoneyDraft = draft_of(Money)


def _money(minor: int, currency: str) -> Any:
    """Money of a row, which was looked at when it was written."""
    money = object.__new__(_MoneyDraft)
    money.minor, money.currency, money.__class__ = minor, currency, Money
    return money


def _load_rest(kind: Kind, text: str, added: dict[str, Any], extra: dict[str, Any]) -> None:
    for name, plain in json.loads(text).items():
        field = kind.fields.get(name)
        if field is None:
            extra[name] = plain
        elif plain is not None:
            added[name] = plain if kind.opaque else field.type.load(plain)


def row_loader(
    kind: Kind, adapters: Adapters, unknown: Sequence[Field] = ()
) -> Callable[[Row], Record]:
    """A function from a row (see `row_columns`) to a record; values of unknown fields go to `extra`, in plain form."""
    names: dict[str, Any] = {"new": object.__new__, "cls": kind.cls, "kind": kind}
    names |= {"draft": draft_of(kind.cls), "money": _money, "load_rest": _load_rest}
    columns = row_columns(kind, unknown)
    body = [f" ({', '.join(f'c{n}' for n in range(len(columns)))},) = row", " n = new(draft)"]
    body += [" added = {}", " extra = {}", " values = {}" if kind.opaque else ""]
    for number, (column, field) in enumerate(columns):
        if field is None or (column.endswith("__currency") and columns[number - 1][1] is field):
            continue
        value = f"c{number}"
        load = adapters(field.type)[0]
        if field.type.name == "money":
            value = f"(None if c{number} is None else money(c{number}, c{number + 1}))"
        elif load is not None:
            names[f"l{number}"] = load
            value = (
                f"l{number}({value})"
                if field.required and not field.added and field.name in {*BASE, *kind.fields}
                else (f"(None if c{number} is None else l{number}(c{number}))")
            )
        body.append(_assign(kind, field, value, number, names))
    body.append(f" if c{len(columns) - 1}: load_rest(kind, c{len(columns) - 1}, added, extra)")
    body.append(" n.added, n.extra = added, extra")
    if kind.opaque:
        body.append(" n.kind, n.values = kind.name, values")
    exec("\n".join(["def load(row):", *body, " n.__class__ = cls", " return n"]), names)
    loader: Callable[[Row], Record] = names["load"]
    return loader


def _assign(kind: Kind, field: Field, value: str, number: int, names: dict[str, Any]) -> str:
    unknown = field.name not in BASE and field.name not in kind.fields
    if field.name in BASE or not (field.added or kind.opaque or unknown):
        return f" n.{field.name} = {value}"
    target = "extra" if unknown else "added" if field.added else "values"
    if kind.opaque or unknown:
        names[f"p{number}"] = field.type.dump
        value = f"p{number}({value})"
    return f" if c{number} is not None: {target}[{field.name!r}] = {value}"


def _fitting(field: Field, plain: Any) -> Any:
    """The value of an unknown field, None if it does not fit its column: then it stays in `REST`."""
    try:
        return None if plain is None else field.type.load(plain)
    except ValueRefused:
        return None


def _dump_rest(kind: Kind, record: Record, unknown: Mapping[str, Field]) -> str | None:
    rest = {
        path: value if kind.opaque else kind.fields[path].type.dump(value)
        for path, value in record.added.items()
        if kind.fields[path].custom
    }
    rest |= {
        name: value
        for name, value in record.extra.items()
        if name not in unknown or _fitting(unknown[name], value) is None
    }
    return json.dumps(rest, ensure_ascii=False, separators=(",", ":")) if rest else None


def row_dumper(
    kind: Kind, adapters: Adapters, unknown: Sequence[Field] = (), places: Sequence[int] = ()
) -> Callable[[Record], tuple[Any, ...]]:
    """A function from a record to its row (see `row_columns`), or to what is at some places of it."""
    names: dict[str, Any] = {
        "dump_rest": _dump_rest,
        "kind": kind,
        "unknown": {field.name: field for field in unknown if not field.custom},
        "fitting": _fitting,
    }
    parts: list[str] = []
    binds: list[str] = []
    columns = row_columns(kind, unknown)
    for number in places or range(len(columns)):
        column, field = columns[number]
        if column == REST:
            parts.append("dump_rest(kind, r, unknown) if r.added or r.extra else None")
        elif field is not None:
            parts.append(_dump_part(kind, field, column, number, adapters, names, binds))
    source = ["def dump(r):", *binds, f" return ({', '.join(parts)},)"]
    exec("\n".join(source), names)
    dumper: Callable[[Record], tuple[Any, ...]] = names["dump"]
    return dumper


def _dump_part(
    kind: Kind,
    field: Field,
    column: str,
    number: int,
    adapters: Adapters,
    names: dict[str, Any],
    binds: list[str],
) -> str:
    source = f"r.{field.name}"
    unknown = field.name not in BASE and field.name not in kind.fields
    if unknown:
        names[f"u{number}"] = field
        source = f"fitting(u{number}, r.extra.get({field.name!r}))"
    elif field.added:
        source = f"r.added.get({field.name!r})"
    elif kind.opaque and field.name not in BASE:
        source = f"r.values.get({field.name!r})"
    dump = adapters(field.type)[1]
    money = field.type.name == "money"
    if dump is None and not money and (unknown or not kind.opaque):
        return source
    binds.append(f" v{number} = {source}")
    value = f"v{number}"
    if kind.opaque and not unknown and field.name not in BASE:
        names[f"o{number}"] = field.type.load
        binds.append(f" if v{number} is not None: v{number} = o{number}(v{number})")
    if money:
        value = f"v{number}.{'currency' if column.endswith('__currency') else 'minor'}"
    elif dump is not None:
        names[f"d{number}"] = dump
        value = f"d{number}(v{number})"
        if field.required and not field.added and not kind.opaque and not unknown:
            return value
    return f"(None if v{number} is None else {value})"
