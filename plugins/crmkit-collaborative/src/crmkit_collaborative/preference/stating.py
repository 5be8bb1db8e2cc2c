"""What people say of how a customer is met: which channel they prefer, whether they may be contacted."""

from __future__ import annotations

from typing import Literal

from crmkit import Customer, Transaction, where
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.kinds import ChannelPreference, ContactRule

__all__ = ["prefer", "rule"]


def prefer(
    tx: Transaction,
    customer_id: str,
    channel: Channel,
    *,
    purpose: str | None = None,
    source: Literal["stated", "policy"] = "stated",
    note: str = "",
) -> ChannelPreference:
    """Note that a customer is to be met on a channel, for a purpose or any; in place of what was noted of the same before.

    `stated` is what the customer said, `policy` what the company decided. `channels.registry.named` gives the channel
    of a name. Raises `NotFound` for a customer that is not there or not to be seen, and whatever refuses a write.
    """
    customer, purpose = tx.get(Customer, customer_id), purpose or "any"
    same = (
        where.customer_id == customer.id,
        where.purpose == purpose,
        where.channel == channel.name,
    )
    known = next(tx.find(ChannelPreference, *same), None)
    if known is not None:
        return tx.update(known.evolve(source=source, since=tx.now(), note=note))
    return tx.add(
        ChannelPreference(
            customer_id=customer.id,
            purpose=purpose,
            channel=channel.name,
            source=source,
            since=tx.now(),
            note=note,
        )
    )


def rule(
    tx: Transaction,
    customer_id: str,
    verdict: Literal["consent", "withdrawn", "do_not_contact"],
    *,
    channel: Channel | None = None,
    purpose: str | None = None,
    reason: str = "",
) -> ContactRule:
    """Note whether a customer may be contacted: on a channel or any, for a purpose or any; what was noted before stays.

    Raises `NotFound` for a customer that is not there or not to be seen, and whatever refuses a write.
    """
    return tx.add(
        ContactRule(
            customer_id=tx.get(Customer, customer_id).id,
            verdict=verdict,
            channel=None if channel is None else channel.name,
            purpose=purpose,
            since=tx.now(),
            reason=reason,
        )
    )
