"""`crm work`, `crm worker` and `crm backup`: what runs beside the work of people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import attrs
import click

from crmkit.cli.app import App
from crmkit.cli.command import Group, define, many
from crmkit.cli.language import _
from crmkit.cli.output import bar as progress_bar
from crmkit.cli.output import note, show
from crmkit.positions import WorkerState, worker_states
from crmkit.positions import forget as forget_worker
from crmkit.positions import retry as retry_changes
from crmkit.worker import run_workers

__all__ = ["backup", "work", "worker"]

ONCE = click.Option(["--once"], is_flag=True, help="Stop when all have caught up.")
NAMES = many("--worker", "names", "NAME", help="Only this one.")


@define("work", ONCE, NAMES)
def work(app: App, once: bool, names: Sequence[str]) -> None:
    """Run the workers of plugins, until Ctrl-C or, with --once, until they have caught up."""
    lag = sum(each.lag for each in _own(app, names))
    hidden = not (once and sys.stderr.isatty())
    with click.progressbar(length=lag, file=sys.stderr, hidden=hidden) as bar:
        progress = lambda name, count: bar.update(count)  # noqa: E731
        trouble = lambda error, pause: note(f"{error}; next try in {pause:.0f} s")  # noqa: E731
        done = run_workers(
            app.crm, once=once, names=names or None, on_progress=progress, on_trouble=trouble
        )
    note(_("{count} done").format(count=done))
    left = _own(app, names)
    if aside := sum(len(each.aside) + bool(each.error) for each in left):
        failed = _("{count} set aside: see `crm worker list`, then `crm worker retry`")
        note(failed.format(count=aside))
        click.get_current_context().exit(1)


def _own(app: App, names: Sequence[str]) -> list[WorkerState]:
    found = (each for each in worker_states(app.crm) if each.loaded)
    return [each for each in found if not names or each.name in names]


worker = Group("worker", help="How far the workers have come.")


@worker.define("list")
def list_workers(app: App) -> None:
    """The workers, how far behind they are, and the changes that they set aside."""
    rows = [attrs.asdict(each) for each in worker_states(app.crm)]
    for row in rows if app.format == "table" else ():
        row["aside"] = len(row["aside"])
        row["error"] = row["error"] if row["loaded"] else _("its plugin is not loaded")
    empty = _("no plugin brings a worker")
    show(app, rows, columns="name position lag ran_at error aside", empty=empty)


@worker.define("retry", click.Argument(["name"], required=False))
def retry(app: App, name: str | None) -> None:
    """Let changes that were set aside be tried again when `crm work` runs."""
    count = retry_changes(app.crm, name)
    note(_("{count} will be tried again").format(count=count))


@worker.define("forget", click.Argument(["name"]))
def forget(app: App, name: str) -> None:
    """Forget a worker whose plugin is gone for good; should it come back, it begins anew."""
    forget_worker(app.crm, name)
    note(_("{name} is forgotten").format(name=name))


@define("backup", click.Argument(["file"], type=click.Path(path_type=Path)))
def backup(app: App, file: Path) -> None:
    """Write a copy of the database to a new file, while others go on working."""
    with progress_bar() as progress:
        app.crm.storage.backup(file, progress)
    show(app, [{"written": str(file)}], columns="written", one=True)
