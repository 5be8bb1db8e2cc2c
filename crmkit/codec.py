"""Records <-> documents, through functions generated once for each kind.

Filling a frozen attrs object through its slots' setters costs a third of its `__init__`, and a check written out for
each field a fraction of a validator; both matter on every read and write, so this module writes such functions and
compiles them. What they do is plain from `_accept_slowly`, `load_document` and `dump_document`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import attrs

from crmkit.changes import Delta, Document, Write
from crmkit.errors import InvalidRecords, Problem, ValueRefused, nearest
from crmkit.records import OpaqueRecord, Record, filler
from crmkit.schema import BASE, Field, Kind
from crmkit.types import MAX_TEXT, Choice, FieldType, Object
from crmkit.values import INT64, Money, format_time, parse_time

__all__ = ["accept", "blanked", "delta_of", "dump_document", "load_document", "stamped"]

# Checking records on their way in ------------------------------------------------------------------------------


def _text_ok(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_TEXT = (
    "(v.__class__ is str and len(v) <= MAX_TEXT and '\\0' not in v and (v.isascii() or text_ok(v)))"
)
_FAST_CHECKS = {
    "text": _TEXT,
    "reference": _TEXT,
    "flag": "(v is True or v is False)",
    "whole": "(v.__class__ is int and -INT64 <= v <= INT64)",
    "datetime": "(v.__class__ is datetime and v.tzinfo is UTC)",
    "date": "(v.__class__ is date)",
    "money": "(v.__class__ is Money)",
    # Few short texts, as nearly all are; the inner `v` is one of them.
    "items": f"(v.__class__ is tuple and len(v) <= 100 and all({_TEXT} and len(v) <= 1000 for v in v))",
    "object": "(v.__class__ is dict and not v)",
}


def accept(kind: Kind, records: Sequence[Record]) -> list[Record]:
    """The records with every value in its final form; raises `InvalidRecords` naming all that does not fit."""
    if kind.opaque:
        why = f"its plugin {kind.owner} is not loaded; nobody else may write it"
        raise InvalidRecords([Problem(kind.name, "", None, why)])
    suspects, cls, own = _suspects(kind), kind.cls, _declared(kind)[0]
    problems: list[Problem] = []
    accepted: list[Record] = []
    for record in records:
        some = suspects(record) if record.__class__ is cls else own
        accepted.append(record if some is None else _accept_slowly(kind, record, some, problems))
    if problems:
        raise InvalidRecords(problems)
    return accepted


@lru_cache(maxsize=1024)
def _suspects(kind: Kind) -> Callable[[Any], list[Field] | None]:
    """A function from a record to the fields whose values are to be looked at; None if all of it is as it should be."""
    names: dict[str, Any] = {
        "text_ok": _text_ok,
        "MAX_TEXT": MAX_TEXT,
        "INT64": INT64,
        "datetime": datetime,
        "date": date,
        "Money": Money,
        "UTC": UTC,
    }
    lines = ["def suspects(r):", f" v, some = r.id, []\n fine = {_TEXT} and 0 < len(v) <= 100"]
    for number, field in enumerate(each for each in kind.fields.values() if not each.added):
        test = _FAST_CHECKS.get(field.type.name, "False")
        if isinstance(field.type, Choice) and field.type.enum is not None:
            names[f"c{number}"] = field.type.enum
            test = f"(v.__class__ is c{number})"
        elif isinstance(field.type, Choice):
            names[f"c{number}"] = frozenset(field.type.values)
            test = f"(v.__class__ is {type(field.type.values[0]).__name__} and v in c{number})"
        missing = "" if field.required else " and v is not None"
        lines += [f" v = r.{field.name}", f" if not {test}{missing}: some.append(f{number})"]
        names[f"f{number}"] = field
    lines.append(" return None if fine and not some and not r.added and not r.extra else some")
    exec("\n".join(lines), names)
    suspects: Callable[[Any], list[Field] | None] = names["suspects"]
    return suspects


def _accept_slowly(
    kind: Kind, record: Record, suspects: Sequence[Field], problems: list[Problem]
) -> Record:
    if not isinstance(record, kind.cls):
        problems.append(
            Problem(kind.name, "", None, f"takes {kind.cls.__name__} records, not {record!r:.80}")
        )
        return record
    changes: dict[str, Any] = {}

    def take(name: str, type_: FieldType, value: Any, into: dict[str, Any]) -> None:
        try:
            into[name] = type_.accept(value)
        except ValueRefused as error:
            problems.append(Problem(kind.name, str(record.id)[:100], name, str(error)))

    if not (isinstance(record.id, str) and 0 < len(record.id) <= 100):
        problems.append(Problem(kind.name, "", "id", "takes 1 to 100 characters of text"))
    else:
        take("id", kind.field("id").type, record.id, {})
    for field in suspects:
        value = getattr(record, field.name)
        if value is not None:
            take(field.name, field.type, value, changes)
        elif field.required:
            problems.append(Problem(kind.name, record.id, field.name, "is required"))
    added: dict[str, Any] = {}
    for path, value in record.added.items():
        known = kind.fields.get(path)
        if known is None:
            hint = nearest(path, [name for name in kind.fields if "." in name])
            text = f"is no field that was added to {kind.name}{hint or '; define it first'}"
            problems.append(Problem(kind.name, record.id, path, text))
        elif value is not None:
            take(path, known.type, value, added)
    for name in record.extra.keys() & {*kind.fields, *BASE}:
        problems.append(Problem(kind.name, record.id, name, "is a field; set it, not `extra`"))
    if record.extra:
        take("extra", Object(), record.extra, changes)
    return record if problems else record.evolve(added=added, **changes)


def stamped(record: Record, version: int, created_at: datetime, updated_at: datetime) -> Any:
    """A copy with those."""
    copy = filler(record.__class__)  # type: ignore[arg-type]  # a class has a hash
    return copy(record, version=version, created_at=created_at, updated_at=updated_at)


# Documents -----------------------------------------------------------------------------------------------------


def dump_document(kind: Kind, record: Record) -> Document:
    """The record in plain form, missing values left out."""
    document: Document = {
        **record.extra,
        "id": record.id,
        "version": record.version,
        "created_at": format_time(record.created_at),
        "updated_at": format_time(record.updated_at),
    }
    document |= {name: _plain(field, record) for name, field in kind.fields.items()}
    return {name: value for name, value in document.items() if value is not None}


def _plain(field: Field, record: Record) -> Any:
    value = record[field.name]
    return value if value is None or isinstance(record, OpaqueRecord) else field.type.dump(value)


def load_document(kind: Kind, document: Mapping[str, Any]) -> Record:
    """The record of a document; what the kind does not declare goes to `extra`, missing fields get their defaults.

    Raises `InvalidRecords` for values that do not fit.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, field in kind.fields.items():
        plain = document.get(name)
        if plain is None:
            if field.required and not kind.opaque and field.default is attrs.NOTHING:
                problems.append(Problem(kind.name, str(document.get("id")), name, "is required"))
            continue
        try:
            values[name] = plain if kind.opaque else field.type.load(plain)
        except ValueRefused as error:
            problems.append(Problem(kind.name, str(document.get("id")), name, str(error)))
    if problems:
        raise InvalidRecords(problems)
    base: dict[str, Any] = {
        "id": document["id"],
        "version": document["version"],
        "created_at": parse_time(document["created_at"]),
        "updated_at": parse_time(document["updated_at"]),
        "extra": {n: v for n, v in document.items() if n not in kind.fields and n not in BASE},
        "added": {name: value for name, value in values.items() if "." in name},
    }
    own = {name: value for name, value in values.items() if "." not in name}
    if kind.opaque:
        return OpaqueRecord(kind=kind.name, values=own, **base)
    missing: dict[str, Any] = {
        n: None for n, f in kind.fields.items() if "." not in n and n not in own and not f.required
    }
    return kind.cls(**base, **missing, **own)


