"""The channels there are: the plugin's own, and those that other plugins bring."""

from __future__ import annotations

from collections.abc import Mapping

from crmkit import CRM
from crmkit_collaborative.channels.channel import Channel

__all__ = ["OWN", "channels"]

OWN = (
    Channel("email", "E-mail"),
    Channel("phone", "Telephone", live=True),
    Channel("sms", "Text message", identity="phone"),
    Channel("kakao", "KakaoTalk"),
    Channel("chat", "Chat"),
    Channel("meeting", "Meeting", live=True),
    Channel("letter", "Letter"),
    Channel("social", "Social media"),
)
"""What people use everywhere; a plugin's channel of the same name goes before one of these."""


def channels(crm: CRM) -> Mapping[str, Channel]:
    """Every channel by its name."""
    brought = crm.plugins.merged("crm_channels", Channel, key=lambda item, _: item.name)
    own = {each.name: each for each in OWN}
    return own | {name: channel for name, (channel, _) in brought.items()}
