"""The hooks of the demo plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmkit import Customer, Handle, hookspec

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Stop, Story


@hookspec
def crm_demo(story: Story) -> Iterable[Step] | None:
    """Add a share to the company of `crm demo`: visits, deals, tickets that fit its customers.

    Called by `crm demo`, once, before anything is written. Returns `Step`s, in any order, at moments between
    `story.since` and `story.until`. The steps of all plugins are merged in order of time. So that the same seed gives
    the same company, whatever other plugins there are: draw from `story.random` only, and give every record an id
    from `story.new_id`. A failure, here or when a step is taken, ends the command and names the plugin; what was
    written before that stays. Since demo 1.0.
    """


@hookspec
def crm_demo_tour(story: Story, crm: Handle, customer: Customer | None) -> Iterable[Stop] | None:
    """Name commands to type next, at the end of `crm demo`: those that show the plugin's share.

    Called by `crm demo`, once the company is there. `story` is the one that `crm_demo` was told, its `random` as it
    was then: what a share began with comes out the same again. `crm` sees what whoever types may see, and `customer` is
    the one that the tour shows, None if there is none. Returns `Stop`s, in the order in which they are to be tried; those
    of plugins come behind the demo's own, by the plugins' names. A failure is shown as a note, and the tour goes on. Since
    demo 1.0.
    """
