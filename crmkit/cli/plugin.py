"""`crm plugin`: which plugins there are, which are in use, what they bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import click

from crmkit.cli.app import App
from crmkit.cli.command import Group
from crmkit.cli.language import _
from crmkit.cli.output import note, show, show_one
from crmkit.errors import PluginError, nearest
from crmkit.plugins import Found, choose, discover

__all__ = ["plugin"]


@click.group("plugin", cls=Group)
def plugin() -> None:
    """Plugins: which there are, and which are in use."""


def _local(app: App) -> Iterator[Found]:
    for name in app.config.plugins or ():
        if "/" in name or "\\" in name or name.endswith(".py"):
            try:
                yield from choose((), (name,), (), app.config.folder)
            except PluginError as error:
                note(f"{_('Warning')}: {error}")


def _status(app: App, found: Found) -> str:
    wanted = app.config.plugins
    if found.name in app.config.disabled:
        return "disabled"
    return "enabled" if found.local or wanted is None or found.name in wanted else "not chosen"


@plugin.command("list")
@click.pass_obj
def list_(app: App) -> None:
    """The plugins that are installed or named in crm.toml; none is loaded."""
    rows = [
        {
            "name": each.name,
            "status": _status(app, each),
            "distribution": each.distribution,
            "version": each.version,
        }
        for each in [*discover(), *_local(app)]
    ]
    labels = {
        "name": _("Plugin"),
        "status": _("Status"),
        "distribution": _("Distribution"),
        "version": _("Version"),
    }
    if app.format == "table":
        rows = [{**row, "status": _(row["status"])} for row in rows]
    show(app, rows, labels, empty=_("no plugin is installed"))


def _named(app: App, name: str) -> Found:
    found = {each.name: each for each in [*discover(), *_local(app)]}
    if name not in found:
        hint = nearest(name, found) or "; `crm plugin list` shows those that there are"
        raise PluginError(f"there is no plugin {name!r}{hint}", plugin=name)
    return found[name]


@plugin.command("show")
@click.argument("name")
@click.pass_obj
def show_(app: App, name: str) -> None:
    """What a plugin says of itself, and what it brings; loads it."""
    found, sound = _named(app, name), app.sound
    if name not in sound.plugins.found:
        raise next(
            (each for each in sound.failures if getattr(each, "plugin", "") == name),
            PluginError(f"plugin {found} is not in use; enable it: `crm plugin enable {name}`"),
        )
    row = {
        "name": name,
        "distribution": found.distribution,
        "version": found.version,
        **_manifest(app, name),
        **_brought(app, name),
    }
    show_one(app, row, {key: _(key.capitalize()) for key in row})


def _manifest(app: App, name: str) -> dict[str, Any]:
    manifest = app.sound.plugins.manifests[name]
    settings = attrs.fields_dict(manifest.config) if manifest.config else ()
    return {
        "api": manifest.api,
        "requires": manifest.requires,
        "extends": manifest.extends,
        "settings": list(settings),
    }


def _brought(app: App, name: str) -> dict[str, list[str]]:
    plugins = app.sound.plugins
    callers = plugins.manager.get_hookcallers(plugins.manager.get_plugin(name)) or ()
    brought: dict[str, Mapping[str, Any]] = {
        "kinds": plugins.kinds(),
        "fields": plugins.fields(),
        "commands": plugins.commands()[0],
        "workers": plugins.workers(),
        "checks": plugins.checks()[0],
        "storages": plugins.storages(),
    }
    own = {
        what: [each for each, (_spec, call) in found.items() if call.owner.name == name]
        for what, found in brought.items()
    }
    return {"hooks": sorted(each.name for each in callers), **own}


def _set(app: App, disabled: set[str]) -> None:
    from crmkit.config import set_disabled

    set_disabled(app.config.path or Path(app.config_path or "crm.toml").absolute(), disabled)


@plugin.command("enable")
@click.argument("name")
@click.pass_obj
def enable(app: App, name: str) -> None:
    """Use a plugin again."""
    found = None if name in app.config.disabled else _named(app, name)
    if found and _status(app, found) == "not chosen":
        raise PluginError(f"{name} is not among `plugins` in crm.toml; add it there", plugin=name)
    _set(app, {*app.config.disabled} - {name})
    note(_("{name} is enabled").format(name=name))


@plugin.command("disable")
@click.argument("name")
@click.pass_obj
def disable(app: App, name: str) -> None:
    """Go on without a plugin; what it stored stays."""
    _named(app, name)
    _set(app, {*app.config.disabled, name})
    note(_("{name} is disabled").format(name=name))


@plugin.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["module", "storage", "channel", "report"]),
    default="module",
    show_default=True,
    help="What it is to bring.",
)
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Where; else here.")
@click.pass_obj
def new(app: App, name: str, kind: str, folder: Path | None) -> None:
    """Write a plugin to begin with: it installs, and passes its tests."""
    files = import_module("crmkit.scaffold").write_plugin(name, kind, folder or Path.cwd())
    show(app, [{"file": str(each)} for each in files], {"file": _("Written")})


@plugin.command("check")
@click.argument("name", required=False)
@click.pass_context
def check(context: click.Context, name: str | None) -> None:
    """Check a plugin, or all, against what plugins promise; NAME may be a path."""
    app: App = context.obj
    check_plugin = import_module("crmkit.testing.check").check_plugin
    names = [name] if name else [each.name for each in [*discover(), *_local(app)]]
    rows = [
        {"plugin": each, "severity": found.severity, "text": found.text, "fix": found.fix}
        for each in names
        for found in check_plugin(each, app.config)
    ]
    labels = {
        "plugin": _("Plugin"),
        "severity": _("Severity"),
        "text": _("Finding"),
        "fix": _("Fix"),
    }
    show(app, rows, labels, empty=_("nothing to object to"))
    if any(row["severity"] == "error" for row in rows):
        context.exit(1)
