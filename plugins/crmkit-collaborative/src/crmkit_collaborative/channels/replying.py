"""To which address a reply goes: to the one that wrote, whatever else is known of the customer."""

from __future__ import annotations

from crmkit import Direction, Identity, Interaction, Reader, where

__all__ = ["reply_to"]


def reply_to(reader: Reader, interaction: Interaction) -> Identity | None:
    """The identity that a reply to an interaction goes to; None if nobody knows.

    It is the one that it came from or went to; without that, the last one of its thread on the same channel from
    which the customer wrote. Never another one of the customer's: two people who were made one still read two boxes.
    """
    if found := _identity(reader, interaction):
        return found
    if not isinstance(interaction.thread, str):
        return None
    same = (where.thread == interaction.thread, where.channel == interaction.channel)
    came = (where.direction == Direction.IN, where.identity_id.present())
    page = reader.page(
        Interaction,
        *same,
        *came,
        where.customer_id == interaction.customer_id,
        order="-happened_at",
        limit=1,
    )
    return _identity(reader, page[0]) if page else None


def _identity(reader: Reader, interaction: Interaction) -> Identity | None:
    if not isinstance(interaction.identity_id, str):  # nothing, or a mask in its place
        return None
    return reader.get_many(Identity, [interaction.identity_id])[0]
