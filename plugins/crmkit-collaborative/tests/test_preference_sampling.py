"""What all customers do on a channel: over everybody while there are few, over those met last afterwards."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType

import pytest
from crmkit_collaborative.channels.channel import Channel
from crmkit_collaborative.interactions.fields import INTERNAL, PURPOSE
from crmkit_collaborative.kinds import Handover
from crmkit_collaborative.preference.contacts import REPLY_WITHIN
from crmkit_collaborative.preference.gathering import everybody
from crmkit_collaborative.preference.sampling import CUSTOMERS, EACH, FEW, bases, sample

from crmkit import Customer, Interaction, Manifest, Restriction, hookimpl, where

CHANNELS = [Channel("email", "E-mail"), Channel("phone", "Telephone", live=True)]

SHY = ModuleType("shy")
SHY.manifest = Manifest("shy")


@hookimpl
def crm_restrict(actor, kind):
    if actor.id == "guest" and kind == "interaction":
        return Restriction(masked=(PURPOSE,))
    if actor.id != "lee":
        return None
    mine = {"customer": where.owner == "lee", "interaction": where.customer_id.owner == "lee"}
    return Restriction([mine[kind]]) if kind in mine else None


SHY.crm_restrict = crm_restrict


def contact(customer, at, direction="in", channel="email", **more):
    return Interaction(
        customer_id=customer.id, channel=channel, happened_at=at, direction=direction, **more
    )


def customers(tx, number, **more):
    return tx.add_all(Customer(name=f"c{each}", **more) for each in range(number))


def rates(crm, now, purpose=None):
    found = bases(sample(crm, CHANNELS, purpose, now).contacts, now)
    return {channel: each.rate for channel, each in found.items()}


def test_of_few_contacts_all_count_as_one_would_count_them_by_hand(open_crm, clock):
    crm, now = open_crm(), clock()
    with crm.transaction() as tx:
        a, b = customers(tx, 2)
        tx.add(contact(a, now - timedelta(days=90), "out", outcome="bounced"))
        tx.add(contact(a, now))
        tx.add(contact(b, now - timedelta(days=180), "out"))
        tx.add(contact(b, now - timedelta(days=179)))
        tx.add(contact(b, now - timedelta(days=1), "out"))
        tx.add(contact(b, now - timedelta(days=90), "out", "phone", outcome="no_answer"))
        tx.add(contact(b, now - timedelta(days=90), "out", "phone"))
    # The bounced one 0 x 0.5, the one of today 1 x 1, the one answered after a day 1 x 0.25; that of yesterday waits.
    assert rates(crm, now) == {"email": 1.25 / 1.75, "phone": 0.5}
    found = sample(crm, CHANNELS, None, now)
    assert (set(found.customers), found.until) == ({a.id, b.id}, None)


def test_of_few_contacts_it_is_the_rate_over_everybody(open_crm, clock):
    crm, now = open_crm(), clock()
    with crm.transaction() as tx:
        for number, each in enumerate(customers(tx, 20)):
            for place in range(1 + number % 9):
                way = "out" if (number + place) % 3 else "in"
                at = now - timedelta(days=number * 7 + place * 2)
                purpose = "service" if place % 2 else "sales"
                tx.add(contact(each, at, way, added={PURPOSE: purpose}))
    for purpose in (None, "service", "sales"):
        all_of_them = [one for _, kept in everybody(crm, CHANNELS, purpose, now) for one in kept]
        found = sample(crm, CHANNELS, purpose, now)
        assert {one.contact.id for one in found.contacts} == {one.contact.id for one in all_of_them}
        assert rates(crm, now, purpose)["email"] == pytest.approx(
            bases(all_of_them, now)["email"].rate
        )


def test_attempts_to_which_answers_may_yet_come_do_not_raise_it(open_crm, clock):
    crm, now = open_crm(), clock()
    with crm.transaction() as tx:
        for each in customers(tx, FEW):  # half of all attempts are answered, at any time
            for days in (10, 3):
                at = now - timedelta(days=days)
                tx.add(contact(each, at, "out"))
                if each.name[-1] in "02468":
                    tx.add(contact(each, at + timedelta(hours=1)))
    found = sample(crm, CHANNELS, None, now)
    assert found.until == now - REPLY_WITHIN
    assert {one.contact.at for one in found.contacts} == {now - timedelta(days=10)}
    assert rates(crm, now) == {"email": pytest.approx(0.5)}


def test_what_it_reads_is_bounded(open_crm, clock):
    crm, now = open_crm(), clock()
    with crm.transaction() as tx:
        many = customers(tx, CUSTOMERS + 30)
        for each in many:
            tx.add_all(contact(each, now - timedelta(days=9 + day)) for day in range(2))
        for day in range(EACH + 30):
            tx.add(contact(many[-1], now - timedelta(days=9 + day)))
    found = sample(crm, CHANNELS, None, now)
    assert found.customers == tuple(each.id for each in reversed(many[30:]))
    assert len(found.contacts) == 2 * (CUSTOMERS - 1) + EACH


def test_only_what_the_reader_may_see_counts(open_crm, clock):
    crm, now = open_crm(SHY), clock()
    with crm.transaction() as tx:
        [mine], [other] = customers(tx, 1, owner="lee"), customers(tx, 1, owner="park")
        tx.add(contact(mine, now - timedelta(days=20), "out"))
        tx.add(contact(other, now - timedelta(days=20)))
    assert rates(crm, now) == {"email": 0.5}
    assert rates(crm.acting("lee"), now) == {"email": 0.0}
    assert sample(crm.acting("lee"), CHANNELS, None, now).customers == (mine.id,)


def test_to_who_may_not_see_purposes_there_is_no_contact_of_one(open_crm, clock):
    crm, now = open_crm(SHY), clock()
    with crm.transaction() as tx:
        [kim] = customers(tx, 1)
        tx.add(contact(kim, now, added={PURPOSE: "service"}))
    assert rates(crm, now, "service") == {"email": 1.0}
    assert rates(crm.acting("guest"), now, "service") == {}
    assert rates(crm.acting("guest"), now) == {"email": 1.0}


def test_what_is_said_among_colleagues_is_no_contact_and_answers_nothing(open_crm, clock):
    crm, now = open_crm(), clock()
    with crm.transaction() as tx:
        [customer] = customers(tx, 1, owner="lee")
        tx.add(contact(customer, now - timedelta(days=2)))
        tx.add(contact(customer, now - timedelta(days=1), "out").set(INTERNAL, True))
    with crm.transaction() as tx:
        tx.update(customer.evolve(owner="kim"))

    assert [
        each.contacts for each in bases(sample(crm, CHANNELS, None, now).contacts, now).values()
    ] == [1]
    [packet] = crm.find(Handover)
    assert len(packet.facts["open"]) == 1
