"""`crm copy`: everything of one database into another, and whether two hold the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from crmkit import CRM, CrmError
from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.output import note, show
from crmkit.config import resolve_storage, shown
from crmkit.crm import chosen, open_storage
from crmkit.opening import CATALOGUE
from crmkit.plugins import Plugins
from crmkit_exchange.copying.comparing import Compared, compare
from crmkit_exchange.copying.copying import copy
from crmkit_exchange.full.exporting import check_unrestricted
from crmkit_exchange.terminal.bar import bar
from crmkit_exchange.words import _

__all__ = ["copy_database"]

CHECK = click.Option(["--check"], is_flag=True, help="Only compare the two databases.")
SHOWN = 12
"""How many characters of a digest a table shows."""


@define("copy", click.Argument(["source"]), click.Argument(["target"]), CHECK)
def copy_database(app: App, source: str, target: str, check: bool) -> None:
    """Write everything of a database into a new one, as from a file to a server; goes on where it was broken off."""
    if resolve_storage(source, Path.cwd()) == resolve_storage(target, Path.cwd()):
        raise CrmError(f"{shown(source)} cannot be copied into itself; name another target")
    for url in (source, target) if check else (source,):
        _check_there(app, url)
    here, there = (app.opened(CRM.open(url, config=app.config)) for url in (source, target))
    app.crm = here  # whoever copies has to be allowed to read all of it
    check_unrestricted(here, app.handle.actor)
    if not check:
        with bar() as progress:
            done = copy(here, there, progress)
        if done.resumed:
            note(_("the copy that had been broken off was gone on with"))
    with bar() as progress:
        found = compare(here, there, progress)
    show(app, [_row(app, each) for each in found], _columns(), empty="")
    if different := [each.name for each in found if not each.equal]:
        raise CrmError(
            f"the two databases do not hold the same: {', '.join(different)}; somebody wrote to one of them meanwhile, "
            "so copy again into a new one"
        )


def _check_there(app: App, url: str) -> None:
    """Raise if there is no CRM: to open it as one would make it."""
    storage = open_storage(url, app.config, Plugins.load(chosen(app.config), app.config.plugin))
    try:
        if storage.state(CATALOGUE) is None:
            raise CrmError(f"there is no CRM in {shown(url)}; check its name")
    finally:
        storage.close()


def _columns() -> dict[str, str]:
    return {
        "kind": _("Kind"),
        "source": _("Source"),
        "target": _("Target"),
        "sha256": "SHA-256",
        "equal": _("Equal"),
    }


def _row(app: App, found: Compared) -> dict[str, Any]:
    digests: Sequence[str] = (found.source.digest, found.target.digest)
    if app.format == "table":
        digests = [each[:SHOWN] for each in digests]
    same = digests[0] if found.equal else " / ".join(digests)
    counts = {"source": found.source.count, "target": found.target.count}
    return {"kind": found.name, **counts, "sha256": same, "equal": found.equal}
