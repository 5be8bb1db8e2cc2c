"""Judges a plugin as `crm plugin check` does: many small validators, each saying what is wrong and what mends it.

What the files say is read here; what the plugin does when it is imported and loaded is tried in a process of its own
(`crmkit.testing.probe`), so that nothing which this process has imported hides what the plugin imports.
"""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from crmkit.config import Config
from crmkit.errors import PluginError, nearest
from crmkit.manifest import Finding
from crmkit.plugins import Found, discover, find_local

__all__ = ["Subject", "check_plugin", "subjects"]

LIGHT = frozenset({"attr", "attrs", "crmkit", *sys.stdlib_module_names})
"""What an entry module may import besides its own modules and the plugins that it requires."""

WITH_CRMKIT = frozenset({"attrs", "click"})
"""Distributions that come with crmkit and belong to its interface: commands are click's, settings attrs classes."""

TIMEOUT = 120
"""Seconds after which a plugin that does not come back is given up."""


@attrs.frozen
class Subject:
    """A plugin that is checked, and where its files are.

    `package` is the folder of its package, or its only file; `root` the folder of the distribution, which a plugin
    that was installed for good has not; `path` what must be on `sys.path` to import it; `requires` the distributions
    that it declares; `requires` and `has_readme` are None for a plugin that is no distribution.
    """

    found: Found
    package: Path
    path: Path | None = None
    root: Path | None = None
    requires: frozenset[str] | None = None
    has_readme: bool | None = None

    @property
    def top(self) -> str:
        """The name of its package."""
        return (
            self.found.name
            if self.found.local
            else self.found.target.partition(":")[0].partition(".")[0]
        )

    def file(self, module: str) -> Path | None:
        """The file of one of its modules, if there is one."""
        if self.package.is_file():
            return self.package if module == self.top else None
        place = self.package.joinpath(*module.split(".")[1:])
        files = (place / "__init__.py", place.with_suffix(".py"))
        return next((file for file in files if file.is_file()), None)

    def files(self) -> list[Path]:
        """All its modules."""
        return [self.package] if self.package.is_file() else sorted(self.package.rglob("*.py"))


def check_plugin(name_or_path: str, config: Config | None = None) -> list[Finding]:
    """What is wrong with a plugin; nothing if all is well.

    `name_or_path`: the name of an installed plugin or of one in `config`; the path of a local plugin; or the folder
    of a distribution, which need not be installed. The settings of `config` are given to it. Raises `PluginError`
    if there is no such plugin.
    """
    settings = config or Config()
    found: list[Finding] = []
    for subject in subjects(name_or_path, settings):
        for validate in (_named, _typed, _described, _light, _declared):
            found += validate(subject)
        found += _tried(subject, settings)
    return sorted(dict.fromkeys(found), key=lambda finding: finding.severity)


# Finding it ----------------------------------------------------------------------------------------------------


def subjects(name_or_path: str, config: Config) -> list[Subject]:
    """The plugins that a name or a path means: several for a distribution with several entry points."""
    place = Path(name_or_path).expanduser()
    is_path = os.sep in name_or_path or "/" in name_or_path or name_or_path.endswith(".py")
    if is_path or (place / "pyproject.toml").is_file():
        place = place if place.exists() else config.folder / place
        if (place / "pyproject.toml").is_file():
            return list(_of_project(place.resolve()))
        return [_of_local(find_local(str(place.resolve()), Path()))]
    installed = {each.name: each for each in discover()}
    if name_or_path in installed:
        return [_of_installed(installed[name_or_path])]
    paths = [each for each in config.plugins or () if "/" in each or each.endswith(".py")]
    local = {each.name: each for each in (find_local(path, config.folder) for path in paths)}
    if name_or_path in local:
        return [_of_local(local[name_or_path])]
    hint = nearest(name_or_path, [*installed, *local]) or "; give its folder, as in ./crmkit-clinic"
    raise PluginError(f"there is no plugin {name_or_path!r}{hint}", plugin=name_or_path)


def _of_local(found: Found) -> Subject:
    file = Path(found.target)
    package = file.parent if file.name == "__init__.py" else file
    return Subject(found, package, package.parent)


def _of_project(root: Path) -> Iterator[Subject]:
    """The plugins of a distribution's folder, by its pyproject.toml."""
    with (root / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file).get("project", {})
    points: dict[str, str] = project.get("entry-points", {}).get("crmkit", {})
    if not points:
        text = f"{root / 'pyproject.toml'} declares no plugin"
        raise PluginError(f'{text}; add [project.entry-points.crmkit] with name = "package"')
    source = root / "src" if (root / "src").is_dir() else root
    # Extras too, as the metadata of an installed distribution has them: what only tests need is one.
    lists = [project.get("dependencies", ()), *project.get("optional-dependencies", {}).values()]
    requires = frozenset(_distribution(each) for needs in lists for each in needs)
    readme = any(root.glob("README*"))
    for name, target in points.items():
        found = Found(name, project.get("name", ""), project.get("version", ""), target)
        package = source / target.partition(":")[0].partition(".")[0]
        place = package if package.is_dir() else package.with_suffix(".py")
        if not place.exists():
            text = f"{name} of {root} names {target}, which is not in {source}"
            raise PluginError(f"{text}; correct the entry point", plugin=name)
        yield Subject(found, place, source, root, requires, readme)


def _of_installed(found: Found) -> Subject:
    about = metadata.metadata(found.distribution).json
    requires = frozenset(map(_distribution, metadata.requires(found.distribution) or ()))
    spec = find_spec(found.target.partition(":")[0].partition(".")[0])
    if spec is None or spec.origin is None:
        text = f"{found} names {found.target}, which cannot be found"
        raise PluginError(f"{text}; reinstall it", plugin=found.name)
    file = Path(spec.origin)
    package = file.parent if spec.submodule_search_locations else file
    readme = bool(about.get("description"))
    return Subject(found, package, None, None, requires, readme)


