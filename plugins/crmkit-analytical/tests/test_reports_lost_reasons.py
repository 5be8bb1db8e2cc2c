"""Why deals are lost: against a plain recomputation, restricted, and with too little to say."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.statistics.intervals import wilson

from crmkit import Money, Reader

sales = pytest.importorskip(
    "crmkit_operational.sales.kinds", reason="crmkit-operational is not installed"
)


@pytest.fixture
def crm(open_crm):
    return open_crm()


@pytest.fixture
def company(crm):
    """A pipeline, and a way to lose deals in it."""
    with crm.transaction() as tx:
        pipeline = tx.add(sales.Pipeline(name="새 고객"))
        stage = {
            name: tx.add(
                sales.Stage(pipeline_id=pipeline.id, name=name, position=place, category=name)
            )
            for place, name in enumerate(("open", "won", "lost"))
        }
        reasons = {each: tx.add(sales.LostReason(name=each)) for each in ("가격", "Timing")}

    def lose(reason: str, *amounts: Money | None) -> None:
        with crm.transaction() as tx:
            for each in amounts:
                deal = sales.Deal(
                    title="x", stage_id=stage["open"].id, opened_at=crm.now(), amount=each
                )
                lost = {"stage_id": stage["lost"].id, "lost_reason_id": reasons[reason].id}
                tx.update(tx.add(deal).evolve(**lost))

    return lose


def plainly(
    reader: Reader, since: datetime | None = None, until: datetime | None = None
) -> dict[str, int]:
    """The same, deal by deal."""
    found: Counter[str] = Counter()
    for deal in reader.find(sales.Deal):
        stage = reader.get(sales.Stage, deal.stage_id)
        if (
            stage.category != "lost"
            or (since and deal.closed_at < since)
            or (until and deal.closed_at >= until)
        ):
            continue
        found[reader.get(sales.LostReason, deal.lost_reason_id).name] += 1
    return dict(found)


def test_each_lost_deal_counts_once_under_its_reason(crm, company, clock):
    company("가격", Money(100, "KRW"), Money(200, "KRW"), Money(5, "EUR"), None)
    clock.tick(days=2)
    company("Timing", Money(7, "KRW"))

    answer = ask(crm, "lost-reasons")

    assert (
        {row["reason"]: row["deals"] for row in answer.rows}
        == plainly(crm)
        == {"가격": 4, "Timing": 1}
    )
    assert answer.rows[0]["amount"] == (Money(5, "EUR"), Money(300, "KRW"))
    assert (answer.rows[0]["low"], answer.rows[0]["high"]) == wilson(4, 5)
    assert sum(row["share"] for row in answer.rows) == pytest.approx(1)
    later = ask(crm, "lost-reasons", since=crm.now())
    assert {row["reason"]: row["deals"] for row in later.rows} == plainly(crm, since=crm.now())


def test_it_concludes_nothing_from_too_little(crm, company):
    company("가격", None, None)

    few, enough = ask(crm, "lost-reasons"), ask(crm, "lost-reasons", least=2)

    assert not few.is_enough
    assert few.sentence == "Only 2 deals were lost; from 20 on this says why."
    assert enough.is_enough
    assert "100.0%" in enough.sentence


def test_every_figure_names_its_records(crm, company):
    company("가격", None, None)
    company("Timing", None)

    answer = ask(crm, "lost-reasons")

    for row in answer.rows:
        ids = answer.explained.ids[row["reason"]]
        assert len(ids) == row["deals"]
        assert {
            crm.get(sales.LostReason, crm.get(sales.Deal, each).lost_reason_id).name for each in ids
        } == {row["reason"]}
    assert answer.explained.total == 3
