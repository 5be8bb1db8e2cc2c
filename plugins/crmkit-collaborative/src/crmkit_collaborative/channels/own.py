"""The channels that the plugin itself brings."""

from __future__ import annotations

from crmkit_collaborative.channels.channel import Channel

__all__ = ["OWN"]

OWN = (
    Channel("email", label="E-mail"),
    Channel("phone", label="Telephone", live=True),
    # A short message goes to a telephone number: whoever has one needs no second identity.
    Channel("sms", label="Text message", identity="phone"),
    Channel("kakao", label="KakaoTalk"),
    Channel("chat", label="Chat"),
    Channel("meeting", label="Meeting", live=True, addressed=False),
    Channel("letter", label="Letter"),
    Channel("social", label="Social media"),
)
"""In the order in which they are looked for most."""
