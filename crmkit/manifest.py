"""What a plugin says of itself: its manifest, its settings, and the value objects that its hooks return."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from types import ModuleType, NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
import pluggy

from crmkit.errors import ConfigError, CrmError, PluginError, nearest
from crmkit.hookspecs import hookspec as hookspec
from crmkit.query import kind_name
from crmkit.records import FieldOptions, Record

if TYPE_CHECKING:
    from crmkit.crm import CRM
    from crmkit.query import Condition

API = "1.0"
"""The hook API of this crmkit; a plugin loads if its major is equal and its minor is not newer."""

hookimpl = pluggy.HookimplMarker("crmkit")
"""Marks a function of a plugin's entry module as the implementation of the hook of that name."""


def matching(pattern: str, example: str) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """An attrs validator for texts of one pattern; it raises `ConfigError`, which shows the example."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not (isinstance(value, str) and re.fullmatch(pattern, value)):
            place = f"{type(instance).__name__}.{attribute.name}"
            raise ConfigError(f"{place} is {value!r}; write it as in {example!r}")

    return check


# Not `tuple` itself: type checkers do not find out what a converter of a generic type takes.
def _tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(values)


def _frozenset(values: Iterable[str]) -> frozenset[str]:
    return frozenset(values)


_name = matching("[a-z][a-z0-9_-]*", "opening-hours")
_target = matching(r"[\w.]+:[\w.]+", "crmkit_clinic.cli:visits")


def _attrs_class(instance: object, attribute: object, value: Any) -> None:
    if value is not None and not (isinstance(value, type) and attrs.has(value)):
        raise ConfigError(f"Manifest.config is {value!r}; give it an attrs class")


@attrs.frozen
class Manifest:
    """What a plugin is called and needs; the variable `manifest` of its entry module.

    `api` is the hook API it was written for. `requires` names plugins without which it does not load; `extends`
    names optional partners, whose hooks it implements with `@hookimpl(optionalhook=True)`. `config` is an attrs
    class into which the table `[plugin.NAME]` of crm.toml is read. `hookspecs` is a module with hooks of its own.
    Raises `ConfigError` for a name or a number that cannot be one.
    """

    name: str = attrs.field(validator=_name)
    api: str = attrs.field(default=API, validator=matching(r"\d+\.\d+", API))
    requires: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    extends: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    config: type[Any] | None = attrs.field(default=None, validator=_attrs_class)
    hookspecs: ModuleType | None = None

    def settings(self, table: Mapping[str, object]) -> Any:
        """The table `[plugin.NAME]` as an object of the class `config`; None without a class.

        Raises `ConfigError`, which names the table and the key.
        """
        place = f"[plugin.{self.name}]"
        if self.config is None and table:
            raise ConfigError(f"{place} is there, but the plugin has no settings; remove the table")
        return None if self.config is None else structured(table, self.config, place)


_MEANT = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
_MEANT |= {each: f"a {each.__name__}" for each in (list, date, time, datetime)} | {tuple: "a list"}


def structured(value: Any, wanted: Any, place: str) -> Any:
    """A value of a TOML file as what an annotation wants, such as an attrs class; nothing is coerced.

    Understands attrs classes, `tuple[X, ...]`, `list`, mappings, `X | None`, `Literal` and what TOML has. Raises
    `ConfigError`, which begins with `place`.
    """
    origin, arguments = get_origin(wanted) or wanted, get_args(wanted)
    if attrs.has(origin) and isinstance(value, dict):
        return _filled(value, origin, place)
    if origin in (Union, UnionType):
        [present] = (each for each in arguments if each is not NoneType)
        return structured(value, present, place)
    if origin in (tuple, list) and isinstance(value, list):
        return origin(structured(v, arguments[0], f"{place}[{i}]") for i, v in enumerate(value))
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {key: structured(v, arguments[1], f"{place} {key}") for key, v in value.items()}
    if value in arguments if origin is Literal else type(value) is origin or origin is Any:
        return value
    if origin is float and type(value) is int:
        return float(value)
    meant = " or ".join(map(repr, arguments)) if origin is Literal else "a table"
    raise ConfigError(f"{place} is {value!r}; write {_MEANT.get(origin, meant)}")


def _filled(table: Mapping[str, object], cls: type[Any], place: str) -> Any:
    fields = (each for each in attrs.fields(cls) if each.init and each.metadata.get("key", True))
    known = {each.name: each for each in fields}
    for key in sorted(table.keys() - known.keys()):
        hint = nearest(key, known) or f"; there are {', '.join(known)}"
        raise ConfigError(f"{place} has an unknown key {key!r}{hint}")
    for name in known:
        if name not in table and known[name].default is attrs.NOTHING:
            raise ConfigError(f"{place} lacks {name}; add it")
    hints = get_type_hints(cls) if table else {}
    values = {
        known[key].alias: structured(value, hints[key], f"{place} {key}")
        for key, value in table.items()
    }
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {error}") from error


@attrs.frozen
class Found:
    """A plugin that is there to be loaded: what is known of it before it is imported.

    `distribution` and `version` say where it comes from: an installed distribution or, if `local`, the file, folder
    or module that was named. `target` is what to import: `"module"`, `"module:object"`, or a local file's path.
    """

    name: str
    distribution: str
    version: str
    target: str
    local: bool = False

    @property
    def namespace(self) -> str:
        """What the names of its fields on other kinds begin with; plugins of one distribution share it."""
        name = self.name if self.local else self.distribution.lower().removeprefix("crmkit-")
        return re.sub(r"[-.]", "_", name)

    def __str__(self) -> str:
        return f"{self.name} ({f'{self.distribution} {self.version}'.strip()})"

    def refusal(self, text: str, hook: str | None = None) -> PluginError:
        """The error that says what is wrong with it: its name, distribution and version, then `text`."""
        sentence = f"plugin {self} {text}; or go on without it: `crm plugin disable {self.name}`"
        return PluginError(sentence, plugin=self.name, hook=hook, distribution=self.distribution)


def described(error: BaseException) -> str:
    """An exception in words: a `CrmError` speaks for itself, any other says its class first."""
    return str(error) if isinstance(error, CrmError) else f"{type(error).__name__}: {error}"


@attrs.frozen(kw_only=True)
class FieldSpec(FieldOptions):
    """A field on another plugin's or the core's kind, from `crm_fields`; all by keyword.

    `on` is the kind (class or name), `type` an annotation that allows for None, such as `str | None`: records from
    before the plugin have no value. `name` bears the plugin's namespace or gets it: `"chart_no"` of the distribution
    crmkit-clinic is `clinic.chart_no`. The options are those of `crmkit.field` (`index`, `search`, `label` ...).
    """

    on: type[Record] | str
    name: str = attrs.field(validator=matching(r"([a-z]\w*\.)?[a-z]\w*", "chart_no"))
    type: object


@attrs.frozen
class CommandSpec:
    """A command of `crm`, from `crm_commands`.

    `target` is `"module:object"`, a click command that is imported only when it runs. With `group`, it is a
    subcommand of that built-in group, as in `group="plugin"`.
    """

    name: str = attrs.field(validator=_name)
    summary: str
    target: str = attrs.field(validator=_target)
    group: str | None = None


def _kind_names(kinds: Iterable[type[Record] | str] | None) -> tuple[str, ...] | None:
    return None if kinds is None else tuple(map(kind_name, kinds))


@attrs.frozen
class WorkerSpec:
    """A worker, from `crm_workers`: it follows the journal of `kinds`, or runs `every` so often.

    `target` is `"module:function"`. `kinds` holds classes or names and is kept as names; `()` means every kind.
    Exactly one of `kinds` and `every` is given, or `ConfigError` is raised.
    """

    name: str = attrs.field(validator=_name)
    target: str = attrs.field(validator=_target)
    kinds: tuple[str, ...] | None = attrs.field(default=None, converter=_kind_names)
    every: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        if (self.kinds is None) == (self.every is None) or self.every == timedelta(0):
            raise ConfigError(f"worker {self.name!r} needs either kinds= or every= (above zero)")


@attrs.frozen
class Finding:
    """One thing that a check of `crm doctor` found: what is wrong, and what mends it."""

    text: str
    fix: str
    severity: Literal["error", "warning"] = "error"


@attrs.frozen
class Check:
    """A check of `crm doctor`, from `crm_checks`; `run` returns what it found, or nothing if all is well."""

    name: str = attrs.field(validator=_name)
    run: Callable[[CRM], Iterable[Finding] | None]
    summary: str


@attrs.frozen
class Section:
    """A section of a customer's profile, from `crm_profile`; `rows` are (label, value) pairs or records."""

    name: str = attrs.field(validator=_name)
    label: str
    rows: tuple[tuple[str, object] | Record, ...] = attrs.field(converter=_tuple)


@attrs.frozen
class Restriction:
    """What an actor may read of a kind, from `crm_restrict`: rows that meet all `conditions`, without `masked`."""

    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=_tuple)
    masked: frozenset[str] = attrs.field(default=frozenset(), converter=_frozenset)
