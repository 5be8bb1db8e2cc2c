"""`crm plugin`: which plugins there are, which are in use, what they bring."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import click

from crmkit.cli.app import App
from crmkit.cli.command import Group
from crmkit.cli.language import Word, _
from crmkit.cli.output import note, show
from crmkit.config import set_disabled
from crmkit.errors import PluginError, nearest
from crmkit.plugins import Found, choose, discover

__all__ = ["plugin"]

NAME = click.Argument(["name"])
KINDS = click.Choice(["module", "storage", "channel", "report"])
KIND = click.Option(["--kind"], type=KINDS, default="module", help="What it is to bring.")
FOLDER = click.Option(
    ["--dir", "folder"], type=click.Path(path_type=Path), help="Where; else here."
)

plugin = Group("plugin", help="Plugins: which there are, and which are in use.")


def _there(app: App) -> dict[str, Found]:
    """The plugins that are installed or named in crm.toml, by name; none is imported."""
    found = list(discover())
    for path in {*(app.config.plugins or ())} - {each.name for each in found}:
        try:
            found += choose((), (path,), (), app.config.folder)
        except PluginError as error:
            note(f"{_('Warning')}: {error}")
    return {each.name: each for each in found}


def _status(app: App, found: Found) -> str:
    wanted = app.config.plugins
    if found.name in app.config.disabled:
        return Word("disabled")
    chosen = found.local or wanted is None or found.name in wanted
    return Word("enabled") if chosen else Word("not chosen")


@plugin.define("list")
def list_plugins(app: App) -> None:
    """The plugins that are installed or named in crm.toml; none is imported."""
    columns = ("name", "distribution", "version")
    rows = [
        {**{name: getattr(each, name) for name in columns}, "status": _status(app, each)}
        for each in _there(app).values()
    ]
    show(app, rows, columns="name status distribution version", empty=_("no plugin is installed"))


def _named(app: App, name: str) -> Found:
    found = _there(app)
    if name not in found:
        hint = nearest(name, found) or "; `crm plugin list` shows those that there are"
        raise PluginError(f"there is no plugin {name!r}{hint}", plugin=name)
    return found[name]


@plugin.define("show", NAME)
def show_plugin(app: App, name: str) -> None:
    """What a plugin says of itself, and what it brings; loads it."""
    found, (plugins, failures) = _named(app, name), app.sound
    if name not in plugins.found:
        off = PluginError(f"plugin {found} is not in use; enable it: `crm plugin enable {name}`")
        raise next((each for each in failures if getattr(each, "plugin", "") == name), off)
    manifest = plugins.manifests[name]
    said = {each: getattr(manifest, each) for each in ("api", "requires", "extends")}
    settings = list(attrs.fields_dict(manifest.config)) if manifest.config else []
    row = {"name": name, "distribution": found.distribution, "version": found.version, **said}
    row |= {"settings": settings, **_brought(plugins, name)}
    show(
        app,
        [row],
        columns="name distribution version api requires extends settings hooks kinds fields storages "
        "workers commands checks",
        one=True,
    )


def _brought(plugins: Any, name: str) -> Mapping[str, list[str]]:
    callers = plugins.manager.get_hookcallers(plugins.manager.get_plugin(name)) or ()
    brought = {
        each: getattr(plugins, each)() for each in ("kinds", "fields", "storages", "workers")
    }
    brought |= {"commands": plugins.commands()[0], "checks": plugins.checks()[0]}
    own = {
        what: [each for each in found if found[each][1].owner.name == name]
        for what, found in brought.items()
    }
    return {"hooks": sorted(each.name for each in callers), **own}


@plugin.define("enable", NAME)
def enable(app: App, name: str) -> None:
    """Use a plugin again."""
    found = None if name in app.config.disabled else _named(app, name)
    if found and _status(app, found) == "not chosen":
        raise PluginError(f"{name} is not among `plugins` in crm.toml; add it there", plugin=name)
    _set_disabled(app, {*app.config.disabled} - {name})
    note(_("{name} is enabled").format(name=name))


@plugin.define("disable", NAME)
def disable(app: App, name: str) -> None:
    """Go on without a plugin; what it stored stays."""
    _named(app, name)
    _set_disabled(app, {*app.config.disabled, name})
    note(_("{name} is disabled").format(name=name))
    note(_("while it is disabled, its rules, restrictions and masks do not hold"))


def _set_disabled(app: App, names: set[str]) -> None:
    set_disabled(app.config.path or Path("crm.toml"), names)


@plugin.define("new", NAME, KIND, FOLDER)
def new(app: App, name: str, kind: str, folder: Path | None) -> None:
    """Write a plugin to begin with: it installs, and passes its tests."""
    from crmkit.scaffold import write_plugin

    files = write_plugin(name, kind, folder or Path.cwd())
    show(app, [{"written": str(each)} for each in files], columns="written")


@plugin.define("check", click.Argument(["name"], required=False))
def check(app: App, name: str | None) -> None:
    """Check a plugin, or all, against what plugins promise; NAME may be a path."""
    # By name: the testing package is no part of what the command line stands on.
    check_plugin = import_module("crmkit.testing.check").check_plugin
    rows = [
        {"plugin": each, "severity": found.severity, "text": found.text, "fix": found.fix}
        for each in ([name] if name else _there(app))
        for found in check_plugin(each, app.config)
    ]
    show(app, rows, columns="plugin severity text fix", empty=_("nothing to object to"))
    if any(row["severity"] == "error" for row in rows):
        click.get_current_context().exit(1)
