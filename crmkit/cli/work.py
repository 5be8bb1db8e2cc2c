"""`crm work` and `crm worker`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import Group
from crmkit.cli.language import _
from crmkit.cli.output import note, show
from crmkit.worker import retry as retry_changes
from crmkit.worker import run_workers, worker_states

__all__ = ["work", "worker"]


@click.command("work")
@click.option("--once", is_flag=True, help="Stop when all have caught up.")
@click.option("--worker", "names", multiple=True, metavar="NAME", help="Only this one.")
@click.pass_obj
def work(app: App, once: bool, names: Sequence[str]) -> None:
    """Run the workers of plugins, until Ctrl-C or, with --once, until they have caught up."""
    lag = sum(each.lag for each in worker_states(app.crm) if not names or each.name in names)
    shown = once and sys.stderr.isatty()
    with click.progressbar(length=lag, file=sys.stderr, hidden=not shown) as bar:
        done = run_workers(
            app.crm,
            once=once,
            names=names or None,
            on_progress=lambda name, count: bar.update(count),
        )
    note(_("{count} done").format(count=done))


@click.group("worker", cls=Group)
def worker() -> None:
    """How far the workers have come."""


@worker.command("list")
@click.pass_obj
def list_(app: App) -> None:
    """The workers, how far behind they are, and the changes that they set aside."""
    states = worker_states(app.crm)
    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "position": each.position,
            "lag": each.lag,
            "ran_at": each.ran_at,
            "error": each.error,
            "set_aside": [
                {
                    "position": a.position,
                    "kind": a.kind,
                    "id": a.id,
                    "error": a.error,
                    "tries": a.tries,
                }
                for a in each.aside
            ],
        }
        for each in states
    ]
    labels = {
        "name": _("Worker"),
        "position": _("Position"),
        "lag": _("Behind"),
        "ran_at": _("Ran"),
        "error": _("Error"),
        "set_aside": _("Set aside"),
    }
    if app.format == "table":
        rows = [{**row, "set_aside": len(row["set_aside"])} for row in rows]
    show(app, rows, labels, empty=_("no plugin brings a worker"))


@worker.command("retry")
@click.argument("name", required=False)
@click.pass_obj
def retry(app: App, name: str | None) -> None:
    """Try changes that were set aside again, when `crm work` runs next."""
    count = retry_changes(app.crm, name)
    note(_("{count} will be tried again").format(count=count))
