"""Records: `Record`, `@kind`, `field`, and the kinds that every CRM has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Literal, Self, TypeVar, dataclass_transform, overload

import attrs

from crmkit.errors import SchemaError, nearest
from crmkit.values import NEVER, new_id

__all__ = [
    "Alias",
    "CustomField",
    "Customer",
    "Direction",
    "FieldOptions",
    "Identity",
    "Interaction",
    "KindOptions",
    "OnDelete",
    "OpaqueRecord",
    "Participant",
    "Record",
    "field",
    "kind",
]

T = TypeVar("T")
R = TypeVar("R", bound="Record")

OnDelete = Literal["refuse", "clear", "cascade"]
"""What happens to a record when the one it refers to is deleted."""


@attrs.frozen
class FieldOptions:
    """What a field declares besides its type; it drives tables, search, merge, erasure, import and forms.

    `index`: conditions and orders on it are fast. `search`: its words are found. `refers_to`: the kind (class or
    name) whose id it holds, `on_delete` what happens when that goes. `personal`: erased with the person.
    `label`: what people read. `scale`: decimals of a `Decimal`.
    """

    index: bool = False
    search: bool = False
    refers_to: type[Record] | str | None = None
    on_delete: OnDelete = "refuse"
    personal: bool = False
    label: str | None = None
    scale: int | None = None


@overload
def field(
    *,
    default: T,
    index: bool = ...,
    search: bool = ...,
    refers_to: type[Record] | str | None = ...,
    on_delete: OnDelete = ...,
    personal: bool = ...,
    label: str | None = ...,
    scale: int | None = ...,
) -> T: ...
@overload
def field(
    *,
    factory: Callable[[], T],
    index: bool = ...,
    search: bool = ...,
    refers_to: type[Record] | str | None = ...,
    on_delete: OnDelete = ...,
    personal: bool = ...,
    label: str | None = ...,
    scale: int | None = ...,
) -> T: ...
@overload
def field(
    *,
    index: bool = ...,
    search: bool = ...,
    refers_to: type[Record] | str | None = ...,
    on_delete: OnDelete = ...,
    personal: bool = ...,
    label: str | None = ...,
    scale: int | None = ...,
) -> Any: ...
def field(
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    **options: Any,
) -> Any:
    """A field of a kind, with its options (see `FieldOptions`)."""
    metadata = {FieldOptions: FieldOptions(**options)}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


@attrs.frozen
class KindOptions:
    """What `@kind` was given; see there."""

    name: str
    label: str
    timeline: str | None
    title: str
    indexes: tuple[tuple[str, ...], ...]
    unique: tuple[tuple[str, ...], ...]
    schema: int


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def _frozen(cls: type[T]) -> type[T]:
    return attrs.define(frozen=True, kw_only=True, slots=True, weakref_slot=False, hash=False)(cls)


def _with_fields(cls: type[R]) -> type[R]:
    names: Iterable[str] = (a.name for a in attrs.fields(cls))  # type: ignore[arg-type]
    cls.__fields__ = tuple(name for name in names if name not in {"added", "extra"})
    return cls


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def kind(
    name: str,
    *,
    label: str | None = None,
    timeline: str | None = None,
    title: str = "id",
    indexes: Sequence[Sequence[str]] = (),
    unique: Sequence[Sequence[str]] = (),
    schema: int = 1,
) -> Callable[[type[R]], type[R]]:
    """Make a class a kind of record, frozen and keyword-only.

    `name` is what tables, commands and the journal call it. `label` is what people read. `timeline` is the field
    whose time places a record on its customer's timeline. `title` is the field that names a record in lists.
    `indexes` and `unique` are tuples of field names; a missing value never clashes in `unique`. `schema` goes up
    when stored documents of the kind need `upgrade` first.
    """

    def make(cls: type[R]) -> type[R]:
        if not (isinstance(cls, type) and issubclass(cls, Record)):
            raise SchemaError(f"@kind({name!r}) is for subclasses of Record, not {cls!r}")
        made = _with_fields(_frozen(cls))
        made.__kind__ = name
        made.__options__ = KindOptions(
            name=name,
            label=label or name.replace("_", " ").capitalize(),
            timeline=timeline,
            title=title,
            indexes=tuple(map(tuple, indexes)),
            unique=tuple(map(tuple, unique)),
            schema=schema,
        )
        return made

    return make


@_frozen
class Record:
    """What every kind has.

    `version` is 0 until the first save and counts every save since. `added` holds fields that plugins and people
    added (`record["custom.tier"]`), `extra` what the stored document held and nothing here declares, word for word.
    """

    __kind__: ClassVar[str] = ""
    __options__: ClassVar[KindOptions]
    __fields__: ClassVar[tuple[str, ...]]

    id: str = attrs.field(factory=new_id)
    version: int = 0
    created_at: datetime = NEVER
    updated_at: datetime = NEVER
    added: Mapping[str, Any] = attrs.field(factory=dict)
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """The names of the fields that the class declares, those of `Record` first."""
        return cls.__fields__

    @classmethod
    def upgrade(cls, data: dict[str, Any], from_schema: int) -> dict[str, Any]:
        """Bring the document of an older `schema` forward to the class's own."""
        return data

    def evolve(self, **changes: Any) -> Self:
        """A copy with other values."""
        unknown = changes.keys() - {*self.__fields__, "added", "extra"}
        if unknown:
            name = min(unknown)
            hint = nearest(name, self.__fields__)
            raise TypeError(f"{type(self).__name__} has no field {name!r}{hint}")
        copy: Self = attrs.evolve(self, **changes)  # type: ignore[misc]  # Self is an attrs class
        return copy

    def set(self, path: str, value: Any) -> Self:
        """A copy with another value in one field, an added one (`"custom.tier"`) too; None takes that away."""
        if path in self.__fields__:
            return self.evolve(**{path: value})
        if "." not in path:
            hint = nearest(path, [*self.__fields__, *self.added])
            raise KeyError(f"{self.__kind__} has no field {path!r}{hint}")
        added = {key: each for key, each in self.added.items() if key != path}
        return self.evolve(added=added if value is None else {**added, path: value})

    def __getitem__(self, path: str) -> Any:
        """The value of a field by its name, an added one too; None where an added field has none."""
        if path in self.__fields__:
            return getattr(self, path)
        if "." in path:
            return self.added.get(path)
        hint = nearest(path, [*self.__fields__, *self.added])
        raise KeyError(f"{self.__kind__} has no field {path!r}{hint}")


