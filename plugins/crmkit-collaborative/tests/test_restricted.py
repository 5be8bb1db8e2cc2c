"""What belongs to customers whom an actor may not see is hidden, too, by one rule for all kinds, as the guide writes it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from crmkit_collaborative import kinds
from crmkit_collaborative.merging.applying import apply
from crmkit_collaborative.merging.splitting import split
from crmkit_collaborative.merging.undoing import undo

from crmkit import Actor, Customer, where
from crmkit.testing.restricting import SHY

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def belonging(customer, other):
    """A record of each kind that belongs to a customer, or to both."""
    pair = {"a_id": min(customer, other), "b_id": max(customer, other)}
    return [
        kinds.ChannelPreference(customer_id=customer, channel="phone", since=NOW),
        kinds.ContactRule(customer_id=customer, verdict="consent", since=NOW),
        kinds.Handover(customer_id=customer, subject_id=customer, at=NOW, summary="쿼젤하다"),
        kinds.Duplicate(**pair, score=0.9, zone="review"),
        kinds.NotSame(**pair),
        kinds.Merge(
            keep_id=customer, lose_id=other, status="undone", customer_id=customer, other_id=other
        ),
    ]


LEE = Actor("lee")


def standing(crm, keep, lose):
    [done] = apply(crm, LEE, keep, [lose])
    return done.merge.id


def undone(crm, keep, lose):
    merge = standing(crm, keep, lose)
    undo(crm, LEE, merge)
    return merge


def separated(crm, keep, lose):
    merge = standing(crm, keep, lose)
    split(crm, LEE, merge, [])
    return merge


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


def shows(handle, merge):
    """Whether a merge is in any of what an actor reads."""
    found = {
        "find": merge in {each.id for each in handle.find("merge")},
        "count": handle.count("merge") > 0,
        "totals": sum(total.count for total in handle.totals("merge")) > 0,
        "changes": merge in {change.id for change in handle.changes()},
        "history": bool(handle.get_many("merge", [merge])[0] and handle.history("merge", merge)),
    }
    assert len({*found.values()}) == 1, found
    return found["find"]


@pytest.mark.parametrize(
    ("make", "keep", "lose", "seen"),
    [
        (standing, "KR", "KR", True),
        (standing, "KR", "GB", True),  # one customer by now, whom kim sees
        (standing, "GB", "KR", False),
        (undone, "KR", "KR", True),
        (undone, "KR", "GB", False),
        (undone, "GB", "KR", False),
        (separated, "KR", "KR", True),
        (separated, "KR", "GB", False),
        (separated, "GB", "KR", False),
    ],
)
def test_a_merge_is_hidden_like_those_whom_it_is_about(open_crm, make, keep, lose, seen):
    crm = open_crm(SHY)
    with crm.transaction() as tx:
        ids = [tx.add(Customer(name=country, country=country)).id for country in (keep, lose)]

    merge = make(crm, *ids)

    assert shows(crm.acting("kim"), merge) is seen
    assert shows(crm, merge)


@pytest.mark.parametrize("back", [undo, lambda *given: split(*given, [])])
def test_a_merge_follows_those_whom_it_is_about_into_later_merges_and_back(open_crm, back):
    crm = open_crm(SHY)
    with crm.transaction() as tx:
        a, b, c, d = (tx.add(Customer(name=each, country="KR")) for each in "abcd")
        hidden = tx.add(Customer(name="e", country="GB"))
    stands, over = standing(crm, a.id, b.id), undone(crm, c.id, d.id)
    kim = crm.acting("kim")

    later = [standing(crm, hidden.id, each) for each in (a.id, d.id)]
    assert [each.id for each in kim.find("merge")] == []

    for each in reversed(later):
        back(crm, LEE, each)
    assert {each.id for each in kim.find("merge")} == {stands, over}
    undo(crm, LEE, stands)
    found = crm.get("merge", stands)
    assert (found.customer_id, found.other_id) == (a.id, b.id)


def test_a_merge_whose_kept_customer_was_deleted_shows_to_nobody_restricted_and_can_be_undone(
    open_crm,
):
    crm = open_crm(SHY)
    with crm.transaction() as tx:
        a, b, c = (tx.add(Customer(name=each, country="KR")) for each in "abc")
    first, second = standing(crm, b.id, a.id), standing(crm, c.id, b.id)
    with crm.transaction() as tx:
        tx.delete(tx.get(Customer, c.id))
    assert not list(crm.acting("kim").find("merge"))

    undo(crm, LEE, second)

    found = crm.get_many("merge", [first, second])
    assert [(each.customer_id, each.other_id) for each in found] == [(b.id, b.id), (None, b.id)]
    assert [each.id for each in crm.acting("kim").find("merge")] == [first]


def test_every_kind_that_belongs_to_customers_is_tried_here():
    named = {type(each).__name__ for each in belonging("a", "b")}
    kind_of = {each: getattr(kinds, each) for each in kinds.__all__}
    belongs = {
        name
        for name, cls in kind_of.items()
        if any("Customer" in str(field.metadata) for field in cls.__attrs_attrs__)
    }
    assert named == belongs
