"""The kinds that every CRM has: customers, their addresses, the contacts with them, and what merging leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Literal

from crmkit.records import Record, field, kind

__all__ = [
    "CORE_KINDS",
    "Alias",
    "CustomField",
    "Customer",
    "Direction",
    "Identity",
    "Interaction",
    "Participant",
]


class Direction(Enum):
    """Which way a contact went."""

    IN = "in"
    OUT = "out"


@kind("customer", title="name", indexes=(("owner", "name"),))
class Customer(Record):
    """A person or an organization; a person may belong to an organization."""

    name: str = field(search=True, personal=True, index=True)
    type: Literal["person", "organization"] = field(default="person")
    organization_id: str | None = field(
        default=None, refers_to="customer", on_delete="clear", label="Organization"
    )
    owner: str | None = field(default=None)
    language: str | None = field(default=None)
    timezone: str | None = field(default=None, label="Time zone")
    country: str | None = field(default=None)
    tags: tuple[str, ...] = field(default=(), search=True)


@kind("identity", title="value", indexes=(("channel", "normalised"),))
class Identity(Record):
    """An address on one channel; without a customer while nobody knows whose it is.

    Indexed, not unique: families and switchboards share numbers. `normalised` is filled on every write.
    """

    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="cascade", label="Customer"
    )
    channel: str = field()
    value: str = field(search=True, personal=True)
    normalised: str = field(default="", personal=True)
    verified_at: datetime | None = field(default=None)
    first_seen_at: datetime | None = field(default=None)
    last_seen_at: datetime | None = field(default=None)


@kind(
    "interaction",
    timeline="happened_at",
    title="subject",
    unique=(("source", "external_id"),),
    indexes=(("thread", "happened_at"),),
)
class Interaction(Record):
    """One contact on one channel.

    `source` and `external_id` make a channel that delivers twice record once. `happened_at` is when it happened,
    `created_at` when it was recorded. `identity_id` is the address that it came from or went to.
    """

    customer_id: str | None = field(default=None, refers_to=Customer, label="Customer")
    identity_id: str | None = field(
        default=None, refers_to=Identity, on_delete="clear", label="Identity"
    )
    channel: str = field()
    direction: Direction = field(default=Direction.IN)
    happened_at: datetime = field(label="Happened at")
    source: str | None = field(default=None)
    external_id: str | None = field(default=None)
    subject: str = field(default="", search=True, personal=True)
    body: str = field(default="", search=True, personal=True)
    outcome: str | None = field(default=None)
    thread: str | None = field(default=None)


@kind("participant", title="role")
class Participant(Record):
    """Who else was in an interaction: the others of a group mail or a meeting."""

    interaction_id: str = field(refers_to=Interaction, on_delete="cascade", label="Interaction")
    customer_id: str | None = field(
        default=None, refers_to=Customer, on_delete="clear", label="Customer"
    )
    identity_id: str | None = field(
        default=None, refers_to=Identity, on_delete="clear", label="Identity"
    )
    role: str = field(default="to")


@kind("custom_field", label="Custom field", title="name", unique=(("on", "name"),))
class CustomField(Record):
    """A field that people added to a kind at run time: `custom.NAME` on records of kind `on`."""

    on: str = field()
    name: str = field()
    type: Literal[
        "text", "flag", "whole", "number", "datetime", "date", "money", "items", "object", "choice"
    ] = field(default="text")
    choices: tuple[str, ...] = field(default=())
    caption: str | None = field(default=None, label="Caption")
    index: bool = field(default=False)
    search: bool = field(default=False)
    personal: bool = field(default=False)


@kind("alias", title="target", indexes=(("target",),))
class Alias(Record):
    """An id that was merged away: its own `id` is the old one, `target` the id of the record that took it in."""

    of: str = field(label="Kind")
    target: str = field()


CORE_KINDS: Iterable[type[Record]] = (
    Customer,
    Identity,
    Interaction,
    Participant,
    CustomField,
    Alias,
)
"""The kinds of the core, which need no plugin."""
