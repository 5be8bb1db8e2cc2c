"""Rules as data: when something happens and conditions hold, plugins' actions are done, once for a cause."""

from __future__ import annotations

from crmkit import Manifest, Record, hookimpl
from crmkit_operational.automation import kinds

manifest = Manifest(name="automation", api="1.0")


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Rules and their runs."""
    return [getattr(kinds, each) for each in kinds.__all__]
