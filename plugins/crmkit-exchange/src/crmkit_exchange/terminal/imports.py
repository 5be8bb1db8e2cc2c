"""`crm imports`: the imports there were, undoing one, and the presets."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crmkit.cli.app import App
from crmkit.cli.command import Group, limit
from crmkit.cli.output import note, show, values
from crmkit_exchange.importing.choosing import all_presets
from crmkit_exchange.importing.undoing import Kept, undo
from crmkit_exchange.kinds import ImportRun
from crmkit_exchange.terminal.results import sums
from crmkit_exchange.words import _

__all__ = ["imports"]

imports = Group("imports", help="The imports there were; undoing them.")
RUNS = click.Argument(["runs"], nargs=-1, required=True)
PLAN = click.Option(["--plan"], is_flag=True, help="Only say what would be undone.")


@imports.define("list", limit(20))
def list_imports(app: App, limit: int) -> None:
    """The imports, newest first."""
    found = app.handle.find(ImportRun, order="-id", limit=limit)
    rows = [values(app.kind("import_run"), each) for each in found]
    empty = _("nothing was imported yet; `crm import FILE` does")
    columns = {"id": _("Id"), "created_at": _("Started"), **sums(), "status": _("Status")}
    show(app, rows, columns, empty=empty)


@imports.define("show", click.Argument(["run"]))
def show_import(app: App, run: str) -> None:
    """One import: its file, options and sums."""
    found = values(app.kind("import_run"), app.handle.get(ImportRun, run))
    show(
        app,
        [found],
        {name: app.label(app.kind("import_run").field(name)) for name in found},
        one=True,
    )


@imports.define("undo", RUNS, PLAN)
def undo_imports(app: App, runs: Sequence[str], plan: bool) -> None:
    """Take imports back: what they created goes, what they changed is as before; what people did since stays."""
    found = [app.handle.get(ImportRun, each) for each in runs]
    kept: list[Kept] = []
    rows = []
    for run in sorted(found, key=lambda each: each.id, reverse=True):
        run = app.handle.get(ImportRun, run.id)
        if len(found) > 1 and run.status == "undone":
            continue  # undone with another of these, of which it was a part
        done = undo(app.crm, app.handle.actor, run, plan=plan)
        rows.append(
            {
                "import": run.id,
                "file": run.file,
                "deleted": done.deleted,
                "restored": done.restored,
                "kept": len(done.kept),
            }
        )
        kept += done.kept
    show(app, rows, columns="import file deleted restored kept")
    if kept:
        note(_("left to the people who worked on them since:"))
    for each in kept[:20]:
        note(f"  {app.label(app.kind(each.kind))} {each.title} ({each.id}): {each.reason}")
    if len(kept) > 20:
        note(_("and {count} more").format(count=len(kept) - 20))


@imports.define("presets")
def list_presets(app: App) -> None:
    """The exports of other products that are recognised, and what becomes of them."""
    rows = [
        {
            "preset": each.name,
            "label": each.label,
            "becomes": each.kind
            if isinstance(each.kind, str) or each.kind is None
            else each.kind.__kind__,
            "reason": each.reason,
        }
        for each in all_presets(app.crm)
    ]
    show(app, rows, columns="preset label becomes reason")
