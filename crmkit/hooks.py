"""Hooks: whether the functions that implement them can be called, and calling them one by one, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
import pluggy

from crmkit.errors import CrmError, PluginConflict, PluginError, nearest
from crmkit.manifest import Check, CommandSpec, FieldSpec, Found, WorkerSpec, described
from crmkit.query import kind_name
from crmkit.records import Record

__all__ = ["Brought", "Hooks", "Implementation", "conflict", "hook_arguments", "refusals"]

T = TypeVar("T")

Arguments = tuple[str, ...]
"""The names of a hook's arguments, or of those that an implementation takes."""


@attrs.frozen
class Implementation:
    """One plugin's function for one hook. `arguments` are those of the hook's that it takes."""

    hook: str
    owner: Found
    function: Callable[..., Any]
    arguments: Arguments

    def call(self, values: Mapping[str, Any]) -> Any:
        """Call it with its share of the hook's arguments; what it yields becomes a list.

        Raises the `CrmError`s of the function as they are, and `PluginError` from any other exception.
        """
        arguments = [values[name] for name in self.arguments]
        try:
            result = self.function(*arguments)
            return list(result) if hasattr(result, "__next__") else result
        except CrmError:
            raise
        except Exception as error:
            raise self.failed(error) from error

    def attempt(self, values: Mapping[str, Any]) -> Any:
        """Call it; a failure of any sort is returned, as a `PluginError`, and not raised."""
        try:
            return self.call(values)
        except CrmError as error:
            is_named = isinstance(error, PluginError) and error.hook
            return error if is_named else self.failed(error)

    def failed(self, error: Exception) -> PluginError:
        """The exception as a `PluginError` that names plugin, distribution, version and hook."""
        text = f"failed in {self.hook}: {described(error)}; report it"
        failure = self.owner.refusal(text, self.hook)
        failure.__cause__ = error
        return failure


Brought = dict[str, tuple[T, Implementation]]
"""What plugins bring, by name: each with the implementation that it comes from."""


class Hooks:
    """The implementations of every hook, in an order that does not depend on how plugins were registered."""

    def __init__(self, calls: Mapping[str, tuple[Implementation, ...]]) -> None:
        self._calls = calls

    def calls(self, hook: str) -> tuple[Implementation, ...]:
        """The implementations of a hook; empty if there is none. Raises `PluginError` for an unknown hook."""
        try:
            return self._calls[hook]
        except KeyError:
            raise PluginError(f"there is no hook {hook!r}{nearest(hook, self._calls)}") from None

    def merged(
        self,
        hook: str,
        of: type[T],
        /,
        key: Callable[[Any, Implementation], str] = lambda item, _: str(item.name),
        errors: list[PluginError] | None = None,
        **values: Any,
    ) -> Brought[T]:
        """What the implementations of a hook return, objects `of` one class, by `key` (their `name`).

        Raises `PluginConflict` for two of one name, and `PluginError` for a failure; with `errors`, they are added
        to that instead, and what the failing plugin brings is left out from there on.
        """
        brought: Brought[T] = {}
        for call in self.calls(hook):
            try:
                for item in _items(call, of, values):
                    name, what = key(item, call), hook[4:].removesuffix("s")
                    if name in brought:
                        raise conflict(what, name, brought[name][1].owner, call.owner)
                    brought[name] = item, call
            except PluginError as error:
                if errors is None:
                    raise
                errors.append(error)
        return brought

    def kinds(self) -> Brought[type[Record]]:
        """The kinds that plugins bring, by the kind's name."""
        return self.merged("crm_kinds", type, key=_kind_name)

    def fields(self) -> Brought[FieldSpec]:
        """The fields on other kinds, by `kind.namespace.field`; the spec's own name may be a bare `field`."""
        return self.merged("crm_fields", FieldSpec, _field_path)

    def storages(self) -> Brought[tuple[str, str]]:
        """The storages, by URL scheme: (scheme, `"module:function"`)."""
        return self.merged("crm_storages", tuple, key=lambda item, _: str(item[0]))

    def commands(self) -> tuple[Brought[CommandSpec], tuple[PluginError, ...]]:
        """The commands, by name, or `group name` in a group; and what failed, for a warning in `--help`."""
        errors: list[PluginError] = []
        return self.merged("crm_commands", CommandSpec, _command_path, errors), tuple(errors)

    def workers(self) -> Brought[WorkerSpec]:
        """The workers, by name."""
        return self.merged("crm_workers", WorkerSpec)

    def checks(self) -> tuple[Brought[Check], tuple[PluginError, ...]]:
        """The checks for `crm doctor`, by name; and what failed, to be shown as failed checks."""
        errors: list[PluginError] = []
        return self.merged("crm_checks", Check, errors=errors), tuple(errors)


