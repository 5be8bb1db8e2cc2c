"""`crm copy`: everything of one database into another, and whether two hold the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from crmkit import CrmError
from crmkit.cli.app import App
from crmkit.cli.command import define
from crmkit.cli.output import note, show
from crmkit.config import resolve_storage, shown
from crmkit_exchange.copying.comparing import Compared, compare
from crmkit_exchange.copying.copying import copy
from crmkit_exchange.copying.databases import Reading, opened_for_reading, opened_for_writing
from crmkit_exchange.full.exporting import check_unrestricted
from crmkit_exchange.terminal.bar import bar
from crmkit_exchange.words import _

__all__ = ["copy_database"]

CHECK = click.Option(["--check"], is_flag=True, help="Only compare the two databases.")
SHORT = 12
"""How many characters of a digest a table shows."""


@define("copy", click.Argument(["source"]), click.Argument(["target"]), CHECK)
def copy_database(app: App, source: str, target: str, check: bool) -> None:
    """Write everything of a database into a new one, as from a file to a server; goes on where it was broken off."""
    if _place(source) == _place(target):
        raise CrmError(f"{shown(source)} cannot be copied into itself; name another target")
    here = _opened(app, source)
    app.crm = here
    check_unrestricted(here, app.handle.actor, "a copy", "let somebody copy who may")
    if check:
        there = _opened(app, target)
        with bar() as progress:
            found: Sequence[Compared] = compare(here.storage, there.storage, progress)
    else:
        found = _copied(app, here, target)
    _show(app, found)
    if different := [each.name for each in found if not each.equal]:
        raise CrmError(
            f"the two databases do not hold the same: {', '.join(different)}; copy again, into a new one"
        )


def _place(url: str) -> str:
    """What two URLs of one database have in common, as far as one can tell without asking it."""
    found = resolve_storage(url, Path.cwd()).partition("?")[0]
    scheme, slashes, path = found.partition(":///")
    return f"{scheme}:///{os.path.realpath(path)}" if slashes else found


def _opened(app: App, url: str) -> Reading:
    found = opened_for_reading(url, app.config)
    app.opened(found)
    return found


def _copied(app: App, here: Reading, url: str) -> Sequence[Compared]:
    there = opened_for_writing(url, app.config)
    click.get_current_context().call_on_close(there.close)
    with bar() as progress:
        done = copy(here.storage, there, progress)
    if done.resumed:
        note(_("the copy that had been broken off was gone on with"))
    if done.since:
        said = _("{count} changes were written to the source meanwhile and are not in the copy")
        note(said.format(count=f"{done.since:,}"))
    return done.compared


def _show(app: App, found: Sequence[Compared]) -> None:
    columns = {"kind": _("Kind"), "records": _("Records"), "sha256": "SHA-256"}
    if app.format == "table":
        rows = [
            {"kind": each.name, "records": _both(each, "count"), "sha256": _both(each, "digest")}
            for each in found
        ]
    else:
        columns |= {"target_records": "", "target_sha256": ""}
        rows = [_row(each) for each in found]
    whole = [{**row, "equal": each.equal} for row, each in zip(rows, found, strict=True)]
    show(app, whole, columns | {"equal": _("Equal")})


def _both(found: Compared, name: str) -> str:
    """What a side is, or both where they differ."""
    sides = (getattr(side, name) for side in (found.source, found.target))
    texts = [each[:SHORT] if isinstance(each, str) else f"{each:,}" for each in sides]
    return " / ".join(dict.fromkeys(texts))


def _row(found: Compared) -> dict[str, Any]:
    return {
        "kind": found.name,
        "records": found.source.count,
        "sha256": found.source.digest,
        "target_records": found.target.count,
        "target_sha256": found.target.digest,
    }
