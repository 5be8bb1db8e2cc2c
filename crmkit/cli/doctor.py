"""`crm doctor`: what is wrong, and what mends it; works when nothing else does."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.language import Word, _
from crmkit.cli.output import show
from crmkit.errors import CrmError

__all__ = ["doctor"]

OK, WARNING, ERROR = Word("ok"), Word("warning"), Word("error")
WORDS = {str(each): each for each in (OK, WARNING, ERROR)}

Line = tuple[str, str, str, str]
"""The check, `ok`, `warning` or `error`, what was found, and what mends it."""


@define("doctor")
def doctor(app: App) -> None:
    """Check the configuration, the plugins and the database."""
    names = ("check", "severity", "text", "fix")
    steps = (_versions, _config, _plugins, _storage, _checks, _workers)
    rows = [dict(zip(names, line, strict=True)) for step in steps for line in _safe(step, app)]
    show(app, rows, columns="check severity text fix")
    if any(row["severity"] == ERROR for row in rows):
        click.get_current_context().exit(1)


def _safe(step: Any, app: App, *args: Any) -> Iterator[Line]:
    try:
        yield from step(app, *args)
    except Exception as error:
        yield _failed(args[0] if args else step.__name__.strip("_"), error)


def _failed(check: str, error: Exception) -> Line:
    own = isinstance(error, CrmError)
    return check, ERROR, str(error) if own else f"{type(error).__name__}: {error}", ""


def _versions(app: App) -> Iterator[Line]:
    import sqlite3

    from crmkit import __version__

    python = platform.python_version()
    text = f"crmkit {__version__}, Python {python}, SQLite {sqlite3.sqlite_version}"
    yield "versions", OK, text, ""


def _config(app: App) -> Iterator[Line]:
    yield "config", OK, str(app.config.path or _("no crm.toml; the defaults hold")), ""
    off = _("{name} is disabled: its rules, restrictions and masks do not hold")
    for name in app.config.disabled:
        yield "plugins", WARNING, off.format(name=name), f"crm plugin enable {name}"


def _plugins(app: App) -> Iterator[Line]:
    plugins, failures = app.sound
    yield "plugins", OK, ", ".join(map(str, plugins.found.values())), ""
    yield from (_failed("plugins", failure) for failure in failures)
    yield from (("plugins", WARNING, warning, "") for warning in plugins.warnings)


def _storage(app: App) -> Iterator[Line]:
    from crmkit.crm import open_storage

    plugins, failures = app.sound
    if not failures:
        found = app.crm.storage.check()
        yield from (("storage", ERROR, text, "") for text in found)
        if not found:
            yield "storage", OK, str(app.url or app.config.storage), ""
        gone = _("{kind}: {count} records, whose plugin {plugin} is not loaded")
        for kind in (each for each in app.crm.schema if each.opaque and app.crm.count(each.name)):
            count, fix = app.crm.count(kind.name), f"crm plugin enable {kind.owner.split()[0]}"
            yield (
                "storage",
                WARNING,
                gone.format(count=count, kind=kind.name, plugin=kind.owner),
                fix,
            )
        return
    # To open it for use would adapt it to the plugins that are left.
    storage = open_storage(app.url, app.config, plugins)
    try:
        storage.state("crmkit/catalogue")
    finally:
        storage.close()
    yield "storage", WARNING, _("its contents are checked when all plugins load"), ""


def _checks(app: App) -> Iterator[Line]:
    if app.sound[1] or "crm" not in vars(app):
        return
    checks, failures = app.crm.plugins.checks()
    yield from (_failed("checks", failure) for failure in failures)
    for name, (check, call) in checks.items():
        yield from _safe(_check, app, name, check, call)
    failed = _("{name} failed {count} times")
    for name, count in app.crm.observer_failures.items():
        yield "observers", ERROR, failed.format(name=name, count=count), ""


def _check(app: App, name: str, check: Any, call: Any) -> Iterator[Line]:
    try:
        found = list(check.run(app.crm) or ())
    except Exception as error:
        raise call.failed(error) from error
    yield from ((name, WORDS[each.severity], each.text, each.fix) for each in found)
    if not found:
        yield name, OK, _(check.summary), ""


def _workers(app: App) -> Iterator[Line]:
    from crmkit.worker import worker_states

    for state in worker_states(app.crm) if "crm" in vars(app) else ():
        behind = _("{count} changes behind").format(count=state.lag)
        severity = ERROR if state.error else OK
        yield f"worker {state.name}", severity, state.error or behind, ""
        for each in state.aside:
            text = f"{each.kind} {each.id}: {each.error}"
            yield f"worker {state.name}", ERROR, text, "crm worker retry"
