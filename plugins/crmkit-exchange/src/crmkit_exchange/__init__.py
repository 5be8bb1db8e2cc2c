"""Import and export: files of other CRMs in, everything out."""

from __future__ import annotations

from crmkit import Manifest, Record, hookimpl
from crmkit_exchange.kinds import ExternalId, ImportRun

__version__ = "0.1.0"

manifest = Manifest(name="exchange", api="1.0")


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """What an import leaves besides the records themselves."""
    return [ExternalId, ImportRun]
