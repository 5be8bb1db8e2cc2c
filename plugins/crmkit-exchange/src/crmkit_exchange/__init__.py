"""Import and export: files of other CRMs in, everything out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crmkit import (
    CRM,
    CommandSpec,
    CrmError,
    Customer,
    FieldSpec,
    Handle,
    Interaction,
    Manifest,
    Record,
    Section,
    hookimpl,
)
from crmkit_exchange import hookspecs
from crmkit_exchange.kinds import ExternalId, ImportRun
from crmkit_exchange.settings import Settings

__version__ = "0.1.0"

manifest = Manifest(name="exchange", api="1.0", config=Settings, hookspecs=hookspecs)


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """What an import leaves besides the records themselves."""
    return [ExternalId, ImportRun]


@hookimpl
def crm_fields() -> list[FieldSpec]:
    """What was attached to a message: of each file the name, type, size and SHA-256."""
    items = tuple[Mapping[str, Any], ...] | None
    return [
        FieldSpec(
            on=Interaction, name="attachments", type=items, label="Attachments", personal=True
        )
    ]


@hookimpl
def crm_commands() -> list[CommandSpec]:
    """In, out, and back."""
    return [
        CommandSpec(
            "import",
            summary="Bring files in: CSV, JSON, vCards, mail, exports of other CRMs.",
            target="crmkit_exchange.terminal.importing:import_files",
        ),
        CommandSpec(
            "export",
            summary="Write records to a file: all with their history, or those of one kind.",
            target="crmkit_exchange.terminal.exporting:export",
        ),
        CommandSpec(
            "copy",
            summary="Write everything of a database into a new one, as from a file to a server.",
            target="crmkit_exchange.terminal.copying:copy_database",
        ),
        CommandSpec(
            "imports",
            summary="The imports there were; undoing them.",
            target="crmkit_exchange.terminal.imports:imports",
        ),
    ]


@hookimpl
def crm_startup(crm: CRM) -> None:
    """Refuse half a copy: workers would begin anew in it, and people find only some of what there is."""
    from crmkit_exchange.copying import COPY

    if crm.storage.state(COPY) is not None:
        raise CrmError(
            "this database holds a copy that was broken off; give the same `crm copy` again, which goes on with it"
        )


@hookimpl
def crm_normalise(channel: str, value: str, region: str) -> str | None:
    """Telephone numbers in E.164, e-mail addresses in lower case."""
    from crmkit_exchange.channels import normalised

    return normalised(channel, value, region)


@hookimpl
def crm_profile(crm: Handle, customer: Customer, as_of: datetime | None) -> Section | None:
    """What came with a customer and no field takes."""
    from crmkit_exchange.profile import came_with

    return came_with(crm, customer, as_of)
