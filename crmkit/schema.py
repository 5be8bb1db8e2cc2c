"""What a kind is made of, and the registry of kinds.

`crmkit.declarations` reads kinds off their classes, `crmkit.catalogue` keeps them in the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs

from crmkit.errors import PluginConflict, QueryError, SchemaError, nearest
from crmkit.records import FieldOptions, KindOptions, OnDelete, OpaqueRecord, Record
from crmkit.types import DateTime, FieldType, Ref, Text, Whole

__all__ = ["BASE", "CORE", "MAX_NAME", "Field", "Kind", "Path", "Schema"]

CORE = "crmkit"
"""The owner of the kinds and fields that no plugin brought."""

MAX_NAME = 48
"""The most bytes in the name of a column or table: 63 in PostgreSQL, less what an index's name adds."""

_NO_OPTIONS = FieldOptions()
BASE = ("id", "version", "created_at", "updated_at")
"""The fields that `Record` itself has in every kind."""


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
    def initial(self) -> Any:
        """What documents from before it hold from now on, in plain form; None if nothing."""
        default = self.default.factory() if hasattr(self.default, "factory") else self.default
        has_one = self.required and default is not None and default is not attrs.NOTHING
        return self.type.dump(default) if has_one else None

    @property
    def refers_to(self) -> str | None:
        """The name of the kind whose ids it holds."""
        return self.type.kind if isinstance(self.type, Ref) else None

    @property
    def on_delete(self) -> OnDelete:
        """What becomes of the record when the one it refers to is deleted."""
        return self.options.on_delete


_BASE_TYPES = (Text(), Whole(), DateTime(), DateTime())
_BASE_FIELDS = {
    name: Field(name, type_, required=True) for name, type_ in zip(BASE, _BASE_TYPES, strict=True)
}


@attrs.frozen(eq=False, kw_only=True)
class Kind(KindOptions):
    """A kind of record: its options, its class, its fields by name (those of `Record` apart), its indexes."""

    cls: type[Record]
    fields: Mapping[str, Field]
    owner: str = CORE

    @property
    def opaque(self) -> bool:
        """Whether no loaded plugin knows the kind."""
        return self.cls is OpaqueRecord

    def field(self, path: str) -> Field:
        """The field of that name, those of `Record` too; an unknown one is a `QueryError` naming the nearest."""
        found = self.fields.get(path) or _BASE_FIELDS.get(path)
        if found is None:
            names = [*self.fields, *_BASE_FIELDS]
            added = [name for name in names if name.endswith(f".{path}")]
            hint = nearest(added[0], added) if added else nearest(path, names)
            raise QueryError(
                f"{self.name} has no field {path!r}{hint or '; it has ' + ', '.join(names)}"
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
