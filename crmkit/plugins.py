"""Plugins: finding them without importing any, choosing, loading all or none, and what they bring."""

from __future__ import annotations

import functools
import importlib
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pluggy

from crmkit import hookspecs
from crmkit.errors import PluginError, nearest
from crmkit.hooks import Arguments, Hooks, Implementation, conflict, hook_arguments, refusals
from crmkit.manifest import API, Found, Manifest, described

__all__ = ["BrokenPlugins", "Found", "Plugins", "choose", "discover", "find_local", "resolve"]

SLOW_IMPORT = 1.0
"""A plugin that takes longer than so many seconds to import is worth a warning."""

Tables = Mapping[str, Mapping[str, object]]
"""The tables `[plugin.NAME]` of crm.toml, by name."""


class BrokenPlugins(PluginError):
    """Plugins that cannot be loaded. Attribute `broken` has a `PluginError` for each thing that is wrong."""

    def __init__(self, broken: Iterable[PluginError]) -> None:
        self.broken = tuple(broken)
        super().__init__("\n".join(map(str, self.broken)), plugin=self.broken[0].plugin)


# ----------------------------------------------------------------------------------------------- finding and choosing


def discover() -> tuple[Found, ...]:
    """The plugins that are installed (entry points of the group `crmkit`), by name; none is imported."""
    # importlib.metadata brings the parser of e-mail along: importing it takes as long as opening a database.
    found: dict[str, list[Found]] = {}
    for folder in sys.path:
        for file in sorted(Path(folder).glob("*.dist-info/entry_points.txt")):
            if points := list(_points(file.read_text("utf-8"))):
                name, version = _named(file.with_name("METADATA"))
                own = [Found(point, name, version, target) for point, target in points]
                # The first on the path is the one that would be imported.
                found.setdefault(name, own)
    return tuple(sorted(chain(*found.values()), key=str))


