"""What must hold of stages and deals holds on every way into the database, and a refused write leaves nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from crmkit_operational.sales.kinds import Deal, Stage
from crmkit_operational.sales.moving import lose, move, reopen, win
from sales_company import START, krw, make_company

from crmkit import (
    CustomField,
    InvalidRecords,
    NotFound,
    QueryError,
    ReferencedError,
    TransactionError,
)


@pytest.fixture
def crm_plugins():
    return ["sales"]


@pytest.fixture
def company(crm):
    return make_company(crm)


def refused(crm, record, *, field, text):
    """That this write is refused for this field, with these words, and changes nothing."""
    before = crm.storage.position()
    with pytest.raises(InvalidRecords) as error, crm.transaction() as tx:
        (tx.update if record.version else tx.add)(record)
    [problem] = error.value.problems
    assert (problem.field, text in problem.text) == (field, True), problem.text
    assert crm.storage.position() == before


def added(crm, record):
    with crm.transaction() as tx:
        return tx.add(record)


# Stages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", " ", "blank"),
        ("probability", 101, "percent"),
        ("probability", -1, "percent"),
        ("rot_days", 0, "at least 1"),
        ("required", ("amout",), "did you mean 'amount'"),
        ("allowed_next", ("nowhere",), "no stage of this pipeline"),
    ],
)
def test_a_stage_that_makes_no_sense_is_refused(crm, company, field, value, text):
    refused(crm, company.stages["lead"].set(field, value), field=field, text=text)


def test_what_is_won_has_a_chance_of_100_and_what_is_lost_of_0(crm, company):
    made = added(
        crm, Stage(pipeline_id=company.pipeline.id, name="paid", position=9, category="won")
    )

    assert made.probability == 100
    refused(crm, made.evolve(probability=90), field="probability", text="100")
    refused(crm, company.stages["lost"].evolve(probability=1), field="probability", text="0")


def test_a_stage_with_deals_keeps_its_category(crm, company):
    added(crm, company.deal())

    won = company.stages["lead"].evolve(category="won", probability=100)
    refused(crm, won, field="category", text="move them")
    with crm.transaction() as tx:
        tx.update(company.stages["offer"].evolve(category="lost", probability=0))


def test_a_stage_with_deals_cannot_be_deleted(crm, company):
    added(crm, company.deal())

    with pytest.raises(ReferencedError), crm.transaction() as tx:
        tx.delete(company.stages["lead"])
    with crm.transaction() as tx:
        tx.delete(company.stages["offer"])


def test_a_stage_that_another_one_leads_to_cannot_be_deleted_but_with_it(crm, company):
    lead, offer = company.stages["lead"], company.stages["offer"]
    with crm.transaction() as tx:
        tx.update(lead.evolve(allowed_next=(offer.id,)))

    with pytest.raises(InvalidRecords, match="'lead'"), crm.transaction() as tx:
        tx.delete(offer)
    with crm.transaction() as tx:
        tx.delete(company.pipeline)
    assert crm.count(Stage) == 0


def test_people_s_own_fields_can_be_required(crm, company):
    with crm.transaction() as tx:
        tx.add(CustomField(on="deal", name="tier", type="text"))
    with crm.transaction() as tx:
        tx.update(company.stages["offer"].evolve(required=("custom.tier",)))
    made = added(crm, company.deal())

    moved = made.evolve(stage_id=company.stages["offer"].id)
    refused(crm, moved, field="custom.tier", text="'offer'")
    with crm.transaction() as tx:
        tx.update(moved.set("custom.tier", "gold"))


# Moving ---------------------------------------------------------------------------------------------------------


def test_what_a_stage_needs_is_needed_on_the_way_in_and_stays(crm, company):
    refused(crm, company.deal("offer"), field="amount", text="'offer'")
    made = added(crm, company.deal("offer", amount=krw(0)))

    refused(crm, made.evolve(amount=None), field="amount", text="'offer'")


def test_what_a_stage_came_to_need_later_does_not_stand_in_the_way_of_other_changes(crm, company):
    made = added(crm, company.deal())
    with crm.transaction() as tx:
        tx.update(company.stages["lead"].evolve(required=("owner",)))

    with crm.transaction() as tx:
        tx.update(made.evolve(title="복합기"))


def test_a_deal_goes_where_its_stage_leads_only(crm, company):
    lead, won = company.stages["lead"], company.stages["won"]
    with crm.transaction() as tx:
        tx.update(lead.evolve(allowed_next=(company.stages["offer"].id,)))
    made = added(crm, company.deal(amount=krw(5)))

    refused(crm, made.evolve(stage_id=won.id), field="stage_id", text="'offer'")
    with crm.transaction() as tx:
        there = move(tx, made, company.stages["offer"])
        assert move(tx, there, won).closed_at == START


def test_each_step_of_one_transaction_is_judged_by_the_one_before(crm, company):
    with crm.transaction() as tx:
        tx.update(company.stages["offer"].evolve(allowed_next=(company.stages["lost"].id,)))
    made = added(crm, company.deal(amount=krw(5)))

    with pytest.raises(InvalidRecords, match="'lost'"), crm.transaction() as tx:
        win(tx, move(tx, made, company.stages["offer"]))
    assert crm.get(Deal, made.id) == made


def test_one_bad_deal_of_a_batch_is_named_and_none_is_written(crm, company):
    deals = [company.deal(), company.deal("offer"), company.deal("lost"), company.deal()]

    with pytest.raises(InvalidRecords) as error, crm.transaction() as tx:
        tx.add_all(deals)
    found = [(each.id, each.field) for each in error.value.problems]
    assert found == [(deals[1].id, "amount"), (deals[2].id, "lost_reason_id")]
    assert crm.count(Deal) == 0


def test_less_than_nothing_is_no_amount(crm, company):
    refused(crm, company.deal(amount=krw(-1)), field="amount", text="negative")


# Ends -----------------------------------------------------------------------------------------------------------


def test_a_lost_deal_says_why_and_in_words_if_the_reason_wants_them(crm, company):
    made = added(crm, company.deal())
    lost = made.evolve(stage_id=company.stages["lost"].id)

    refused(crm, lost, field="lost_reason_id", text="there are other, price")
    other = lost.evolve(lost_reason_id=company.reasons["other"].id)
    refused(crm, other, field="lost_note", text="'other'")
    refused(crm, other.evolve(lost_note=" "), field="lost_note", text="'other'")
    with crm.transaction() as tx:
        assert tx.update(other.evolve(lost_note="바빴다")).closed_at == START


def test_a_reason_is_for_lost_deals_only(crm, company):
    for fields in ({"lost_reason_id": company.reasons["price"].id}, {"lost_note": "x"}):
        refused(crm, company.deal(**fields), field=next(iter(fields)), text="lost deals only")


def test_a_lost_deal_keeps_its_reason(crm, company):
    made = added(crm, company.deal("lost", lost_reason_id=company.reasons["price"].id))

    refused(crm, made.evolve(lost_reason_id=None), field="lost_reason_id", text="says why")


def test_closing_is_dated_by_the_clock_or_by_who_says_when(crm, clock, company):
    one, other = (added(crm, company.deal()) for _ in range(2))
    then = START - timedelta(days=3)
    clock.tick(days=1)
    with crm.transaction() as tx:
        assert win(tx, one).closed_at == clock()
        assert lose(tx, other, company.reasons["price"], at=then).closed_at == then


def test_going_from_won_to_lost_is_a_new_end_and_another_won_stage_is_not(crm, clock, company):
    with crm.transaction() as tx:
        paid = tx.add(
            Stage(pipeline_id=company.pipeline.id, name="paid", position=9, category="won")
        )
        made = tx.add(company.deal("won"))
    clock.tick(days=1)
    with crm.transaction() as tx:
        there = move(tx, made, paid)
        assert there.closed_at == START
        assert lose(tx, there, company.reasons["price"]).closed_at == clock()


def test_reopening_takes_the_end_away_and_leads_back_to_the_last_open_stage(crm, company):
    made = added(crm, company.deal(amount=krw(5)))
    with crm.transaction() as tx:
        lost = lose(tx, move(tx, made, company.stages["offer"]), company.reasons["price"], "비쌈")
    with crm.transaction() as tx:
        found = reopen(tx, lost)

    assert found.stage_id == company.stages["offer"].id
    assert (found.closed_at, found.lost_reason_id, found.lost_note) == (None, None, "")
    with pytest.raises(TransactionError, match="is open"), crm.transaction() as tx:
        reopen(tx, found)


def test_winning_what_was_lost_takes_the_reason_away(crm, company):
    made = added(crm, company.deal("lost", lost_reason_id=company.reasons["price"].id))

    with crm.transaction() as tx:
        assert win(tx, made).lost_reason_id is None


def test_open_deals_have_no_end_and_closed_ones_keep_theirs(crm, company):
    refused(crm, company.deal(closed_at=START), field="closed_at", text="is open")
    won = added(crm, company.deal("won", closed_at=START - timedelta(days=9)))

    assert won.closed_at == START - timedelta(days=9)
    refused(crm, won.evolve(closed_at=None), field="closed_at", text="won at some time")


def test_a_pipeline_without_an_end_says_so(crm, company):
    made = added(crm, company.deal())
    with crm.transaction() as tx:
        tx.delete(company.stages["won"])

    with pytest.raises(NotFound, match="no stage where deals are won"), crm.transaction() as tx:
        win(tx, made)


def test_unknown_fields_and_days_that_are_none_are_refused_by_the_core(crm, company):
    with pytest.raises(QueryError, match="no field"):
        crm.schema["deal"].field("stag")
    with pytest.raises(InvalidRecords), crm.transaction() as tx:
        tx.add(company.deal(expected_close="soon"))
    assert crm.count(Deal) == 0
    assert added(crm, company.deal(expected_close=date(2026, 3, 1))).version == 1


def test_merging_customers_moves_deals_whatever_their_stage_needs_by_now(open_crm):
    crm = open_crm(own=["sales"])
    company = make_company(crm)
    with crm.transaction() as tx:
        from sales_company import customer

        keep, lose_ = customer(tx), customer(tx)
        made = tx.add(company.deal(customer_id=lose_.id))
        tx.update(company.stages["lead"].evolve(required=("owner",)))
        tx.merge(keep, lose_)
    assert crm.get(Deal, made.id).customer_id == keep.id


def test_doctor_finds_deals_whose_end_is_not_true(crm, company):
    from crmkit_operational.sales.checking import untrue_deals

    added(crm, company.deal())
    added(crm, company.deal("won"))
    assert list(untrue_deals(crm)) == []
    with crm.storage.transaction() as storage:
        from crmkit.changes import Stamp, Write

        [stage] = storage.get("stage", [company.stages["lead"].id])
        wrong = stage.evolve(category="won", probability=100, version=stage.version + 1)
        storage.update("stage", [Write("update", wrong, stage)], Stamp("x", START, START))
    [finding] = untrue_deals(crm)
    assert "no closing time" in finding.text
