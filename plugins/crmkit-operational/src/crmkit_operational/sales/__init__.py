"""Deals in pipelines, forecasts that can be checked, and orders."""

from __future__ import annotations

from crmkit import Manifest, Record, hookimpl
from crmkit_operational.sales import kinds

manifest = Manifest(name="sales", api="1.0")


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Pipelines, deals, orders, forecasts."""
    return [getattr(kinds, each) for each in kinds.__all__]