# Deltas --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _declared(kind: Kind) -> tuple[tuple[Field, ...], Callable[[Any], Any]]:
    fields = tuple(field for field in kind.fields.values() if not field.added)
    return fields, attrgetter("id", *(field.name for field in fields))


def delta_of(kind: Kind, write: Write) -> Delta | Document | None:
    """What the journal keeps of a write: field -> (before, after), the document before a delete, or nothing."""
    if write.previous is None:
        return None
    if write.action == "delete":
        return dump_document(kind, write.previous)
    return write.delta or difference(kind, write.previous, write.record)


def difference(kind: Kind, before: Record, after: Record) -> Delta:
    """Field -> (before, after) in plain form, for each field that differs."""
    delta: Delta = {}
    if kind.opaque:
        for field in kind.fields.values():
            if before[field.name] != after[field.name]:
                delta[field.name] = (before[field.name], after[field.name])
    else:
        fields, values = _declared(kind)
        for field, old, new in zip(fields, values(before)[1:], values(after)[1:], strict=True):
            if old is not new and old != new:
                delta[field.name] = (_dumped(field, old), _dumped(field, new))
    if before.added != after.added:
        for path in sorted(before.added.keys() | after.added.keys()):
            old, new = before.added.get(path), after.added.get(path)
            if old != new and path not in delta:
                added = kind.fields[path]
                delta[path] = (_dumped(added, old), _dumped(added, new))
    if before.extra != after.extra:
        for name in sorted(before.extra.keys() | after.extra.keys()):
            old, new = before.extra.get(name), after.extra.get(name)
            if old != new:
                delta[name] = (old, new)
    return delta


def _dumped(field: Field, value: Any) -> Any:
    return None if value is None else field.type.dump(value)


def blanked(kind: Kind, field: Field) -> Any:
    """The plain value that stands where a value was taken out; refused where the type has none."""
    if not field.required or field.added:
        return None
    if field.type.blank is None:
        why = "is required and has no blank value; declare it `| None`"
        raise InvalidRecords([Problem(kind.name, "", field.name, why)])
    return field.type.dump(field.type.blank)