def _distribution(requirement: str) -> str:
    return _plain(re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# What the files say ---------------------------------------------------------------------------------------------


def _named(subject: Subject) -> Iterator[Finding]:
    """The distribution is called crmkit-NAME: its namespace is what fields of its are called."""
    if subject.requires is None:
        return
    name = _plain(subject.found.distribution)
    if not name.startswith("crmkit-"):
        text = f"the distribution {subject.found.distribution!r} is not called crmkit-NAME"
        yield Finding(
            text, f"call it crmkit-{subject.found.name}, so that people find it", "warning"
        )
    elif name != f"crmkit-{_plain(subject.found.name)}" and len(_siblings(subject)) < 2:
        text = f"the distribution {name} has the plugin {subject.found.name!r}, which nobody would look for in it"
        yield Finding(text, "give both one name", "warning")


def _siblings(subject: Subject) -> list[object]:
    if subject.root is None:
        return [each for each in discover() if each.distribution == subject.found.distribution]
    return [*_project(subject.root).get("entry-points", {}).get("crmkit", {})]


def _project(root: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _typed(subject: Subject) -> Iterator[Finding]:
    """Type checkers see its annotations."""
    if subject.requires is not None and not (subject.package / "py.typed").is_file():
        place = f"{subject.top}/py.typed"
        yield Finding(f"there is no {place}", "add the file, empty, and ship it", "warning")


def _described(subject: Subject) -> Iterator[Finding]:
    """People can read what it is for."""
    if subject.has_readme is False:
        yield Finding(
            "there is no README", "add README.md, and name it in pyproject.toml", "warning"
        )


def _light(subject: Subject) -> Iterator[Finding]:
    """The entry module, and what it imports of its own, import nothing heavy: every command pays for that."""
    module = subject.found.name if subject.found.local else subject.found.target.partition(":")[0]
    for name, line, imported in _eager(subject, module, set()):
        top = imported.partition(".")[0]
        where = f"{name}, line {line},"
        if top in {subject.top, *LIGHT} or _is_plugin(top):
            private = [part for part in imported.split(".")[1:] if _is_private(part)]
            if top != subject.top and private and top not in sys.stdlib_module_names:
                text = f"{where} imports {imported}, which is not public"
                yield Finding(text, "use the public names that it documents")
        else:
            text = f"{where} imports {top} when the plugin loads"
            yield Finding(text, "import it inside the function that uses it")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_plugin(top: str) -> bool:
    # Whether the plugin requires it is seen when it is loaded: without, it could not be imported everywhere.
    return any(top == each.target.partition(":")[0].partition(".")[0] for each in discover())


def _eager(subject: Subject, module: str, seen: set[str]) -> Iterator[tuple[str, int, str]]:
    """(file, line, imported name) of each import that runs when a module of the plugin is imported."""
    file = subject.file(module)
    if file is None or module in seen:
        return
    seen.add(module)
    is_package = file.name == "__init__.py"
    for line, imported in _imports(_parsed(file).body, module, is_package, everywhere=False):
        yield file.name, line, imported
        if imported.partition(".")[0] == subject.top:
            for own in (imported, imported.rpartition(".")[0]):
                yield from _eager(subject, own, seen)


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes(), str(file))


def _imports(
    body: list[ast.stmt], module: str, is_package: bool, *, everywhere: bool
) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of imports; those in functions and for type checkers only if `everywhere`."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            up = node.level - 1 if is_package else node.level
            base = ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])
            start = base if node.level else node.module
            yield from ((node.lineno, f"{start}.{each.name}") for each in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not everywhere:
            continue
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                inner = getattr(node, name, [])
                yield from _imports(inner, module, is_package, everywhere=everywhere)


def _declared(subject: Subject) -> Iterator[Finding]:
    """Whatever it imports, now or later, its distribution says that it needs."""
    if subject.requires is None:
        return
    owners = metadata.packages_distributions()
    declared = subject.requires | (WITH_CRMKIT if "crmkit" in subject.requires else frozenset())
    missing: dict[str, str] = {}
    for file in subject.files():
        for line, imported in _imports(_parsed(file).body, subject.top, True, everywhere=True):
            top = imported.partition(".")[0]
            names = {_plain(each) for each in owners.get(top, [top])}
            is_own = top == subject.top or _plain(subject.found.distribution) in names
            if top not in sys.stdlib_module_names and not is_own and not names & declared:
                missing.setdefault(min(names), f"{file.name}, line {line}")
    for name, where in missing.items():
        text = f"{where}, imports {name}, which the distribution does not depend on"
        yield Finding(text, f"add {name} to its dependencies")


# What it does ---------------------------------------------------------------------------------------------------


def _tried(subject: Subject, config: Config) -> list[Finding]:
    """What the probe finds in a process of its own."""
    task = pickle.dumps((subject.found, config.company, dict(config.plugin)))
    paths = [str(subject.path)] if subject.path and not subject.found.local else []
    paths += [each for each in sys.path if each]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "crmkit.testing.probe"]
    try:
        done = subprocess.run(
            command,
            input=task,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        return [Finding(**each) for each in json.loads(done.stdout)]
    except subprocess.TimeoutExpired:
        text = f"it did not come back within {TIMEOUT} s"
        return [Finding(text, "let hooks and checks return; what takes long belongs to a worker")]
    except ValueError:
        said = (
            done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            or f"exit code {done.returncode}"
        )
        return [Finding(f"it ended the process that checked it: {said}", "let it raise instead")]
