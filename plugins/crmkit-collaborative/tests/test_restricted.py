"""What belongs to customers whom an actor may not see is hidden, too, by one rule for all kinds, as the guide writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import ModuleType

from crmkit_collaborative import kinds

from crmkit import Customer, Manifest, Restriction, hookimpl, where

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@hookimpl
def crm_restrict(crm, actor, kind):
    if actor.id != "kim":
        return None
    if kind == "customer":
        return Restriction(conditions=[where.country == "KR"])
    return Restriction(
        conditions=[
            where[f"{field.name}.country"] == "KR"
            for field in crm.schema[kind].references
            if field.refers_to == "customer"
        ]
    )


SHY = ModuleType("shy")
SHY.manifest = Manifest(name="shy")
SHY.crm_restrict = crm_restrict


def belonging(customer, other):
    """A record of each kind that belongs to a customer, or to both."""
    pair = {"a_id": min(customer, other), "b_id": max(customer, other)}
    return [
        kinds.ChannelPreference(customer_id=customer, channel="phone", since=NOW),
        kinds.ContactRule(customer_id=customer, verdict="consent", since=NOW),
        kinds.Handover(customer_id=customer, subject_id=customer, at=NOW, summary="쿼젤하다"),
        kinds.Duplicate(**pair, score=0.9, zone="review"),
        kinds.NotSame(**pair),
    ]


def test_what_belongs_to_hidden_customers_neither_shows_nor_counts_nor_matches(open_crm):
    crm = open_crm(SHY)
    with crm.transaction() as tx:
        a, b = (tx.add(Customer(name=each, country="KR")) for each in "ab")
        hidden = tx.add(Customer(name="c", country="GB"))
        seen = tx.add_all(belonging(a.id, b.id))
        for one, other in ((hidden.id, a.id), (hidden.id, b.id)):
            tx.add_all(belonging(one, other)[3:])
        tx.add_all(belonging(hidden.id, a.id)[:3])
    kim = crm.acting("kim")
    for record in seen:
        kind = record.__kind__
        assert [each.id for each in kim.find(kind)] == [record.id]
        assert kim.count(kind) == 1 < crm.count(kind)
        assert [total.count for total in kim.totals(kind)] == [1]
    assert [each.id for each in kim.search("쿼젤")] == [seen[2].id]
    assert len(crm.search("쿼젤")) == 2
    named = {each.id for each in crm.find("handover", where.customer_id == hidden.id)}
    assert not named & {change.id for change in kim.changes()}


def test_every_kind_that_belongs_to_customers_is_tried_here():
    named = {type(each).__name__ for each in belonging("a", "b")}
    kind_of = {each: getattr(kinds, each) for each in kinds.__all__}
    belongs = {
        name
        for name, cls in kind_of.items()
        if any("Customer" in str(field.metadata) for field in cls.__attrs_attrs__)
    }
    assert named == belongs
