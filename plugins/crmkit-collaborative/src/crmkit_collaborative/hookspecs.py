"""The hooks of the collaborative plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmkit import hookspec

if TYPE_CHECKING:
    from crmkit_collaborative.channels.channel import Channel


@hookspec
def crm_channels() -> Iterable[Channel] | None:
    """Bring channels: ways on which customers and the company reach each other.

    Called when the channels are asked for. Returns `Channel`s. Merged by name; a second one is `PluginConflict`. A
    failure refuses what was asked. Since collaborative 1.0.
    """
