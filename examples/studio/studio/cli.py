"""The command of the studio."""

from __future__ import annotations

from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.output import note
from studio.words import _


@define("studio-setup")
def setup(app: App) -> None:
    """Set the studio up, once: people, hours, promises and a pipeline."""
    from studio.desk import is_set_up, set_up

    if is_set_up(app.handle):
        note(_("The studio is set up already; nothing was added."))
        return
    with app.handle.transaction() as tx:
        set_up(tx)
    note(_("The studio is set up; next, its rules: crm rule load rules.toml"))