def _points(text: str) -> Iterator[tuple[str, str]]:
    """The entry points of the group `crmkit` in an entry_points.txt: name and target."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line.strip("[] ")
        elif group == "crmkit" and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield name.strip(), target.partition("[")[0].strip()


def _named(metadata: Path) -> tuple[str, str]:
    """The name and version of an installed distribution."""
    lines = metadata.read_text("utf-8").partition("\n\n")[0].splitlines()
    fields = dict(line.split(": ", 1) for line in reversed(lines) if ": " in line)
    return fields["Name"].strip(), fields["Version"].strip()


def find_local(path: str, folder: Path) -> Found:
    """The plugin in a package folder or a .py file, as in `"./clinic"`, relative to `folder`; it is not imported.

    Its name is the folder's or the file's. Raises `PluginError` if there is none.
    """
    place = (folder / path).expanduser().resolve()
    file = place / "__init__.py" if place.is_dir() else place
    if file.suffix != ".py" or not file.is_file() or not place.stem.isidentifier():
        raise PluginError(f"there is no plugin at {place}; name a .py file or a package's folder")
    return Found(place.stem, distribution=path, version="", target=str(file), local=True)


def choose(
    found: Iterable[Found],
    wanted: Iterable[str] | None = None,
    disabled: Collection[str] = (),
    folder: Path = Path(),
) -> tuple[Found, ...]:
    """The plugins to load: all, or those `wanted` (names, or paths relative to `folder`), less the `disabled`.

    Raises `PluginError` for a wanted one that is not there; it names the nearest.
    """
    installed: dict[str, list[Found]] = {}
    for plugin in found:
        installed.setdefault(plugin.name, []).append(plugin)
    chosen: list[Found] = []
    for name in dict.fromkeys(installed if wanted is None else wanted):
        if "/" in name or "\\" in name or name.endswith(".py"):
            chosen.append(find_local(name, folder))
        elif name not in installed:
            hint = nearest(name, installed) or "; install it, or take it out of crm.toml"
            raise PluginError(f"there is no plugin {name!r}{hint}", plugin=name)
        else:
            chosen += installed[name]
    return tuple(plugin for plugin in chosen if plugin.name not in disabled)


def resolve(target: str, owner: Found) -> Any:
    """The object that `"module:object"` names, imported now. Raises `PluginError`, which names the plugin `owner`."""
    try:
        return _imported(target)
    except Exception as error:
        raise owner.refusal(
            f"names {target}, but that fails: {described(error)}; mend it"
        ) from error


# ---------------------------------------------------------------------------------------------------------- importing


def _imported(target: str) -> Any:
    module, _, path = target.partition(":")
    imported = importlib.import_module(module)
    return functools.reduce(getattr, path.split("."), imported) if path else imported


def _imported_locally(found: Found) -> Any:
    file = Path(found.target)
    folder = str(file.parents[1] if file.name == "__init__.py" else file.parent)
    # Last on the path, and only for now: a local plugin hides no other module and lends its neighbours to none.
    sys.path.append(folder)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(found.name)
    finally:
        sys.path.remove(folder)
    other = module.__file__ or "a folder"
    if Path(other).resolve() != file:
        raise ImportError(f"another module is called {found.name!r} ({other}); rename the plugin")
    return module


def _given(source: object) -> tuple[Found, Any]:
    """What is known of a source, and the module if it is one."""
    if isinstance(source, Found):
        return source, None
    module = getattr(source, "__name__", type(source).__name__)
    name = getattr(getattr(source, "manifest", None), "name", module)
    return Found(name, f"module {module}", "", target=module, local=True), source


def _unfit(found: Found, manifest: object) -> str | None:
    """Why a plugin with this manifest cannot be loaded, if it cannot."""
    if not isinstance(manifest, Manifest):
        return f"has no manifest; write `manifest = Manifest({found.name!r})` in its entry module"
    if manifest.name != found.name:
        return f"calls itself {manifest.name!r} in its manifest; give it one name in both places"
    theirs, ours = ([int(part) for part in api.split(".")] for api in (manifest.api, API))
    if theirs[0] != ours[0] or theirs > ours:
        older = "the plugin" if theirs < ours else "crmkit"
        return f"is made for hook API {manifest.api}, and this is {API}; upgrade {older}"
    return None


# ------------------------------------------------------------------------------------------------------------ loading


@attrs.frozen(eq=False)
class _Loaded:
    found: Found
    manifest: Manifest
    module: Any


class _Manager(pluggy.PluginManager):
    """Looks the long way, which pluggy takes twice for all that a plugin has, only at what is marked."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        data = isinstance(plugin, ModuleType) and not hasattr(vars(plugin).get(name), "crmkit_impl")
        return None if data else super().parse_hookimpl_opts(plugin, name)


