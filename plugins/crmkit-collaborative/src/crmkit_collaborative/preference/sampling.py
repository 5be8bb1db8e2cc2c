"""What all customers do on a channel, p0, from the customers who were met last: to read everybody would take too long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from crmkit import Interaction, RestrictedError, where
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.interactions.fields import PURPOSE
from crmkit_collaborative.preference.contacts import REPLY_WITHIN, Used
from crmkit_collaborative.preference.gathering import WINDOW, counted, with_customer
from crmkit_collaborative.preference.observing import weight

__all__ = ["CUSTOMERS", "EACH", "FEW", "Base", "Sample", "bases", "sample"]

CUSTOMERS = 100
"""So many customers are looked at: those with whom a contact was recorded last."""

EACH = 50
"""So many contacts of each of them, the newest."""

FEW = 200
"""While fewer contacts than that are old enough for every answer to be there, the others count too."""

_LOOKED = 1_000
"""Among so many contacts, those recorded last, the customers are looked for: one with very many leaves place for others."""


@attrs.frozen
class Base:
    """p0 of a channel: `hits`, the weights of what was used, by `total`, those of all `contacts`."""

    hits: float
    total: float
    contacts: int

    @property
    def rate(self) -> float:
        """`hits` by `total`."""
        return self.hits / self.total if self.total else 0.0


@attrs.frozen
class Sample:
    """The contacts that p0 is made of: those of `customers`, up to `until`; up to now if that is None."""

    customers: tuple[str, ...]
    until: datetime | None
    contacts: tuple[Used, ...]


def sample(crm: Any, channels: Iterable[Channel], purpose: str | None, now: datetime) -> Sample:
    """The newest `EACH` contacts of the `CUSTOMERS` with whom the reader may see that one was recorded last.

    Contacts of the last `REPLY_WITHIN` are left out: of those, attempts that were answered would count already, and
    those that will not be do not yet. While there are fewer than `FEW` older ones, they count all the same. Only
    contacts of the purpose count, and only customers who have one; any, if it is None.

    What it reads is bounded, however many contacts there are. The last recorded, not the last that happened, since ids
    are in the order of recording, which every database has at hand.
    """
    until: datetime | None = now - REPLY_WITHIN
    found = _recorded_last(crm, purpose, now, until)
    if len(found) < FEW:
        until = None
        found = _recorded_last(crm, purpose, now, until)
    customers = tuple(dict.fromkeys(found))[:CUSTOMERS]
    talking, kept = list(channels), list[Used]()
    for each in customers:
        mine = (where.customer_id == each, where.happened_at >= now - WINDOW)
        newest = crm.find(Interaction, *mine, order="-happened_at", limit=EACH)
        judged = counted(with_customer(newest), talking, purpose, now)
        kept += [one for one in judged if until is None or one.contact.at <= until]
    return Sample(customers, until, tuple(kept))


def bases(contacts: Iterable[Used], now: datetime) -> Mapping[str, Base]:
    """The base of each channel on which there were contacts."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in contacts:
        weighed = weight(each.contact.at, now)
        found[each.contact.channel].append((each.value * weighed, weighed))
    return {
        channel: Base(sum(hit for hit, _ in pairs), sum(each for _, each in pairs), len(pairs))
        for channel, pairs in found.items()
    }


def _recorded_last(
    crm: Any, purpose: str | None, now: datetime, until: datetime | None
) -> list[str]:
    """The customers of the contacts that were recorded last, one for each contact, the newest first."""
    wanted = [where.happened_at >= now - WINDOW, where.customer_id.present()]
    if until is not None:
        wanted.append(where.happened_at <= until)
    if purpose is not None:
        wanted.append(where[PURPOSE] == purpose)
    try:
        found = crm.find(Interaction, *wanted, order="-id", limit=_LOOKED)
    except RestrictedError:
        if purpose is None:
            raise
        return []  # who may not see purposes has seen no contact of this one
    return [each.customer_id for each in found]
