"""Whose address it is: giving customers their own, finding out whom a message was from and to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit import (
    Customer,
    Direction,
    Identity,
    Interaction,
    Participant,
    Record,
    Transaction,
    where,
)
from crmkit_exchange.channels import Address
from crmkit_exchange.importing.known import Known
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.staged import Staged

__all__ = ["Addressing"]

PUBLIC = frozenset({"web"})
"""Channels on which many have one address: the libraries of a town have one web site, and are not the same."""


@attrs.frozen
class Addressing:
    """The addresses of one batch: what is there is in `known`, what is to be written goes into `staged`."""

    tx: Transaction
    layout: Layout
    known: Known
    staged: Staged

    # A customer's own ------------------------------------------------------------------------------------------

    def give(self, record: Record, found: Sequence[Address]) -> tuple[tuple[str, ...], bool]:
        """Give a customer the addresses that it lacks: (other customers who have one of them, whether any was added).

        Those who only share a web site with it are not among them.
        """
        twins: dict[str, None] = {}
        added = False
        for address in found:
            holders = self.known.holders[address.place]
            if all(each.customer_id != record.id for each in holders):
                others = [each.customer_id for each in holders if each.customer_id]
                if address.channel not in PUBLIC:
                    twins |= dict.fromkeys(others)
                if others or not self._claimed(record, holders):
                    self._new(address, record.id)
                added = True
        return tuple(twins), added

    def _claimed(self, record: Record, holders: list[Identity]) -> bool:
        """Take over identities that were nobody's, with the contacts that were made through them."""
        for place, identity in enumerate(holders):
            holders[place] = identity.evolve(customer_id=record.id)
            self.staged.change(holders[place])
        stored = [each.id for each in holders if each.version]
        if stored:
            nobodys = (where.identity_id.in_(stored), where.customer_id.missing())
            for kind in (Interaction, Participant):
                for contact in self.tx.find(kind, *nobodys):
                    self.staged.change(contact.set("customer_id", record.id))
        return bool(holders)

    def _new(
        self, address: Address, customer: str | None, seen: datetime | None = None
    ) -> Identity:
        made = Identity(
            customer_id=customer,
            channel=address.channel,
            value=address.value,
            normalised=address.normalised,
            first_seen_at=seen,
            last_seen_at=seen,
        )
        self.staged.add(made)
        self.known.holders[address.place].append(made)
        return made

    # The people of a message -----------------------------------------------------------------------------------

    def correspondent(
        self, values: Mapping[str, Any], found: Sequence[Address], notes: list[str]
    ) -> dict[str, Any]:
        """The identity and the customer whom a message came from or went to, as values of its fields."""
        if not found or not {"identity_id", "customer_id"} <= self.layout.kind.fields.keys():
            return {}
        other = _other(values, found)
        identity = self._identity(other, values, notes, self.layout.new_customers)
        if identity is None:
            return {}
        return {"identity_id": identity.id, "customer_id": identity.customer_id}

    def participants(
        self, record: Record, values: Mapping[str, Any], found: Sequence[Address]
    ) -> None:
        """Stage who else was in a message."""
        if record.__kind__ != Interaction.__kind__:
            return
        other = _other(values, found) if found else None
        for address in found:
            if address is not other:
                identity = self._identity(address, values, [], False)
                self.staged.add(
                    Participant(
                        interaction_id=record.id,
                        identity_id=identity.id if identity else None,
                        customer_id=identity.customer_id if identity else None,
                        role=address.role,
                    )
                )

    def _identity(
        self, address: Address, values: Mapping[str, Any], notes: list[str], new_customers: bool
    ) -> Identity | None:
        """The identity with an address, a new one if there is none; None if several customers share it."""
        holders = self.known.holders[address.place]
        owners = sorted({each.customer_id for each in holders if each.customer_id})
        if len(owners) > 1:
            notes.append(
                f"{address.value} is the address of several customers: {', '.join(owners)}"
            )
            return None
        if holders:
            return next((each for each in holders if each.customer_id), holders[0])
        customer = None
        if new_customers:
            made = Customer(name=address.name or address.value)
            self.staged.add(made)
            customer = made.id
        return self._new(address, customer, values.get("happened_at"))


def _other(values: Mapping[str, Any], found: Sequence[Address]) -> Address:
    """With whom it was: the sender of what came in, the first recipient of what went out."""
    wanted = "to" if values.get("direction") is Direction.OUT else "from"
    return next((each for each in found if each.role == wanted), found[0])
