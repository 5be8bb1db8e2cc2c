"""Deals in pipelines, forecasts that can be checked, and orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmkit import Manifest, Record, hookimpl
from crmkit_operational.sales import kinds

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Story

manifest = Manifest(name="sales", api="1.0", extends=("demo",))


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Pipelines, deals, orders, forecasts."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl(optionalhook=True)
def crm_demo(story: Story) -> Iterator[Step]:
    """Pipelines, deals and orders of the company to try things on."""
    from crmkit_operational.demo.sales import share

    yield from share(story)
