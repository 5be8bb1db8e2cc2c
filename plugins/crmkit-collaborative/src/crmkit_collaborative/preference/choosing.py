"""The channels of a customer in the order in which to try them, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import attrs

from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.kinds import ChannelPreference, ContactRule
from crmkit_collaborative.preference.contacts import Used
from crmkit_collaborative.preference.observing import Observed, rate
from crmkit_collaborative.preference.permitting import Permit, permit

__all__ = ["Choice", "Known", "choose"]

Source = Literal["stated", "policy", "observed"]


@attrs.frozen
class Known:
    """What is known of one customer: addresses by channel, preferences, rules, and the contacts that count."""

    addresses: Mapping[str, Sequence[str]]
    preferences: Sequence[ChannelPreference] = ()
    rules: Sequence[ContactRule] = ()
    contacts: Sequence[Used] = ()


@attrs.frozen
class Choice:
    """A channel, whether it may be used and can be, and why it stands where it does."""

    channel: str
    source: Source
    observed: Observed
    permit: Permit
    reachable: bool
    preference: ChannelPreference | None = None

    @property
    def usable(self) -> bool:
        """Whether the customer may be contacted on it, and has an address there."""
        return self.permit.allowed and self.reachable


def choose(
    channels: Iterable[Channel],
    known: Known,
    purpose: str | None,
    now: datetime,
    base: Mapping[str, float],
    *,
    needs_consent: bool = False,
) -> list[Choice]:
    """All channels on which the company goes out, those to try first at the beginning: what may not be used comes last, whatever speaks for it.

    What the customer stated goes before what the company decided, that before what was observed; a preference for the
    purpose before one for any; a newer before an older; then the higher rate. `base` is the rate of each channel over
    the customers met last.
    """
    found = []
    for each in channels:
        if "out" not in each.directions:
            continue
        evidence = [one for one in known.contacts if one.contact.channel == each.name]
        preference = _preference(known.preferences, each.name, purpose)
        found.append(
            Choice(
                each.name,
                preference.source if preference else "observed",
                rate(each.name, evidence, now, base.get(each.name, 0.0)),
                permit(known.rules, each.name, purpose, needs_consent=needs_consent),
                not each.addressed or bool(known.addresses.get(each.identity or each.name)),
                preference,
            )
        )
    found.sort(key=lambda choice: _place(choice, purpose))
    return found


def _preference(
    preferences: Iterable[ChannelPreference], channel: str, purpose: str | None
) -> ChannelPreference | None:
    mine = [
        each for each in preferences if each.channel == channel and each.purpose in ("any", purpose)
    ]
    return min(mine, key=lambda each: _strength(each, purpose), default=None)


def _strength(preference: ChannelPreference, purpose: str | None) -> tuple[object, ...]:
    general = preference.purpose != purpose
    return (preference.source != "stated", general, -preference.since.timestamp(), preference.id)


def _place(choice: Choice, purpose: str | None) -> tuple[object, ...]:
    strength = _strength(choice.preference, purpose) if choice.preference else (True, True, 0.0, "")
    stated = {"stated": 0, "policy": 1, "observed": 2}[choice.source]
    return (not choice.usable, stated, *strength[1:3], -choice.observed.rate, choice.channel)
