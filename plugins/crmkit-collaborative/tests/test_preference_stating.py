"""What people say of how a customer is met, noted by a program."""

from __future__ import annotations

from datetime import timedelta

import pytest
from crmkit_collaborative.channels.registry import named
from crmkit_collaborative.kinds import ChannelPreference, ContactRule
from crmkit_collaborative.preference.stating import prefer, rule

from crmkit import Customer, NotFound, ValueRefused


@pytest.fixture
def crm(open_crm):
    return open_crm()


@pytest.fixture
def kim(crm):
    with crm.transaction() as tx:
        return tx.add(Customer(name="김하늘"))


def test_a_preference_takes_the_place_of_the_one_for_the_same(crm, kim, clock):
    email, sms = named(crm, "email"), named(crm, "sms")
    with crm.transaction() as tx:
        first = prefer(tx, kim.id, email, source="policy", note="회사 방침")
        prefer(tx, kim.id, email, purpose="service")
        prefer(tx, kim.id, sms)
    since = clock.tick(days=1) or clock()
    with crm.transaction() as tx:
        again = prefer(tx, kim.id, email, note="아침에")
    assert (again.id, again.source, again.since, again.note) == (
        first.id,
        "stated",
        since,
        "아침에",
    )
    kept = {(each.channel, each.purpose) for each in crm.find(ChannelPreference)}
    assert kept == {("email", "any"), ("email", "service"), ("sms", "any")}


def test_a_preference_follows_a_customer_who_was_merged_away(crm, kim):
    with crm.transaction() as tx:
        keep = tx.add(Customer(name="김 하늘"))
        tx.merge(keep, tx.get(Customer, kim.id))
    with crm.transaction() as tx:
        assert prefer(tx, kim.id, named(crm, "sms")).customer_id == keep.id


def test_each_rule_is_a_record_of_its_own(crm, kim, clock):
    with crm.transaction() as tx:
        rule(tx, kim.id, "do_not_contact", channel=named(crm, "email"), reason="싫다고 함")
    clock.tick(days=1)
    with crm.transaction() as tx:
        rule(tx, kim.id, "consent", purpose="marketing")
    found = [
        (each.verdict, each.channel, each.purpose, each.reason)
        for each in crm.find(ContactRule, order="since")
    ]
    assert found == [
        ("do_not_contact", "email", None, "싫다고 함"),
        ("consent", None, "marketing", ""),
    ]
    first, second = crm.find(ContactRule, order="since")
    assert second.since - first.since == timedelta(days=1)


def test_nothing_is_noted_of_nobody(crm):
    with crm.transaction() as tx:
        for say in (
            lambda: prefer(tx, "nobody", named(crm, "sms")),
            lambda: rule(tx, "nobody", "consent"),
        ):
            with pytest.raises(NotFound):
                say()
    assert crm.count(ChannelPreference) == crm.count(ContactRule) == 0


def test_a_channel_that_nobody_brings_is_refused_with_those_there_are(crm):
    with pytest.raises(ValueRefused, match="there is no channel pigeon; there are chat, email"):
        named(crm, "pigeon")
