"""The whole share of the plugin, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit_demo.story import Step, Story

from crmkit_collaborative.demo.calls import calls
from crmkit_collaborative.demo.colleagues import colleagues
from crmkit_collaborative.demo.packets import packets
from crmkit_collaborative.demo.parts import parted
from crmkit_collaborative.demo.twice import twice
from crmkit_collaborative.demo.wishes import wishes

__all__ = ["share"]


def share(story: Story) -> Iterator[Step]:
    """Who works where, what customers want, what is to be remembered and handed over, and who is there twice."""
    part = parted(story)
    teams, steps = colleagues(part("colleagues"))
    yield from steps
    yield from wishes(part("wishes"))
    yield from calls(part("calls"), teams)
    yield from packets(part("packets"))
    yield from twice(part("twice"))
