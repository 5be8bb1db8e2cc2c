"""Making a rule of what a person wrote, in a command or in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from crmkit import ConfigError, Reader
from crmkit.manifest import structured
from crmkit_operational.automation.acting import plugins_of
from crmkit_operational.automation.kinds import Rule
from crmkit_operational.automation.ready import kind_of
from crmkit_operational.automation.registry import actions
from crmkit_operational.automation.wording import (
    ReadWhere,
    read_action,
    read_condition,
    read_trigger,
)
from crmkit_operational.words import _

__all__ = ["Written", "read_file", "values_of"]


@attrs.frozen
class Written:
    """A rule in words, as a table `[[rule]]` of a file has it; without `enabled` that stays as it is, at first off."""

    name: str
    on: str
    when: str
    do: tuple[str, ...]
    if_: tuple[str, ...] = attrs.field(default=(), alias="if_")
    enabled: bool | None = None
    position: int = 100
    minutes_saved: int = 0


def values_of(reader: Reader, written: Written, read: ReadWhere) -> dict[str, Any]:
    """The fields of the rule; raises a `CrmError` for what cannot be read."""
    kind = kind_of(reader.schema, Rule(name=written.name, on=written.on))
    known = actions(plugins_of(reader))
    switch = {} if written.enabled is None else {"enabled": written.enabled}
    return {
        "name": written.name,
        "on": written.on,
        "trigger": read_trigger(kind, written.when),
        "conditions": tuple(
            read_condition(reader.schema, kind, each, read) for each in written.if_
        ),
        "actions": tuple(read_action(known, each) for each in written.do),
        "position": written.position,
        "minutes_saved": written.minutes_saved,
        **switch,
    }


def read_file(path: Path) -> list[Written]:
    """The rules of a TOML file, its tables `[[rule]]`. Raises `ConfigError`."""
    import tomllib

    try:
        document: Mapping[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    tables = document.get("rule")
    if document.keys() != {"rule"} or not isinstance(tables, list):
        raise ConfigError(_("{path} has no rules; write tables [[rule]]").format(path=path))
    found = [
        structured({_KEYS.get(k, k): v for k, v in table.items()}, Written, f"{path} rule {at + 1}")
        for at, table in enumerate(tables)
    ]
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(_("{path} has two rules {name}").format(path=path, name=repr(name)))
    return found


_KEYS = {"if": "if_", "minutes": "minutes_saved"}