def _items(call: Implementation, of: type[T], values: Mapping[str, Any]) -> Iterator[T]:
    result = call.attempt(values)
    if isinstance(result, PluginError):
        raise result
    several = result.items() if isinstance(result, Mapping) else result or ()
    for item in several if isinstance(several, Iterable) else (several,):
        if not isinstance(item, of):
            text = f"returned {item!r} from {call.hook}; return {of.__name__} objects"
            raise call.owner.refusal(text, call.hook)
        yield item


def _kind_name(cls: type, call: Implementation) -> str:
    if not (issubclass(cls, Record) and vars(cls).get("__kind__")):
        text = f"returned {cls!r}, which is no kind; decorate it with @kind"
        raise call.owner.refusal(text, call.hook)
    return cls.__kind__


def _field_path(spec: FieldSpec, call: Implementation) -> str:
    namespace, _, name = spec.name.rpartition(".")
    own = call.owner.namespace
    if namespace not in {"", own}:
        text = f"names a field {spec.name!r}, but its namespace is {own!r}; call it {name!r}"
        raise call.owner.refusal(text, call.hook)
    return f"{kind_name(spec.on)}.{own}.{name}"


def _command_path(spec: CommandSpec, _: Implementation) -> str:
    return f"{spec.group} {spec.name}" if spec.group else spec.name


def conflict(what: str, name: str, one: object, other: object) -> PluginConflict:
    """The error for two plugins that bring the same thing; it names both, in an order of its own."""
    both = " and ".join(sorted((str(one), str(other))))
    return PluginConflict(f"{what} {name!r} comes from both {both}; disable or uninstall one")


def hook_arguments(module: Any) -> dict[str, Arguments]:
    """The hooks that a module of hookspecs defines, and their arguments."""
    return {
        name: tuple(inspect.signature(getattr(module, name)).parameters)
        for name in dir(module)
        if hasattr(getattr(module, name), "crmkit_spec")
    }


def refusals(
    manager: pluggy.PluginManager, module: Any, hooks: Mapping[str, Arguments], lacks_partner: bool
) -> Iterator[str]:
    """What is wrong with a plugin's implementations of `hooks`: sentences to follow its name.

    An implementation marked `optionalhook` may be of a hook that is not there if the plugin `lacks_partner`.
    """
    for name in dir(module):
        function, options = getattr(module, name, None), manager.parse_hookimpl_opts(module, name)
        if options is not None:
            for option, value in options.items():
                if value and option != "optionalhook":
                    yield f"marks {name} with {option}; remove it, for no result depends on order"
            yield from _wrong_shape(name, function, hooks.get(name))
            if name not in hooks and not (options["optionalhook"] and lacks_partner):
                yield f"implements {name}, which is no hook{nearest(name, hooks) or '; remove it'}"
        elif name.startswith("crm_") and _is_unmarked(function):
            yield f"has a function {name} that is not marked; add @hookimpl, or rename it"


def _is_unmarked(function: Any) -> bool:
    return inspect.isfunction(function) and not hasattr(function, "crmkit_spec")


def _wrong_shape(name: str, function: Any, passed: Arguments | None) -> Iterator[str]:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"has an async {name}; make it a plain function, and a worker of what takes long"
    for parameter in inspect.signature(function).parameters.values():
        where = f"{parameter} in {name}"
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            yield f"takes {where}; name the arguments that it uses instead"
        elif parameter.kind is parameter.KEYWORD_ONLY:
            yield f"takes {where} by keyword only; remove the `*` before it"
        elif parameter.default is not parameter.empty:
            yield f"takes {where} with a default, which is never used; remove the default"
        elif passed is not None and parameter.name not in passed:
            there_are = ", ".join(passed) or "no arguments"
            yield f"takes {where}, which the hook does not pass; it passes {there_are}"
