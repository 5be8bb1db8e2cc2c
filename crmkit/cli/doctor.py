"""`crm doctor`: what is wrong, and what mends it; works when nothing else does."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.language import Word, _
from crmkit.cli.output import show
from crmkit.errors import CrmError

if TYPE_CHECKING:
    from crmkit.positions import WorkerState

__all__ = ["doctor"]

OK, WARNING, ERROR = Word("ok"), Word("warning"), Word("error")
WORDS = {str(each): each for each in (OK, WARNING, ERROR)}

MANY, IDLE = 10_000, timedelta(days=1)
"""A worker that is so many changes behind, or behind at all and has not run for so long, is worth a warning."""

Line = tuple[str, str, str, str]
"""The check, `ok`, `warning` or `error`, what was found, and what mends it."""


@define("doctor")
def doctor(app: App) -> None:
    """Check the configuration, the plugins and the database."""
    names = ("check", "severity", "text", "fix")
    steps = (_versions, _config, _plugins, _storage, _journal, _checks, _workers)
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
    from crmkit import __version__

    yield "versions", OK, f"crmkit {__version__}, Python {platform.python_version()}", ""


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
    from crmkit.config import shown
    from crmkit.crm import open_storage

    plugins, failures = app.sound
    if failures:
        # To open it for use would adapt it to the plugins that are left.
        with closing(open_storage(app.url, app.config, plugins)) as storage:
            storage.state("crmkit/catalogue")
        yield "storage", WARNING, _("its contents are checked when all plugins load"), ""
        return
    found = app.crm.storage.check()
    yield from (("storage", ERROR, text, "") for text in found)
    if not found:
        text = f"{app.crm.storage.describe()}, {shown(app.url or app.config.storage or '')}"
        yield "storage", OK, text, ""
    gone = _("{kind}: {count} records, whose plugin {plugin} is not loaded")
    for kind in (each for each in app.crm.schema if each.opaque and app.crm.count(each.name)):
        text = gone.format(count=app.crm.count(kind.name), kind=kind.name, plugin=kind.owner)
        yield "storage", WARNING, text, f"crm plugin enable {kind.owner.split()[0]}"


def _journal(app: App) -> Iterator[Line]:
    from crmkit.past import Horizon

    horizon = Horizon.of(app.crm.storage) if "crm" in vars(app) else None
    if horizon and horizon.reached < horizon.position:
        fix = f"crm journal trim --before {horizon.before.isoformat()}"
        yield "journal", WARNING, _("trimming it was broken off"), fix
    elif horizon:
        text = _("trimmed up to {before}: nothing before that can be read as it was")
        yield "journal", OK, text.format(before=app.local(horizon.before)), ""


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
    from crmkit.positions import worker_states

    for state in worker_states(app.crm) if "crm" in vars(app) else ():
        yield (f"worker {state.name}", *_standing(app, state))
        for each in state.aside:
            text = f"{each.kind} {each.id}: {each.error}"
            yield f"worker {state.name}", ERROR, text, "crm worker retry"


def _standing(app: App, state: WorkerState) -> tuple[str, str, str]:
    """How one worker stands: severity, text, and what mends it."""
    behind = _("{count} changes behind").format(count=state.lag)
    if not state.loaded:
        text = _("its plugin is not loaded")
        return WARNING, f"{text}; {behind}", f"crm worker forget {state.name}"
    if state.error:
        return ERROR, state.error, ""
    if state.held_until and state.held_until < app.crm.storage.now():
        died = _("the process that ran it was broken off at {time}")
        return WARNING, f"{died.format(time=app.local(state.held_until))}; {behind}", "crm work"
    idle = state.ran_at is None or state.ran_at < app.crm.clock() - IDLE
    late = state.lag >= MANY or (state.lag > 0 and idle)
    return WARNING if late else OK, behind, "crm work" if late else ""
