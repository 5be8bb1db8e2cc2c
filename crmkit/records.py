"""Records: `Record`, `@kind`, `field`; the kinds that every CRM has are in `crmkit.kinds`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import (
    Any,
    ClassVar,
    Literal,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    dataclass_transform,
    overload,
)

import attrs

from crmkit.errors import SchemaError, nearest
from crmkit.values import NEVER, new_id

__all__ = ["FieldOptions", "KindOptions", "OnDelete", "OpaqueRecord", "Record", "field", "kind"]

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


class Options(TypedDict, total=False):
    """The keyword arguments of `field`: those of `FieldOptions`."""

    index: bool
    search: bool
    refers_to: type[Record] | str | None
    on_delete: OnDelete
    personal: bool
    label: str | None
    scale: int | None


@overload
def field(*, default: T, **options: Unpack[Options]) -> T: ...
@overload
def field(*, factory: Callable[[], T], **options: Unpack[Options]) -> T: ...
@overload
def field(**options: Unpack[Options]) -> Any: ...
def field(
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    **options: Unpack[Options],
) -> Any:
    """A field of a kind, with its options (see `FieldOptions`)."""
    metadata = {FieldOptions: FieldOptions(**options)}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


def _groups(names: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(map(tuple, names))


@attrs.frozen(eq=False)
class KindOptions:
    """What `@kind` was given; see there."""

    name: str
    label: str
    timeline: str | None = None
    title: str = "id"
    declared_indexes: tuple[tuple[str, ...], ...] = attrs.field(default=(), converter=_groups)
    unique: tuple[tuple[str, ...], ...] = attrs.field(default=(), converter=_groups)
    schema: int = 1


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def _frozen(cls: type[T]) -> type[T]:
    return attrs.define(frozen=True, kw_only=True, slots=True, weakref_slot=False, hash=False)(cls)


def _with_fields(cls: type[R]) -> type[R]:
    names: Iterable[str] = (a.name for a in attrs.fields(cls))  # type: ignore[arg-type]
    cls.__fields__ = {name: None for name in names if name not in {"added", "extra"}}
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
        caption = label or name.replace("_", " ").capitalize()
        made.__options__ = KindOptions(name, caption, timeline, title, indexes, unique, schema)
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
    __fields__: ClassVar[Mapping[str, None]]

    id: str = attrs.field(factory=new_id)
    version: int = 0
    created_at: datetime = NEVER
    updated_at: datetime = NEVER
    added: Mapping[str, Any] = attrs.field(factory=dict)
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """The names of the fields that the class declares, those of `Record` first."""
        return tuple(cls.__fields__)

    @classmethod
    def upgrade(cls, data: dict[str, Any], from_schema: int) -> dict[str, Any]:
        """Bring the document of an older `schema` forward to the class's own."""
        return data

    def evolve(self, **changes: Any) -> Self:
        """A copy with other values."""
        unknown = [n for n in changes if n not in self.__fields__ and n not in {"added", "extra"}]
        if unknown:
            name = min(unknown)
            hint = nearest(name, self.__fields__)
            raise TypeError(f"{type(self).__name__} has no field {name!r}{hint}")
        cls: Any = type(self)
        copy: Self = (filler(cls) if _is_plain(cls) else attrs.evolve)(self, **changes)
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


def draft_of(cls: Any) -> Any:
    """A class of the same layout that is not frozen: generated functions fill one, then make it a `cls`.

    A fourth of the time that the descriptors of a frozen class take: what sets an attribute is a single instruction.
    """
    thawed = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(cls)(f"{cls.__name__}Draft", (cls,), {"__slots__": (), **thawed})


@lru_cache(maxsize=1024)
def filler(cls: Any) -> Callable[..., Any]:
    """A function (record, **changes) -> a copy with other values, in a fraction of the time that `__init__` takes."""
    lines = ["def fill(r, **changes):", " n = new(draft)"]
    lines += [f" n.{each.name} = r.{each.name}" for each in attrs.fields(cls)]
    lines += [" for name in changes: setattr(n, name, changes[name])", " n.__class__ = cls"]
    names: dict[str, Any] = {"new": object.__new__, "draft": draft_of(cls), "cls": cls}
    exec("\n".join([*lines, " return n"]), names)
    fill: Callable[..., Any] = names["fill"]
    return fill


@lru_cache(maxsize=1024)
def _is_plain(cls: type[Any]) -> bool:
    """Whether making one is filling it: nothing is validated, converted or done afterwards."""
    more = (each.validator or each.converter or not each.init for each in attrs.fields(cls))
    return not any(more) and not hasattr(cls, "__attrs_post_init__")


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
