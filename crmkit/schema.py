"""What a kind is made of, read off its class; the registry of kinds; the catalogue kept in the database."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any, Literal, Union

import attrs

from crmkit import types as fieldtypes
from crmkit.errors import PluginConflict, QueryError, SchemaError, nearest
from crmkit.records import (
    CustomField,
    FieldOptions,
    OnDelete,
    OpaqueRecord,
    Record,
)
from crmkit.types import Choice, FieldType, Items, Object, Ref, Scaled, described
from crmkit.values import Money

__all__ = ["CORE", "MAX_NAME", "Field", "Kind", "Path", "Schema", "read_kind", "type_of"]

CORE = "crmkit"
"""The owner of the kinds and fields that no plugin brought."""

MAX_NAME = 48
"""The most bytes in the name of a column or table: 63 in PostgreSQL, less what an index's name adds."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_BASE_HINTS = {"id": str, "version": int, "created_at": datetime, "updated_at": datetime}
_NO_OPTIONS = FieldOptions()
BASE = tuple(_BASE_HINTS)
"""The fields that `Record` itself has in every kind."""

_SIMPLE: dict[Any, FieldType] = {
    str: fieldtypes.Text(),
    bool: fieldtypes.Flag(),
    int: fieldtypes.Whole(),
    float: fieldtypes.Number(),
    datetime: fieldtypes.DateTime(),
    date: fieldtypes.Date(),
    Money: fieldtypes.MoneyType(),
}


@attrs.frozen(eq=False)
class Field:
    """One field of a kind. `name` holds a dot if a plugin or a person added it: `clinic.chart_no`, `custom.tier`."""

    name: str
    type: FieldType
    required: bool = False
    default: Any = None
    options: FieldOptions = _NO_OPTIONS
    owner: str = CORE

    @property
    def added(self) -> bool:
        """Whether it lives in `record.added`."""
        return "." in self.name

    @property
    def custom(self) -> bool:
        """Whether people added it at run time: then it has no column of its own."""
        return self.name.startswith("custom.")

    @property
    def column(self) -> str:
        """What a table calls it."""
        return self.name.replace(".", "__")

    @property
    def label(self) -> str:
        """What people read."""
        plain = self.name.rpartition(".")[2].removesuffix("_id")
        return self.options.label or plain.replace("_", " ").capitalize()

    @property
    def refers_to(self) -> str | None:
        """The name of the kind whose ids it holds."""
        return self.type.kind if isinstance(self.type, Ref) else None

    @property
    def on_delete(self) -> OnDelete:
        """What becomes of the record when the one it refers to is deleted."""
        return self.options.on_delete


_BASE_FIELDS = {
    name: Field(name, _SIMPLE[hint], required=True) for name, hint in _BASE_HINTS.items()
}


@attrs.frozen(eq=False)
class Kind:
    """A kind of record: its class, its fields by name (those of `Record` apart), its indexes."""

    name: str
    cls: type[Record]
    fields: Mapping[str, Field]
    label: str
    title: str = "id"
    timeline: str | None = None
    declared_indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    schema: int = 1
    owner: str = CORE

    @property
    def opaque(self) -> bool:
        """Whether no loaded plugin knows the kind."""
        return self.cls is OpaqueRecord

    def field(self, path: str) -> Field:
        """The field of that name, those of `Record` too; an unknown one is a `QueryError` naming the nearest."""
        found = self.fields.get(path) or _BASE_FIELDS.get(path)
        if found is None:
            hint = nearest(path, [*self.fields, *_BASE_FIELDS])
            raise QueryError(
                f"{self.name} has no field {path!r}{hint or f'; see `crm record {self.name} --help`'}"
            )
        return found

    @cached_property
    def references(self) -> tuple[Field, ...]:
        """The fields that hold ids of other records."""
        return tuple(each for each in self.fields.values() if each.refers_to)

    @cached_property
    def searchable(self) -> tuple[Field, ...]:
        """The fields whose words search finds."""
        return tuple(each for each in self.fields.values() if each.options.search)

    @cached_property
    def personal(self) -> tuple[Field, ...]:
        """The fields that hold personal data."""
        return tuple(each for each in self.fields.values() if each.options.personal)

    @cached_property
    def customer(self) -> str | None:
        """The field that says whose record this is: `customer_id`, else the first reference to a customer."""
        found = [each.name for each in self.references if each.refers_to == "customer"]
        return "customer_id" if "customer_id" in found else next(iter(found), None)

    @cached_property
    def indexes(self) -> tuple[tuple[str, ...], ...]:
        """Every index that a storage must have, apart from `unique`: none is the beginning of another."""
        wanted = list(self.declared_indexes)
        if self.timeline and self.customer:
            wanted.append((self.customer, self.timeline))
        wanted += [
            (each.name,) for each in self.fields.values() if each.options.index or each.refers_to
        ]
        longest = sorted(dict.fromkeys(wanted), key=len, reverse=True)
        kept: list[tuple[str, ...]] = []
        for columns in longest:
            if not any(other[: len(columns)] == columns for other in [*kept, *self.unique]):
                kept.append(columns)
        return tuple(sorted(kept))

    def title_of(self, record: Record) -> str:
        """What names the record in a list."""
        return str(record[self.title] or record.id)