class _Loading:
    """Imports and checks plugins; what is wrong with them collects in `broken`, so that it is all said at once."""

    def __init__(self, sources: Iterable[object]) -> None:
        self.manager = _Manager("crmkit")
        self.broken: list[PluginError] = []
        self.warnings: list[str] = []
        self.loaded: dict[str, _Loaded] = {}
        # Sorted, so that not even the text of an error depends on the order of the sources.
        given = sorted(map(_given, sources), key=lambda pair: str(pair[0]))
        for found, module in given:
            self.add(found, module)
        self.loaded = {name: self.loaded[name] for name in self.order({f.name for f, _ in given})}
        self.hooks = self.specified()
        for plugin in self.loaded.values():
            self.check(plugin)
        if self.broken:
            raise BrokenPlugins(self.broken) from ExceptionGroup("broken plugins", self.broken)
        for name, plugin in self.loaded.items():
            self.manager.register(plugin.module, name)

    def refuse(self, found: Found, text: str) -> None:
        self.broken.append(found.refusal(text))

    def imported(self, found: Found) -> Any:
        started = time.perf_counter()
        module = _imported_locally(found) if found.local else _imported(found.target)
        if (taken := time.perf_counter() - started) > SLOW_IMPORT:
            hint = "import what is heavy where it is used"
            self.warnings.append(f"plugin {found} takes {taken:.1f} s to import; {hint}")
        return module

    def add(self, found: Found, module: Any) -> None:
        try:
            module = module or self.imported(found)
        except (Exception, SystemExit) as error:
            self.refuse(found, f"cannot be imported: {described(error)}; mend or reinstall it")
            self.broken[-1].__cause__ = error
            return
        manifest: Any = getattr(module, "manifest", None)
        if fault := _unfit(found, manifest):
            self.refuse(found, fault)
        elif other := self.loaded.get(found.name):
            self.broken.append(conflict("plugin", found.name, other.found, found))
        else:
            self.loaded[found.name] = _Loaded(found, manifest, module)

    def order(self, names: set[str]) -> list[str]:
        """The plugins' names: those that are required before those that require them, else by name."""
        requires = {name: set(plugin.manifest.requires) for name, plugin in self.loaded.items()}
        for name, required in requires.items():
            for missing in sorted(required - names):
                text = f"requires the plugin {missing!r}, which is not loaded; install or enable it"
                self.refuse(self.loaded[name].found, text)
        order: list[str] = []
        while rest := sorted(requires.keys() - set(order)):
            ready = [name for name in rest if requires[name].isdisjoint(rest)]
            if not ready:
                text = f"requires itself, by way of {', '.join(rest)}; use `extends` in one of them"
                self.refuse(self.loaded[rest[0]].found, text)
            order += ready or rest
        return order

    def specified(self) -> dict[str, Arguments]:
        """Tell the manager every hook there is: by name, with its arguments."""
        specs: dict[str, Any] = {str(p.found): p.manifest.hookspecs for p in self.loaded.values()}
        hooks: dict[str, Arguments] = {}
        owners: dict[str, str] = {}
        for owner, module in {"crmkit itself": hookspecs, **specs}.items():
            brought = hook_arguments(module)
            taken = sorted(brought.keys() & hooks.keys())
            self.broken += [conflict("hook", hook, owners[hook], owner) for hook in taken]
            if brought and not taken:
                self.manager.add_hookspecs(module)
            hooks |= brought
            owners |= dict.fromkeys(brought, owner)
        return hooks

    def check(self, plugin: _Loaded) -> None:
        # Without what it requires, its hooks may be unknown for that reason alone.
        if set(plugin.manifest.requires) <= self.loaded.keys():
            lacks_partner = not set(plugin.manifest.extends) <= self.loaded.keys()
            for fault in refusals(self.manager, plugin.module, self.hooks, lacks_partner):
                self.refuse(plugin.found, fault)

    def implementations(self, hook: str) -> Iterator[Implementation]:
        """Those of a hook, in the order of the plugins."""
        found = {i.plugin_name: i for i in getattr(self.manager.hook, hook).get_hookimpls()}
        for name, plugin in self.loaded.items():
            if each := found.get(name):
                yield Implementation(hook, plugin.found, each.function, tuple(each.argnames))


class Plugins(Hooks):
    """The loaded plugins of one app, and what their hooks bring together.

    `order` has their names, those that are required before those that require them, else by name; `found` and
    `manifests` are by name, in that order. `warnings` are sentences for `crm doctor`. `manager` is pluggy's.
    """

    def __init__(self, loading: _Loading, tables: Tables) -> None:
        super().__init__({hook: tuple(loading.implementations(hook)) for hook in loading.hooks})
        self.manager = loading.manager
        self.order = tuple(loading.loaded)
        self.found = {name: plugin.found for name, plugin in loading.loaded.items()}
        self.manifests = {name: plugin.manifest for name, plugin in loading.loaded.items()}
        self._settings = {n: m.settings(tables.get(n, {})) for n, m in self.manifests.items()}
        unused = (
            f"[plugin.{name}] in crm.toml is for no plugin that is loaded"
            f"{nearest(name, self.manifests) or '; enable it, or remove the table'}"
            for name in sorted(tables.keys() - self.manifests.keys())
        )
        self.warnings = (*loading.warnings, *unused)

    @classmethod
    def load(cls, sources: Iterable[object], tables: Tables | None = None) -> Plugins:
        """Load plugins, all or none: what `choose` gave, or modules.

        Raises `BrokenPlugins`, which has all that is wrong with any of them, or `ConfigError` for a table.
        """
        return cls(_Loading(sources), tables or {})

    def config(self, name: str) -> Any:
        """The settings of a plugin: an object of its manifest's `config` class, or None if it has none."""
        if name not in self._settings:
            raise PluginError(f"plugin {name!r} is not loaded{nearest(name, self._settings)}")
        return self._settings[name]
