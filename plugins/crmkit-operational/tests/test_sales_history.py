"""Where a deal was, from when to when: by when things were true, and what is recorded later is believed."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from types import ModuleType

import pytest
from crmkit_operational.sales.history import stage_durations, stage_history
from crmkit_operational.sales.kinds import Deal
from crmkit_operational.sales.moving import lose, move, reopen
from hypothesis import given
from hypothesis import strategies as st
from sales_company import START, krw, make_company

from crmkit import CRM, Config, Manifest, NotFound, RestrictedError, Restriction, hookimpl
from crmkit.testing.fixtures import FakeClock

NAMES = ("lead", "offer", "won")


def moved(crm, deal, stage, at=None):
    with crm.transaction(effective=at) as tx:
        return move(tx, tx.get(Deal, deal.id), stage)


def names(stays):
    return [each.stage.name for each in stays]


def test_each_stay_says_from_when_to_when_by_whom_and_why(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    kim = crm.acting("kim")
    with kim.transaction() as tx:
        deal = tx.add(company.deal(amount=krw(5)))
    clock.tick(days=2)
    moved(crm, deal, company.stages["offer"])
    clock.tick(days=1)
    with kim.transaction() as tx:
        lose(tx, tx.get(Deal, deal.id), company.reasons["other"], "바쁘대요")
    clock.tick(hours=5)
    found = stage_history(crm, deal.id)

    assert names(found) == ["lead", "offer", "lost"]
    assert [each.by.id for each in found] == ["kim", "system", "kim"]
    lengths = [each.duration(clock()) for each in found]
    assert lengths == [timedelta(days=2), timedelta(days=1), timedelta(hours=5)]
    assert (found[2].reason, found[2].note, found[2].left) == ("other", "바쁘대요", None)
    assert stage_durations(crm, [crm.get(Deal, deal.id)], clock()) == {
        deal.id: {each.stage_id: length for each, length in zip(found, lengths, strict=True)}
    }


def test_a_history_that_was_brought_in_keeps_its_dates(open_crm):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    days = [START - timedelta(days=each) for each in (90, 60, 30)]
    with crm.transaction(effective=days[0]) as tx:
        deal = tx.add(company.deal(amount=krw(5)))
    moved(crm, deal, company.stages["offer"], days[1])
    moved(crm, deal, company.stages["won"], days[2])

    assert [each.entered for each in stage_history(crm, deal.id)] == days


def test_a_change_of_anything_else_is_no_stay(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        deal = tx.add(company.deal())
        tx.update(deal.evolve(title="x"))
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.update(tx.get(Deal, deal.id).evolve(owner="lee"))

    [stay] = stage_history(crm, deal.id)
    assert (stay.entered, stay.left) == (START, None)


def test_a_move_that_is_dated_back_is_believed_over_what_was_recorded_before(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        deal = tx.add(company.deal(amount=krw(5)))
    clock.tick(days=10)
    moved(crm, deal, company.stages["offer"])
    back = START + timedelta(days=3)
    with crm.transaction(effective=back) as tx:
        lose(tx, tx.get(Deal, deal.id), company.reasons["price"])
    found = stage_history(crm, deal.id)

    assert names(found) == ["lead", "offer", "lost"]
    assert [(each.entered, each.left) for each in found] == [
        (START, back),
        (back, back),
        (back, None),
    ]
    with crm.transaction() as tx:
        assert reopen(tx, tx.get(Deal, deal.id)).stage_id == company.stages["offer"].id


def test_a_stage_that_is_gone_is_still_called_what_it_was(open_crm, clock):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        deal = tx.add(company.deal(amount=krw(5)))
    clock.tick(days=1)
    moved(crm, deal, company.stages["offer"])
    clock.tick(days=1)
    with crm.transaction() as tx:
        tx.delete(company.stages["lead"])

    assert names(stage_history(crm, deal.id)) == ["lead", "offer"]


def test_where_the_journal_was_trimmed_nobody_knows_when_a_stay_began(open_crm, clock):
    crm = open_crm(own=["sales"])
    if "trim" not in crm.storage.capabilities:
        pytest.skip("this storage does not trim")
    company = make_company(crm)
    with crm.transaction() as tx:
        deal = tx.add(company.deal(amount=krw(5)))
    clock.tick(days=1)
    moved(crm, deal, company.stages["offer"])
    with crm.transaction() as tx:
        tx.update(tx.get(Deal, deal.id).evolve(title="x"))
    horizon = clock.tick(days=1)
    with crm.storage.transaction() as storage:
        storage.trim(storage.trimmable(horizon).position, 0, 1_000)
    clock.tick(days=1)
    moved(crm, deal, company.stages["won"])
    found = stage_history(crm, deal.id)

    assert names(found) == ["offer", "won"]
    assert (found[0].entered, found[0].by, found[0].duration(clock())) == (None, None, None)
    assert (found[0].left, found[1].entered) == (clock(), clock())


def test_who_may_not_see_stages_is_told_so_and_of_hidden_deals_nothing(open_crm):
    @hookimpl
    def crm_restrict(actor, kind):
        return Restriction(masked=["stage_id"]) if kind == "deal" and actor.id == "kim" else None

    module = ModuleType("shy")
    module.manifest, module.crm_restrict = Manifest(name="shy"), crm_restrict
    crm = open_crm(module, own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        deal = tx.add(company.deal())

    with pytest.raises(RestrictedError):
        stage_history(crm.acting("kim"), deal.id)
    with pytest.raises(NotFound):
        stage_history(crm, "nobody")


STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(-20, 20)), max_size=8)


@given(STEPS)
def test_law_stays_follow_each_other_without_a_gap_and_end_where_the_deal_is(steps):
    """Each moment since the first belongs to one stay: that of the last recorded move that is dated before it."""
    clock = FakeClock()
    with CRM.open("memory://", plugins=["sales"], config=Config(), clock=clock) as crm:
        company = make_company(crm)
        with crm.transaction() as tx:
            deal = tx.add(company.deal(amount=krw(5)))
        told = [(START, deal.stage_id)]
        for name, hours in steps:
            clock.tick(minutes=1)
            at = START + timedelta(hours=hours)
            stage = company.stages[name]
            if stage.id != told[-1][1]:
                moved(crm, deal, stage, at)
                told.append((at, stage.id))
        found = stage_history(crm, deal.id)

        assert [each.stage_id for each in found] == [id for _, id in told]
        assert found[-1].left is None
        for one, other in pairwise(found):
            assert one.entered <= one.left == other.entered
        for hours in range(-21, 22):
            moment = START + timedelta(hours=hours, minutes=30)
            there = [e for e in found if e.entered <= moment and (not e.left or moment < e.left)]
            assert [each.stage_id for each in there] == slowly(told, moment)


def slowly(told, moment):
    """Play what was told, in the order in which it was: a later word takes back all that is dated behind it."""
    known = []
    for at, id in told:
        known = [(begin, stage) for begin, stage in known if begin < at] + [(at, id)]
    before = [stage for begin, stage in known if begin <= moment]
    return before[-1:]