@_frozen
class OpaqueRecord(Record):
    """A record whose kind no loaded plugin knows: listed, exported, merged, erased; never edited, never lost.

    `values` are its declared fields in plain form, by the catalogue that the database keeps.
    """

    kind: str
    values: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def __kind__(self) -> str:  # type: ignore[override]  # a class for all kinds that have lost theirs
        return self.kind

    def __getitem__(self, path: str) -> Any:
        """The plain value of a field by its name, None if it is missing."""
        if path in Record.__fields__:  # the kind may well have fields called kind or values
            return getattr(self, path)
        return self.values.get(path, self.added.get(path))


_with_fields(Record)
_with_fields(OpaqueRecord)


class Direction(Enum):
    """Which way a contact went."""

    IN = "in"
    OUT = "out"


@kind("customer", title="name", indexes=(("owner", "name"),))
class Customer(Record):
    """A person or an organization; a person may belong to an organization."""

    name: str = field(search=True, personal=True, index=True)
    type: Literal["person", "organization"] = field(default="person")
    organization_id: str | None = field(
        default=None, refers_to="customer", on_delete="clear", label="Organization"
    )
    owner: str | None = field(default=None)
    language: str | None = field(default=None)
    timezone: str | None = field(default=None, label="Time zone")
    country: str | None = field(default=None)
    tags: tuple[str, ...] = field(default=(), search=True)


@kind("identity", title="value", indexes=(("channel", "normalised"),))
class Identity(Record):
    """An address on one channel; without a customer while nobody knows whose it is.

    Indexed, not unique: families and switchboards share numbers. `normalised` is filled on every write.
    """

    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="cascade", label="Customer"
    )
    channel: str = field()
    value: str = field(search=True, personal=True)
    normalised: str = field(default="", personal=True)
    verified_at: datetime | None = field(default=None)
    first_seen_at: datetime | None = field(default=None)
    last_seen_at: datetime | None = field(default=None)


@kind(
    "interaction",
    timeline="happened_at",
    title="subject",
    unique=(("source", "external_id"),),
    indexes=(("thread", "happened_at"),),
)
class Interaction(Record):
    """One contact on one channel.

    `source` and `external_id` make a channel that delivers twice record once. `happened_at` is when it happened,
    `created_at` when it was recorded. `identity_id` is the address that it came from or went to.
    """

    customer_id: str | None = field(default=None, refers_to=Customer, label="Customer")
    identity_id: str | None = field(
        default=None, refers_to=Identity, on_delete="clear", label="Identity"
    )
    channel: str = field()
    direction: Direction = field(default=Direction.IN)
    happened_at: datetime = field(label="Happened at")
    source: str | None = field(default=None)
    external_id: str | None = field(default=None)
    subject: str = field(default="", search=True, personal=True)
    body: str = field(default="", search=True, personal=True)
    outcome: str | None = field(default=None)
    thread: str | None = field(default=None)


@kind("participant", title="role")
class Participant(Record):
    """Who else was in an interaction: the others of a group mail or a meeting."""

    interaction_id: str = field(refers_to=Interaction, on_delete="cascade", label="Interaction")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    identity_id: str | None = field(
        default=None, refers_to=Identity, on_delete="clear", label="Identity"
    )
    role: str = field(default="to")


@kind("custom_field", label="Custom field", title="name", unique=(("on", "name"),))
class CustomField(Record):
    """A field that people added to a kind at run time: `custom.NAME` on records of kind `on`."""

    on: str = field()
    name: str = field()
    type: Literal[
        "text", "flag", "whole", "number", "datetime", "date", "money", "items", "object", "choice"
    ] = field(default="text")
    choices: tuple[str, ...] = field(default=())
    caption: str | None = field(default=None, label="Caption")
    index: bool = field(default=False)
    search: bool = field(default=False)
    personal: bool = field(default=False)


@kind("alias", title="target", indexes=(("target",),))
class Alias(Record):
    """An id that was merged away: its own `id` is the old one, `target` the id of the record that took it in."""

    of: str = field(label="Kind")
    target: str = field()


CORE_KINDS: Iterable[type[Record]] = (
    Customer,
    Identity,
    Interaction,
    Participant,
    CustomField,
    Alias,
)
"""The kinds of the core, which need no plugin."""
