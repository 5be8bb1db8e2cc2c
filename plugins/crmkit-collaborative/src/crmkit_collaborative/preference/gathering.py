"""What a reader may see of a customer, for choosing channels, and of all customers, for the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from crmkit import Customer, Identity, Interaction, where
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.interactions.fields import INTERNAL
from crmkit_collaborative.kinds import ChannelPreference, ContactRule
from crmkit_collaborative.preference.choosing import Known
from crmkit_collaborative.preference.contacts import Contact, Used, contact_of, used

__all__ = ["WINDOW", "counted", "everybody", "known", "with_customer"]

WINDOW = timedelta(days=720)
"""Contacts older than that are not looked at: they would weigh less than 1/256."""


def known(
    crm: Any, customer: Customer, channels: Iterable[Channel], purpose: str | None, now: datetime
) -> Known:
    """What is known of one customer; the contacts are those of the purpose, or all if there is none."""
    mine = where.customer_id == customer.id
    addresses: dict[str, list[str]] = defaultdict(list)
    for each in crm.find(Identity, mine):
        addresses[each.channel].append(each.value)
    recent = where.happened_at >= now - WINDOW
    contacts = with_customer(crm.find(Interaction, mine, recent, order="happened_at"))
    return Known(
        addresses,
        list(crm.find(ChannelPreference, mine)),
        list(crm.find(ContactRule, mine)),
        counted(contacts, channels, purpose, now),
    )


def everybody(
    crm: Any, channels: Iterable[Channel], purpose: str | None, now: datetime
) -> Iterator[tuple[str, list[Used]]]:
    """The contacts that count of each customer whom the reader may see; one customer's are held at a time."""
    order = ("customer_id", "happened_at")
    recent = (where.happened_at >= now - WINDOW, where.customer_id.present())
    talking = list(channels)
    found = crm.find(Interaction, *recent, order=order)
    for customer, records in groupby(found, key=lambda each: each.customer_id):
        yield customer, counted(with_customer(records), talking, purpose, now)


def with_customer(found: Iterable[Interaction]) -> Iterator[Contact]:
    """The contacts with the customer: what is said among colleagues reaches nobody."""
    return (contact_of(each) for each in found if each[INTERNAL] is not True)


def counted(
    contacts: Iterable[Contact], channels: Iterable[Channel], purpose: str | None, now: datetime
) -> list[Used]:
    """The contacts of one customer that count for a purpose, judged by all of them."""
    live = [each.name for each in channels if each.live]
    found = used(contacts, live, now)
    return [each for each in found if purpose is None or each.contact.purpose == purpose]
