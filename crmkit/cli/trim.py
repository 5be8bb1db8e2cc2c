"""`crm journal trim`: taking what is old out of the journal."""

from __future__ import annotations

from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.command import Group, Time
from crmkit.cli.language import _
from crmkit.cli.output import bar, note, show
from crmkit.cli.records import YES
from crmkit.trimming import trim, trimmable

__all__ = ["journal"]

BEFORE = click.Option(["--before"], type=Time(), required=True, help="Take out what is older.")
DRY_RUN = click.Option(["--dry-run"], is_flag=True, help="Only say what would go.")

journal = Group("journal", help="The journal, and how far back it goes.")


@journal.define("trim", BEFORE, DRY_RUN, YES)
def trim_journal(app: App, before: Any, dry_run: bool, yes: bool) -> None:
    """Take what was recorded before a time out of the journal: nobody can read further back from then on."""
    told = trimmable(app.crm, before)
    row = {"before": before, "changes": told.count, "first": told.first, "last": told.last}
    if not (dry_run or yes):
        if told.first and told.last:
            text = _("{count} changes go, recorded from {first} to {last}")
            first, last = app.local(told.first), app.local(told.last)
            note(text.format(count=told.count, first=first, last=last))
        text = _("Nothing before {before} can be read as it was any more. Go on?")
        click.confirm(text.format(before=app.local(before)), abort=True, err=True)
    if not dry_run:
        with bar() as progress:
            trim(app.crm, before, progress)
    show(app, [row], columns="before changes first last", one=True)
