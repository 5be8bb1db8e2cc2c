"""`crm interaction`: contacts with customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crmkit.cli.app import App
from crmkit.cli.records import KindGroup, Of, field_options, new_record, setting, show_written
from crmkit.records import Interaction
from crmkit.schema import read_kind

__all__ = ["interaction"]

_OF = Of(read_kind(Interaction), "interaction log")
interaction = KindGroup(_OF, "Contacts with customers.")
del interaction.commands["add"]


@interaction.command("log", params=field_options(_OF.kind))
@setting
@click.pass_obj
def log(app: App, /, sets: Sequence[str], **given: Any) -> None:
    """Log a contact, which happened now unless --at says when, and print it."""
    kind = app.kind("interaction")
    given["_happened_at"] = given["_happened_at"] or app.crm.clock()
    made = new_record(app, kind, given, sets)
    with app.handle.transaction() as tx:
        tx.add(made)
    show_written(app, kind, made.id)
