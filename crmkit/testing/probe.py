"""What `crm plugin check` tries with a plugin, in a process of its own: importing, loading, and using what it brings.

It reads what to check from standard input and writes its findings as JSON; `crmkit.testing.check` starts it.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import sys
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs

from crmkit import CRM, Company, Config, CrmError, Customer, Finding, PluginError
from crmkit.memory import MemoryStorage
from crmkit.opening import build_schema
from crmkit.plugins import BrokenPlugins, Found, Plugins, discover, resolve
from crmkit.testing.validators import (
    Probe,
    commands,
    failed,
    kept,
    kinds,
    said,
    storages,
    upgraded,
    workers,
)

__all__ = ["examined", "main"]

SLOW = 0.5
"""Seconds that importing a plugin may take; its own imports only, for the core's are there already."""

LIGHT = frozenset({"attr", "attrs", "cattr", "cattrs", "crmkit", "pluggy", "typing_extensions"})
"""Packages that are there anyway once crmkit is imported."""

HEAVY = frozenset(
    {"asyncio", "ctypes", "http", "multiprocessing", "socket", "sqlite3", "ssl", "unittest"}
)
"""Modules of the standard library that no command should pay for unless it needs them."""


def main() -> None:
    """Check the plugin that standard input names; print what was found."""
    out = sys.stdout
    sys.stdout = sys.stderr  # what a plugin prints is no finding
    found, company, tables = pickle.load(sys.stdin.buffer)
    findings = [attrs.asdict(each) for each in examined(found, company, tables)]
    json.dump(findings, out)


def examined(found: Found, company: Company, tables: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything that can be found out by importing, loading and using the plugin."""
    yield from _imported(found)
    try:
        needed = _required(found)
        config = Config(company=company, plugin=tables)
        used = {name: table for name, table in tables.items() if name in {f.name for f in needed}}
        plugins = Plugins.load(needed, used)
        schema = build_schema(plugins, {}, ())
    except BrokenPlugins as errors:
        yield from map(said, errors.broken)
        return
    except CrmError as error:
        yield said(error)
        return
    probe = Probe(found, plugins, schema, attrs.evolve(config, plugin=used))
    for validate in (kinds, kept, upgraded, commands, workers, storages, _at_work, _order):
        try:
            yield from validate(probe)
        except CrmError as error:
            yield said(error)
        except Exception as error:
            rule = (validate.__doc__ or "").rstrip(".")
            yield failed(f"this could not be checked: {rule}", error, "mend what raises it")


# Importing -----------------------------------------------------------------------------------------------------


def _imported(found: Found) -> Iterator[Finding]:
    """Importing it is quick, and loads nothing heavy."""
    before, started = {*sys.modules}, time.perf_counter()
    _manifest(found)
    taken = time.perf_counter() - started
    if taken > SLOW:
        text = f"importing it takes {taken:.1f} s"
        yield Finding(text, "import what is heavy inside the functions that use it", "warning")
    loaded = {name.partition(".")[0] for name in {*sys.modules} - before}
    for name in sorted(loaded & HEAVY):
        yield Finding(f"importing it loads {name}", "import it where it is used", "warning")
    foreign = loaded - LIGHT - sys.stdlib_module_names - {*map(_package, _required(found))}
    for name in sorted(name for name in foreign if not name.startswith("_")):
        yield Finding(f"importing it loads {name}", "import it where it is used, or require it")


def _package(found: Found) -> str:
    return found.name if found.local else found.target.partition(":")[0].partition(".")[0]


def _manifest(found: Found) -> Any:
    """What the plugin says of itself; None if it cannot be imported, which loading it will tell."""
    with contextlib.suppress(BaseException):
        if found.local:
            file = Path(found.target)
            folder = file.parents[1] if file.name == "__init__.py" else file.parent
            sys.path.append(str(folder))
            return import_module(found.name).manifest
        return resolve(found.target, found).manifest
    return None


def _required(found: Found) -> list[Found]:
    """The plugin and those installed that it requires, that these require, and so on."""
    installed = {each.name: each for each in discover()}
    needed, open_ = {found.name: found}, [found]
    while open_:
        wanted = getattr(_manifest(open_.pop()), "requires", ())
        fresh = [installed[name] for name in wanted if name in installed and name not in needed]
        needed |= {each.name: each for each in fresh}
        open_ += fresh
    return list(needed.values())


# At work -------------------------------------------------------------------------------------------------------


def _at_work(probe: Probe) -> Iterator[Finding]:
    """An app opens with it; a customer can be written and shown; its checks run; it lets go again."""
    app = CRM(MemoryStorage(), probe.plugins, probe.config)
    app.start()
    kim = app.acting("somebody")
    try:
        with app.transaction() as tx:
            customer = tx.add(Customer(name="한빛전자"))
        kim.count(Customer)
        for section in app.profile(customer.id):
            yield from _section(probe, section)
        checks, failures = probe.plugins.checks()
        yield from map(said, failures)
        for check in probe.own(checks):
            yield from _check(check, app)
    except PluginError as error:
        yield said(error)
    except CrmError:
        pass  # a rule that refuses this customer may be what the plugin is for
    finally:
        yield from (said(e) for e in _closed(app))


def _closed(app: CRM) -> Iterator[Exception]:
    for call in reversed(app.plugins.calls("crm_shutdown")):
        failure = call.attempt({"crm": app})
        if isinstance(failure, Exception):
            yield failure


def _section(probe: Probe, section: Any) -> Iterator[Finding]:
    failed = [text for label, text in section.rows[:1] if label == "failed"] if section.rows else []
    if failed and section.name == probe.found.name:
        yield Finding(str(failed[0]), "let crm_profile show a customer about whom nothing is known")


def _check(check: Any, app: CRM) -> Iterator[Finding]:
    try:
        found = list(check.run(app) or ())
    except Exception as error:
        yield failed(f"the check {check.name} fails", error, "let it return what it found")
        return
    if strange := [each for each in found if not isinstance(each, Finding)]:
        text = f"the check {check.name} returns {strange[0]!r}"
        yield Finding(text, "let it return Finding(text, fix) objects, or nothing")


def _order(probe: Probe) -> Iterator[Finding]:
    """It goes together with every other installed plugin, in any order."""
    others = [each for each in discover() if each.name not in probe.plugins.found]
    every = [*probe.plugins.found.values(), *others]
    try:
        results = [_brought(Plugins.load(order)) for order in (every, every[::-1])]
    except BrokenPlugins as errors:
        mine = [each for each in errors.broken if probe.found.name in str(each)]
        yield from map(said, mine)
        return
    except CrmError as error:
        yield said(error)
        return
    if results[0] != results[1]:
        text = "what it brings depends on the order in which plugins load"
        yield Finding(text, "let hooks return the same whatever ran before them")


def _brought(plugins: Plugins) -> list[list[str]]:
    every = (plugins.kinds(), plugins.fields(), plugins.storages(), plugins.workers())
    return [sorted(each) for each in (*every, plugins.commands()[0], plugins.checks()[0])]


if __name__ == "__main__":
    main()
