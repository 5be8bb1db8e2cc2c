"""Every channel that a plugin brings, by name, and the interactions on channels that nobody brings."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from crmkit import CRM, Finding, Interaction, ValueRefused
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.words import _

__all__ = ["Brought", "channels", "named", "unknown_channels"]


@attrs.frozen
class Brought:
    """A channel and the plugin that brings it."""

    channel: Channel
    plugin: str


def channels(crm: CRM) -> dict[str, Brought]:
    """The channels, by name. Raises `PluginConflict` for two of one name, which names both plugins."""
    found = crm.plugins.merged("crm_channels", Channel)
    return {name: Brought(found[name][0], found[name][1].owner.name) for name in sorted(found)}


def named(crm: CRM, name: str) -> Channel:
    """The channel of a name; raises `ValueRefused`, with the names there are, if no plugin brings it."""
    known = channels(crm)
    if name not in known:
        text = _("there is no channel {channel}; there are {known}")
        raise ValueRefused(text.format(channel=name, known=", ".join(known)))
    return known[name].channel


def unknown_channels(crm: CRM) -> Iterator[Finding]:
    """What `crm doctor` says of interactions on channels that nobody brings: imports leave some."""
    known = channels(crm)
    text = _("interactions on channel {channel}, which no plugin brings: {count}")
    fix = _(
        "enable the plugin that brings it; until then `crm channels` shows those that there are"
    )
    for total in crm.totals(Interaction, by="channel"):
        [channel] = total.group
        if channel not in known:
            said = text.format(count=total.count, channel=repr(channel))
            yield Finding(said, fix, "warning")
