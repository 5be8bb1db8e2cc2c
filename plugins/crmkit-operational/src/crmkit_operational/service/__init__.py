"""Tickets with one clock for what is due, what has passed and what is reported, and routing to who can take them."""

from __future__ import annotations

from crmkit import Manifest, Record, hookimpl
from crmkit_operational.service import kinds

manifest = Manifest(name="service", api="1.0")


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Tickets, policies, calendars, agents, and what was measured."""
    return [getattr(kinds, each) for each in kinds.__all__]
