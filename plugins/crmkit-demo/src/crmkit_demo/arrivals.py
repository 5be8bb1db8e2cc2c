"""Somebody who comes: what is written of a private person, an organization, or one who works there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import attrs

from crmkit import Customer, Identity
from crmkit_demo.addresses import Addresses
from crmkit_demo.chance import id_at
from crmkit_demo.figures import Figure, Rename
from crmkit_demo.names import FirmName, PersonName, misheard
from crmkit_demo.story import Branch, Staff

__all__ = ["Arrival", "employee", "identities", "organization", "private"]

DAY = timedelta(days=1)
ABROAD = {
    "KR": (("JP", "Asia/Tokyo"), ("SG", "Asia/Singapore")),
    "GB": (("IE", "Europe/Dublin"), ("FR", "Europe/Paris"), ("NL", "Europe/Amsterdam")),
}
TAGS = {
    "ko": {"organization": "도매", "business": "거래처", "person": "지인소개"},
    "en": {"organization": "wholesale", "business": "trade", "person": "referral"},
}


@attrs.frozen
class Arrival:
    """Somebody comes to a branch, and is looked after by `owner`; `key` names their dice, `until` is the story's end."""

    key: str
    branch: Branch
    language: str
    owner: Staff
    joined: datetime
    until: datetime
    random: Random

    def record(self, **values: object) -> Customer:
        """The customer as it is first written; at home where the branch is, unless the values say otherwise."""
        at_home = {
            "owner": self.owner.id,
            "language": self.language,
            "timezone": self.branch.timezone,
            "country": self.branch.country,
        }
        made: Customer = Customer(id=id_at(self.joined, self.random), **{**at_home, **values})  # type: ignore[arg-type]
        return made

    def tags(self, of: str, share: float) -> tuple[str, ...]:
        """The tag of this sort of customer, for a share of them."""
        return (TAGS[self.language][of],) if self.random.random() < share else ()

    def last(self) -> datetime:
        """When somebody is heard of for the last time: one in three goes quiet one day."""
        if self.random.random() < 0.35:
            return min(self.until, self.joined + (20 + self.random.expovariate(1 / 220)) * DAY)
        return self.until


def private(
    arrival: Arrival, name: PersonName, addresses: Addresses, shared: str | None = None
) -> Figure:
    """A private person, who may share a telephone."""
    random, joined = arrival.random, arrival.joined
    if random.random() < 0.05:
        name = misheard(name, random)
    country, timezone = _home(arrival)
    mobile = addresses.mobile(country, random) if random.random() < 0.72 else None
    has_email = random.random() < 0.78 or not (mobile or shared)
    email = addresses.email(name, random) if has_email else None
    chat = addresses.chat(name, random) if random.random() < 0.5 else None
    record = arrival.record(
        name=name.first_seen or name.full,
        country=country,
        timezone=timezone,
        tags=arrival.tags("person", 0.12),
    )
    channels = [("email", email), ("phone", mobile), ("phone", shared), ("chat", chat)]
    return Figure(
        key=arrival.key,
        role="person",
        language=arrival.language,
        branch=arrival.branch,
        owner=arrival.owner,
        joined=joined,
        end=arrival.last(),
        record=record,
        identities=identities(record.id, channels, joined, random),
        name=name,
        unknown=email is not None and random.random() < 0.06,
        rename=_correction(arrival, name),
    )


def _home(arrival: Arrival) -> tuple[str, str]:
    if arrival.random.random() < 0.06:
        return arrival.random.choice(ABROAD[arrival.branch.country])
    return arrival.branch.country, arrival.branch.timezone


def _correction(arrival: Arrival, name: PersonName) -> Rename | None:
    """The moment at which a name that was taken down wrong is mended."""
    if name.first_seen is None:
        return None
    joined, hours = arrival.joined, arrival.branch.hours
    return Rename(hours.some_time(joined + DAY, joined + 10 * DAY, arrival.random), name.full)


def organization(arrival: Arrival, firm: FirmName, addresses: Addresses) -> Figure:
    """An organization, with a switchboard and the address of an office."""
    random, joined = arrival.random, arrival.joined
    record = arrival.record(
        name=firm.name, type="organization", tags=arrival.tags("organization", 0.8)
    )
    desk = random.choice(("accounts", "office", "info"))
    phone = addresses.landline(arrival.branch.country, random)
    channels = [("phone", phone), ("email", f"{desk}@{firm.letters}.example")]
    return Figure(
        key=arrival.key,
        role="organization",
        language=arrival.language,
        branch=arrival.branch,
        owner=arrival.owner,
        joined=joined,
        end=arrival.until,
        record=record,
        identities=identities(record.id, channels, joined, random),
        firm=firm,
        rename=_renaming(arrival, firm),
    )


def _renaming(arrival: Arrival, firm: FirmName) -> Rename | None:
    """Some organizations call themselves something else one day."""
    if arrival.random.random() >= 0.08:
        return None
    start, hours = arrival.joined + 30 * DAY, arrival.branch.hours
    return Rename(hours.some_time(start, arrival.until, arrival.random), firm.later)


def employee(arrival: Arrival, name: PersonName, boss: Figure, addresses: Addresses) -> Figure:
    """Somebody who works at an organization; whoever comes with it, at the same moment, brings it."""
    assert boss.firm is not None
    random, joined = arrival.random, arrival.joined
    record = arrival.record(
        name=name.full, organization_id=boss.id, tags=arrival.tags("business", 0.2)
    )
    channels = [
        ("email", addresses.work_email(name, f"{boss.firm.letters}.example")),
        *_telephones(arrival, boss, addresses),
    ]
    return Figure(
        key=arrival.key,
        role="business",
        language=arrival.language,
        branch=arrival.branch,
        owner=boss.owner,
        joined=joined,
        end=arrival.last(),
        record=record,
        identities=identities(record.id, channels, joined, random),
        name=name,
        employer=boss,
        brings=boss if joined == boss.joined else None,
    )


def _telephones(
    arrival: Arrival, boss: Figure, addresses: Addresses
) -> list[tuple[str, str | None]]:
    """A mobile, or the switchboard that all share, or both."""
    switchboard, mobile = boss.on("phone"), None
    if switchboard is None or arrival.random.random() < 0.45:
        mobile = addresses.mobile(arrival.branch.country, arrival.random)
    is_listed = mobile is None or arrival.random.random() < 0.4
    shared = switchboard.value if switchboard and is_listed else None
    return [("phone", mobile), ("phone", shared)]


def identities(
    customer_id: str | None,
    channels: Sequence[tuple[str, str | None]],
    joined: datetime,
    random: Random,
) -> tuple[Identity, ...]:
    """The addresses of somebody, seen for the first time when they came; those that are None are not there."""
    return tuple(
        Identity(
            id=id_at(joined, random),
            customer_id=customer_id,
            channel=channel,
            value=value,
            verified_at=joined if channel == "email" and random.random() < 0.6 else None,
            first_seen_at=joined,
            last_seen_at=joined,
        )
        for channel, value in channels
        if value is not None
    )
