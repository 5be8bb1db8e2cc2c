"""Every action that a plugin brings, by name, and parameters as objects of its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, get_type_hints

import attrs

from crmkit import ConfigError, Kind, Schema, ValueRefused
from crmkit.errors import nearest
from crmkit.manifest import Found, structured
from crmkit.plugins import Plugins, resolve
from crmkit_operational.automation.action import Action, Context
from crmkit_operational.words import _

__all__ = ["Brought", "actions", "named"]


@attrs.frozen
class Brought:
    """An action and the plugin that brings it."""

    action: Action
    plugin: Found

    def parameters(self, plain: Mapping[str, Any]) -> Any:
        """The parameters as an object of the action's class; raises `ConfigError` for what does not fit."""
        return structured(dict(plain), self.action.parameters, self.action.name)

    def run(self, tx: Any, record: Any, parameters: Any, context: Context) -> None:
        """Do it."""
        self._function(self.action.run)(tx, record, parameters, context)

    def problems(self, schema: Schema, kind: Kind, plain: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with these parameters for records of that kind."""
        try:
            parameters = self.parameters(plain)
        except ConfigError as error:
            yield str(error)
            return
        if self.action.check is not None:
            yield from self._function(self.action.check)(schema, kind, parameters)

    def types(self) -> dict[str, Any]:
        """The types of its parameters, by name, in their order."""
        return _types(self.action.parameters)  # type: ignore[arg-type]  # a class is hashable

    def _function(self, given: Callable[..., Any] | str) -> Callable[..., Any]:
        return resolve(given, self.plugin) if isinstance(given, str) else given


@lru_cache(maxsize=256)
def _types(cls: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {each.name: hints[each.name] for each in attrs.fields(cls)}


def actions(plugins: Plugins) -> dict[str, Brought]:
    """The actions, by name. Raises `PluginConflict` for two of one name, which names both plugins."""
    found = plugins.merged("crm_actions", Action)
    return {name: Brought(found[name][0], found[name][1].owner) for name in sorted(found)}


def named(known: Mapping[str, Brought], name: object) -> Brought:
    """The action of a name; raises `ValueRefused`, with the nearest or those there are, if no plugin brings it."""
    if not isinstance(name, str) or name not in known:
        hint = nearest(str(name), known) or f"; there are {', '.join(known)}"
        raise ValueRefused(
            _("there is no action {action}{hint}").format(action=repr(name), hint=hint)
        )
    return known[name]