@attrs.frozen
class Path:
    """Where a path leads: a field of the kind itself, or of the kind that `reference` refers to."""

    field: Field
    reference: Field | None = None
    target: Kind | None = None


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
        target = options.refers_to
        return Ref(kind=target if isinstance(target, str) else target.__kind__)
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
    if not values or not (
        all(type(value) is str for value in values) or all(type(value) is int for value in values)
    ):
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
        hints = typing.get_type_hints(cls)
    except NameError as error:
        raise SchemaError(
            f"the annotations of {cls.__qualname__} name {error.name!r}, which its module does not have"
        ) from None
    fields: dict[str, Field] = {}
    for attribute in attrs.fields(cls):  # type: ignore[arg-type]  # every kind is an attrs class
        if attribute.name not in _BASE_HINTS and attribute.name not in {"added", "extra"}:
            fields[attribute.name] = _read_field(attribute, hints[attribute.name], options, owner)
    fields |= {each.name: each for each in added}
    made = Kind(
        options.name,
        cls,
        fields,
        options.label,
        title=options.title,
        timeline=options.timeline,
        declared_indexes=options.indexes,
        unique=options.unique,
        schema=options.schema,
        owner=owner,
    )
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


@attrs.frozen(eq=False)
class Schema:
    """Every kind of one app, by name."""

    kinds: Mapping[str, Kind]
    _places: dict[tuple[Kind, str], Path] = attrs.field(factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, kinds: Iterable[Kind]) -> Schema:
        """A schema of these; two of one name are a `PluginConflict`, a reference to none a `SchemaError`."""
        found: dict[str, Kind] = {}
        for each in kinds:
            if each.name in found:
                raise PluginConflict(
                    f"kind {each.name!r} comes from both {found[each.name].owner} and {each.owner}; "
                    "disable one of them with `crm plugin disable`"
                )
            found[each.name] = each
        for each in found.values():
            for reference in each.references:
                if reference.refers_to not in found:
                    hint = nearest(str(reference.refers_to), found)
                    raise SchemaError(
                        f"{each.name}.{reference.name} refers to {reference.refers_to!r}, which is no kind{hint}"
                    )
        return cls(dict(sorted(found.items())))

    def __getitem__(self, name: str) -> Kind:
        """The kind of that name; an unknown one is a `QueryError` naming the nearest."""
        try:
            return self.kinds[name]
        except KeyError:
            hint = nearest(name, self.kinds) or f"; there are {', '.join(self.kinds)}"
            raise QueryError(f"there is no kind {name!r}{hint}") from None

    def __iter__(self) -> Iterator[Kind]:
        return iter(self.kinds.values())

    def referring(self, name: str) -> list[tuple[Kind, Field]]:
        """Every field of every kind that refers to this kind."""
        return [(kind, each) for kind in self for each in kind.references if each.refers_to == name]

    def locate(self, kind: Kind, path: str) -> Path:
        """Where `[reference.]field` leads; an unknown one is a `QueryError` naming the nearest."""
        found = self._places.get((kind, path))
        if found is None:
            found = self._places[kind, path] = self._locate(kind, path)
        return found

    def _locate(self, kind: Kind, path: str) -> Path:
        head, dot, rest = path.partition(".")
        reference = kind.fields.get(head) if dot and path not in kind.fields else None
        if reference is None or reference.refers_to is None:
            return Path(kind.field(path))
        target = self.kinds[reference.refers_to]
        return Path(target.field(rest), reference, target)


def catalogue(schema: Schema) -> dict[str, Any]:
    """The kinds as JSON, from which `from_catalogue` makes those again whose plugin is gone."""
    return {kind.name: _catalogue_kind(kind) for kind in schema}


def _catalogue_kind(kind: Kind) -> dict[str, Any]:
    return {
        "owner": kind.owner,
        "label": kind.label,
        "title": kind.title,
        "timeline": kind.timeline,
        "schema": kind.schema,
        "indexes": [list(each) for each in kind.declared_indexes],
        "unique": [list(each) for each in kind.unique],
        "fields": {
            each.name: {
                **each.type.describe(),
                "required": each.required,
                "search": each.options.search,
                "personal": each.options.personal,
                "index": each.options.index,
                "on_delete": each.on_delete,
                "owner": each.owner,
            }
            for each in kind.fields.values()
        },
    }


def from_catalogue(name: str, kept: Mapping[str, Any]) -> Kind:
    """The opaque kind that a catalogue's entry describes."""
    fields = {
        path: Field(
            path,
            described(each),
            each["required"],
            options=FieldOptions(
                index=each["index"],
                search=each["search"],
                personal=each["personal"],
                on_delete=each["on_delete"],
            ),
            owner=each["owner"],
        )
        for path, each in kept["fields"].items()
    }
    return Kind(
        name,
        OpaqueRecord,
        fields,
        kept["label"],
        title=kept["title"],
        timeline=kept["timeline"],
        declared_indexes=tuple(map(tuple, kept["indexes"])),
        unique=tuple(map(tuple, kept["unique"])),
        schema=kept["schema"],
        owner=kept["owner"],
    )


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
