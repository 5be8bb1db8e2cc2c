"""`crm doctor`: what is wrong, and what mends it; works when nothing else does."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import attrs
import click

from crmkit.cli.app import App
from crmkit.cli.language import _
from crmkit.cli.output import show

if TYPE_CHECKING:
    from crmkit.crm import CRM
    from crmkit.manifest import Check

__all__ = ["doctor"]


@attrs.frozen
class Line:
    """One line of the report; `severity` is ok, warning or error."""

    check: str
    severity: str
    text: str
    fix: str = ""


@click.command("doctor")
@click.pass_context
def doctor(context: click.Context) -> None:
    """Check the configuration, the plugins and the database."""
    app: App = context.obj
    lines = [line for step in (_versions, _config, _plugins, _storage) for line in _safe(step, app)]
    labels = {"check": _("Check"), "severity": _("Severity"), "text": _("Finding"), "fix": _("Fix")}
    rows = [attrs.asdict(line) for line in lines]
    if app.format == "table":
        rows = [{**row, "severity": _(row["severity"])} for row in rows]
    show(app, rows, labels)
    if any(line.severity == "error" for line in lines):
        context.exit(1)


def _safe(step: Callable[[App], Iterable[Line]], app: App) -> Iterator[Line]:
    try:
        yield from step(app)
    except Exception as error:
        yield _error(step.__name__.strip("_"), error)


def _error(check: str, error: Exception) -> Line:
    from crmkit.errors import CrmError

    own = isinstance(error, CrmError)
    return Line(check, "error", str(error) if own else f"{type(error).__name__}: {error}")


def _versions(app: App) -> Iterator[Line]:
    import sqlite3

    from crmkit import __version__

    text = (
        f"crmkit {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    yield Line("versions", "ok", text)


def _config(app: App) -> Iterator[Line]:
    yield Line("config", "ok", str(app.config.path or _("no crm.toml; the defaults hold")))


def _plugins(app: App) -> Iterator[Line]:
    if names := ", ".join(map(str, app.sound.plugins.found.values())):
        yield Line("plugins", "ok", names)
    for failure in app.sound.failures:
        yield _error("plugins", failure)
    for warning in app.sound.plugins.warnings:
        yield Line("plugins", "warning", warning)


def _storage(app: App) -> Iterator[Line]:
    """The database; with a plugin missing it is not opened for use, which would adapt it to those that are left."""
    from crmkit.crm import open_storage

    if app.sound.failures:
        storage = open_storage(app.url, app.config, app.sound.plugins)
        try:
            storage.state("crmkit/catalogue")
        finally:
            storage.close()
        text = _("can be opened; its contents are checked when all plugins load")
        yield Line("storage", "warning", text)
        return
    found = app.crm.storage.check()
    yield from (Line("storage", "error", text) for text in found)
    if not found:
        yield Line("storage", "ok", str(app.url or app.config.storage))
    yield from _checks(app.crm)
    yield from _workers(app.crm)


def _checks(crm: CRM) -> Iterator[Line]:
    checks, failures = crm.plugins.checks()
    yield from (_error("checks", failure) for failure in failures)
    for name, (check, call) in checks.items():
        try:
            yield from _run(crm, check)
        except Exception as error:
            yield _error(name, call.failed(error))
    for name, count in crm.observer_failures.items():
        yield Line("observers", "error", f"{name}: {count}")


def _run(crm: CRM, check: Check) -> Iterator[Line]:
    found = list(check.run(crm) or ())
    yield from (Line(check.name, each.severity, each.text, each.fix) for each in found)
    if not found:
        yield Line(check.name, "ok", check.summary)


def _workers(crm: CRM) -> Iterator[Line]:
    from crmkit.worker import worker_states

    for state in worker_states(crm):
        behind = _("{count} changes behind").format(count=state.lag)
        severity = "error" if state.error else "ok"
        yield Line(f"worker {state.name}", severity, state.error or behind)
        for each in state.aside:
            text = f"{each.kind} {each.id}: {each.error}"
            yield Line(f"worker {state.name}", "error", text, "crm worker retry")
