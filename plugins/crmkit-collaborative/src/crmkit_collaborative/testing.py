"""The contract of channels, as tests that a vendor inherits.

```python
import pytest
from crmkit_collaborative.testing import ChannelContract

import crmkit_telegram


class TestTelegram(ChannelContract):
    name = "telegram"
    addresses = ("@kim", "@Lee_12")

    @pytest.fixture
    def crm_plugins(self):
        return ["collaborative", crmkit_telegram]
```
"""

from __future__ import annotations

import re
from typing import ClassVar

import pytest

from crmkit import CRM, Customer, Direction, Identity, Interaction
from crmkit.guards import normalise
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.channels.registry import channels
from crmkit_collaborative.channels.replying import reply_to

__all__ = ["ChannelContract"]


class ChannelContract:
    """What every channel must do.

    Set `name`, and `addresses`: two different ones as people write them, none if nobody has an address on it. Override
    the fixture `crm_plugins` with the collaborative plugin and the one that brings the channel.
    """

    name: ClassVar[str]
    addresses: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def channel(self, crm: CRM) -> Channel:
        """The channel, as the plugins bring it."""
        return channels(crm)[self.name].channel

    @pytest.fixture
    def customer(self, crm: CRM) -> Customer:
        """A customer to meet on it."""
        with crm.transaction() as tx:
            return tx.add(Customer(name="김지원"))

    @pytest.fixture
    def identities(self, crm: CRM, channel: Channel, customer: Customer) -> list[Identity]:
        """The customer's identities, one for each address."""
        if not self.addresses:
            pytest.skip("nobody has an address on this channel")
        of = channel.identity or channel.name
        with crm.transaction() as tx:
            made = [
                Identity(customer_id=customer.id, channel=of, value=each) for each in self.addresses
            ]
            return tx.add_all(made)

    def test_it_has_a_name_and_a_label(self, channel: Channel) -> None:
        """Its name is a plain word, as programs write it; its label is one that people read."""
        assert channel.name == self.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", channel.name), "name it as in 'my_channel'"
        assert channel.label.strip(), "give it a label that people read"

    def test_it_goes_somewhere(self, channel: Channel) -> None:
        """Customers come in on it, or the company goes out, or both; each is said once."""
        assert channel.directions, "say in, out or both"
        assert set(channel.directions) <= {"in", "out"}
        assert len(set(channel.directions)) == len(channel.directions)

    def test_its_identities_are_of_a_channel_that_has_its_own(
        self, crm: CRM, channel: Channel
    ) -> None:
        """Where it uses the identities of another channel, that one uses its own."""
        other = channels(crm).get(channel.identity or channel.name)
        if other is not None:
            assert other.channel.identity in (None, other.channel.name)

    def test_an_address_has_one_form(self, crm: CRM, channel: Channel) -> None:
        """Making an address the form under which it is matched twice gives the same as once."""
        of = channel.identity or channel.name
        for each in (*self.addresses, " x ", "", "한글 주소", "A@b.C"):
            once = normalise(crm.plugins, of, each, crm.company.region)
            assert normalise(crm.plugins, of, once, crm.company.region) == once

    def test_two_addresses_stay_two(self, identities: list[Identity]) -> None:
        """Different addresses are not taken for one."""
        assert len({each.normalised for each in identities}) == len(self.addresses)

    def test_an_interaction_can_be_logged_on_it(
        self, crm: CRM, channel: Channel, customer: Customer
    ) -> None:
        """A contact in each of its directions is kept, and is on the customer's timeline."""
        with crm.transaction() as tx:
            made = tx.add_all(
                Interaction(
                    customer_id=customer.id,
                    channel=channel.name,
                    direction=Direction(each),
                    happened_at=crm.now(),
                    subject="환불",
                )
                for each in channel.directions
            )
        assert {each.id for each in made} == {each.id for each in crm.timeline(customer.id)}

    def test_a_reply_goes_to_the_identity_that_wrote(
        self, crm: CRM, channel: Channel, customer: Customer, identities: list[Identity]
    ) -> None:
        """Whichever of a customer's addresses wrote, the reply goes there; also after customers were made one."""
        with crm.transaction() as tx:
            other = tx.add(Customer(name="김지원 (옛)"))
            wrote = tx.add_all(
                Interaction(
                    customer_id=other.id,
                    identity_id=each.id,
                    channel=channel.name,
                    happened_at=crm.now(),
                )
                for each in identities
            )
        with crm.transaction() as tx:
            tx.merge(customer, other)
        for interaction, identity in zip(wrote, identities, strict=True):
            found = reply_to(crm, crm.get(Interaction, interaction.id))
            assert found is not None, f"a reply on {channel.name} would go nowhere"
            assert found.id == identity.id
