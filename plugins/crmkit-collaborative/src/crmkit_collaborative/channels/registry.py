"""Every channel that a plugin brings, by name, and the interactions on channels that nobody brings."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from crmkit import CRM, Finding, Interaction
from crmkit_collaborative.channels.channel import Channel

__all__ = ["Brought", "channels", "unknown_channels"]


@attrs.frozen
class Brought:
    """A channel and the plugin that brings it."""

    channel: Channel
    plugin: str


def channels(crm: CRM) -> dict[str, Brought]:
    """The channels, by name. Raises `PluginConflict` for two of one name, which names both plugins."""
    found = crm.plugins.merged("crm_channels", Channel)
    return {name: Brought(found[name][0], found[name][1].owner.name) for name in sorted(found)}


def unknown_channels(crm: CRM) -> Iterator[Finding]:
    """What `crm doctor` says of interactions on channels that nobody brings: imports leave some."""
    from crmkit_collaborative.words import _

    known = channels(crm)
    text = _("{count} interactions are on channel {channel}, which no plugin brings")
    fix = _(
        "enable the plugin that brings it; until then `crm channels` shows those that there are"
    )
    for total in crm.totals(Interaction, by="channel"):
        [channel] = total.group
        if channel not in known:
            said = text.format(count=total.count, channel=repr(channel))
            yield Finding(said, fix, "warning")
