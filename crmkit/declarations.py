"""Declarations: kinds and fields read off their classes and annotations, and off what people define."""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Union

import attrs

from crmkit import types as fieldtypes
from crmkit.errors import SchemaError
from crmkit.kinds import CustomField
from crmkit.query import kind_name
from crmkit.records import FieldOptions, Record
from crmkit.schema import BASE, CORE, MAX_NAME, Field, Kind
from crmkit.types import Choice, FieldType, Items, Object, Ref, Scaled, described
from crmkit.values import Money

__all__ = ["custom_field", "read_kind", "type_of"]

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")

# Kinds are read again for each app that a process opens; what their annotations mean stays.
_hints = functools.cache(typing.get_type_hints)

_SIMPLE: dict[Any, FieldType] = {
    str: fieldtypes.Text(),
    bool: fieldtypes.Flag(),
    int: fieldtypes.Whole(),
    float: fieldtypes.Number(),
    datetime: fieldtypes.DateTime(),
    date: fieldtypes.Date(),
    Money: fieldtypes.MoneyType(),
}


def type_of(annotation: Any, options: FieldOptions, place: str) -> tuple[FieldType, bool]:
    """The type that an annotation means, and whether it is required (not `| None`)."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in {Union, types.UnionType}:
        rest = [each for each in arguments if each is not type(None)]
        if len(rest) == 1 and len(arguments) == 2:
            return type_of(rest[0], options, place)[0], False
    return _required_type(annotation, options, place), True


def _required_type(annotation: Any, options: FieldOptions, place: str) -> FieldType:
    origin = typing.get_origin(annotation)
    if options.refers_to is not None and annotation is str:
        return Ref(kind=kind_name(options.refers_to))
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if annotation is Decimal and options.scale is not None and 0 <= options.scale <= 18:
        return Scaled(scale=options.scale)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choice(tuple(each.value for each in annotation), annotation, place)
    if origin is Literal:
        return _choice(typing.get_args(annotation), None, place)
    if origin is tuple and typing.get_args(annotation)[1:] == (...,):
        return Items()
    if (origin or annotation) in {Mapping, dict}:
        return Object()
    hint = "; give field(scale=...) up to 18" if annotation is Decimal else ""
    raise SchemaError(
        f"{place} is annotated {annotation!r}, which crmkit cannot store{hint}; use str, bool, int, float, datetime, "
        "date, Decimal, Money, an Enum, a Literal, tuple[X, ...], Mapping[str, X], or one of these `| None`"
    )


def _choice(values: tuple[Any, ...], enum: type[Enum] | None, place: str) -> Choice:
    if {type(value) for value in values} not in ({str}, {int}):
        raise SchemaError(
            f"{place} must choose among texts, or among whole numbers, not {values!r}"
        )
    return Choice(values=values, enum=enum)


def read_kind(cls: type[Record], owner: str = CORE, added: Iterable[Field] = ()) -> Kind:
    """The kind that a class made with `@kind` is."""
    options = cls.__dict__.get("__options__")
    if options is None:
        raise SchemaError(f"{cls!r} is no kind; decorate it with @kind(...)")
    _check_name(options.name, f"the kind {options.name!r}")
    try:
        hints = _hints(cls)  # type: ignore[arg-type]  # a class has a hash
    except NameError as error:
        raise SchemaError(
            f"the annotations of {cls.__qualname__} name {error.name!r}, which its module does not have"
        ) from None
    fields: dict[str, Field] = {}
    for attribute in attrs.fields(cls):  # type: ignore[arg-type]  # every kind is an attrs class
        if attribute.name not in {*BASE, "added", "extra"}:
            fields[attribute.name] = _read_field(attribute, hints[attribute.name], options, owner)
    fields |= {each.name: each for each in added}
    made = Kind(**attrs.asdict(options, recurse=False), cls=cls, fields=fields, owner=owner)
    _check_kind(made)
    return made


def _read_field(attribute: Any, hint: Any, options: Any, owner: str) -> Field:
    place = f"{options.name}.{attribute.name}"
    _check_name(attribute.name, place)
    own = attribute.metadata.get(FieldOptions, FieldOptions())
    made, required = type_of(hint, own, place)
    if own.search and made.name not in {"text", "items"}:
        raise SchemaError(f"{place} cannot be searched: only text and tuples of text have words")
    return Field(attribute.name, made, required, attribute.default, own, owner)


def _check_name(name: str, place: str) -> None:
    if not _NAME.match(name) or len(name) > MAX_NAME or "__" in name:
        raise SchemaError(
            f"{place}: a name is at most {MAX_NAME} small letters, digits and single underscores, "
            "beginning with a letter"
        )


def _check_kind(kind: Kind) -> None:
    if kind.timeline is not None:
        if kind.field(kind.timeline).type.name != "datetime":
            raise SchemaError(
                f"the timeline of {kind.name} is {kind.timeline}, which is not a datetime"
            )
        if kind.customer is None:
            raise SchemaError(
                f"{kind.name} has a timeline but no field(refers_to=Customer) to say whose"
            )
    for each in (*kind.declared_indexes, *kind.unique, (kind.title,)):
        for name in each:
            if kind.field(name).type.name in {"object", "items"}:
                raise SchemaError(f"{kind.name}.{name} is a collection, which no index can hold")


def custom_field(definition: CustomField) -> Field:
    """The field that people defined: `custom.NAME`."""
    _check_name(definition.name, f"the custom field {definition.name!r}")
    chosen: FieldType = (
        _choice(definition.choices, None, f"custom.{definition.name}")
        if definition.type == "choice"
        else described({"type": definition.type})
    )
    options = FieldOptions(
        index=definition.index,
        search=definition.search and chosen.name in {"text", "items"},
        personal=definition.personal,
        label=definition.caption,
    )
    return Field(f"custom.{definition.name}", chosen, options=options, owner="custom")
