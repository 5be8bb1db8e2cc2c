"""The hook of the demo plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmkit import hookspec

if TYPE_CHECKING:
    from crmkit_demo.story import Step, Story


@hookspec
def crm_demo(story: Story) -> Iterable[Step] | None:
    """Add a share to the company of `crm demo`: visits, deals, tickets that fit its customers.

    Called by `crm demo`, once, before anything is written. Returns `Step`s, in any order, at moments between
    `story.since` and `story.until`. The steps of all plugins are merged in order of time. So that the same seed gives
    the same company, whatever other plugins there are: draw from `story.random` only, and give every record an id
    from `story.new_id`. A failure, here or when a step is taken, ends the command and names the plugin; what was
    written before that stays. Since demo 1.0.
    """
