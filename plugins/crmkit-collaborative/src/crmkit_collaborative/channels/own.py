"""The channels that the plugin itself brings."""

from __future__ import annotations

from crmkit_collaborative.channels.channel import Channel

__all__ = ["OWN"]

OWN = (
    Channel("email", "E-mail"),
    Channel("phone", "Telephone", live=True),
    # A short message goes to a telephone number: whoever has one needs no second identity.
    Channel("sms", "Text message", identity="phone"),
    Channel("kakao", "KakaoTalk"),
    Channel("chat", "Chat", live=True),
    Channel("meeting", "Meeting", live=True),
    Channel("letter", "Letter"),
    Channel("social", "Social media"),
)
"""In the order in which they are looked for most."""
