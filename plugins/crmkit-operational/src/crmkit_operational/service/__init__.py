"""Tickets with one clock for what is due, what has passed and what is reported, and routing to who can take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crmkit import Manifest, Record, hookimpl
from crmkit_operational.service import kinds

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Story

manifest = Manifest(name="service", api="1.0", extends=("demo",))


@hookimpl
def crm_kinds() -> list[type[Record]]:
    """Tickets, policies, calendars, agents, and what was measured."""
    return [getattr(kinds, each) for each in kinds.__all__]


@hookimpl(optionalhook=True)
def crm_demo(story: Story) -> Iterator[Step]:
    """Hours, policies, agents and tickets of the company to try things on."""
    from crmkit_operational.demo.service import share

    yield from share(story)
