"""Pipelines: against a plain recomputation, restricted, refreshed, with too little to say, and where it is odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.report.definition import Report
from crmkit_analytical.reports.pipeline.ladder import Ladder, Rung
from crmkit_analytical.reports.pipeline.saying import sentence
from crmkit_analytical.reports.pipeline.ways import Way
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import (
    CRM,
    Config,
    Customer,
    Manifest,
    Money,
    NotFound,
    RestrictedError,
    Restriction,
    hookimpl,
    where,
)
from crmkit.testing.fixtures import FakeClock

sales = pytest.importorskip(
    "crmkit_operational.sales.kinds", reason="crmkit-operational is not installed"
)
from pipeline_plainly import make_company, plainly  # noqa: E402  (it needs operational)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
WAY = "새 고객"
NAMES = ("lead", "offer", "talk", "won", "lost")


@pytest.fixture
def plugins():
    return ["sales", "analytical"]


@pytest.fixture
def crm(plugins, clock):
    with CRM.open("memory://", plugins=plugins, config=Config(), clock=clock) as it:
        yield it


@pytest.fixture
def company(crm):
    return make_company(crm)


def told(answer):
    """The rows without what there is none of."""
    return [
        {name: value for name, value in row.items() if value is not None} for row in answer.rows
    ]


def row_of(answer, stage, way=WAY):
    return next(row for row in answer.rows if (row["pipeline"], row["stage"]) == (way, stage))


def reached(answer, way=WAY):
    return [row_of(answer, each, way)["reached"] for each in NAMES]


# Against the recomputation --------------------------------------------------------------------------------------

hours = st.integers(-400, 400)
ways = st.sampled_from((WAY, "Again"))
stages = st.sampled_from((*NAMES, "offer", "won"))
amounts = st.none() | st.builds(Money, st.integers(0, 999), st.sampled_from(("EUR", "KRW")))
added = st.tuples(st.just("add"), stages, ways, st.none() | hours, amounts)
moved = st.tuples(st.just("go"), st.integers(0, 9), stages, ways | st.just(WAY), st.none() | hours)
deleted = st.tuples(st.just("delete"), st.integers(0, 9), st.booleans())
waited = st.tuples(st.just("wait"), st.integers(1, 100))
histories = st.lists(
    st.one_of(added, moved, moved, moved, waited, deleted), min_size=15, max_size=60
)


def play(company, clock, steps):
    """Do what was made up; a deal that is gone, or a move to where it is, is nothing."""
    ids = []
    for step, *values in steps:
        clock.tick(minutes=7)
        if step == "wait":
            clock.tick(hours=values[0])
        elif step == "add":
            stage, way, at, amount = values
            moment = None if at is None else START + timedelta(hours=at)
            ids.append(company.add(stage, way, moment, amount=amount))
        elif ids and step == "delete":
            gone = company.crm.get(sales.Deal, ids.pop(values[0] % len(ids)))
            with company.crm.transaction() as tx:
                tx.delete(gone)
            if values[1]:
                clock.tick(hours=9)
                with company.crm.transaction() as tx:
                    ids.append(tx.add(gone.evolve(version=0)).id)
        elif ids:
            place, stage, way, at = values
            moment = None if at is None else START + timedelta(hours=at)
            company.go(ids[place % len(ids)], stage, way, moment, moment if at and at % 2 else None)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(histories, st.none() | hours, st.none() | st.integers(1, 300))
def test_law_it_is_what_counting_deal_by_deal_gives(steps, since, length):
    """Bounces, lost and reopened, dated back, between pipelines, in two currencies, deleted: to the last digit."""
    clock = FakeClock()
    begin = None if since is None else START + timedelta(hours=since)
    end = None if length is None or begin is None else begin + timedelta(hours=length)
    with CRM.open(
        "memory://", plugins=["sales", "analytical"], config=Config(), clock=clock
    ) as crm:
        company = make_company(crm, ("sold again", "won", 100), ("last", "open", 90))
        play(company, clock, steps)
        answer = ask(crm, "pipeline", since=begin, until=end)

        assert told(answer) == plainly(crm, crm.now(), begin, end)
        counts_are_of_ids(answer)


def counts_are_of_ids(answer):
    """Behind each figure stand as many ids as it counts, each once."""
    for name, ids in answer.explained.ids.items():
        assert len({*ids}) == len(ids)
        place, _, what = name.partition(": ")
        way, _, stage = place.partition(", ")
        row = row_of(answer, stage or "All stages", way)
        key = {"opened in the window": "reached"}.get(what, what.removesuffix(" in the window"))
        assert len(ids) == row[key]


def test_it_is_the_same_on_every_storage_and_after_more_changes(open_crm, tmp_path, clock):
    crm = open_crm()
    company = make_company(crm)
    ids = [company.add(amount=Money(101 * each, "EUR")) for each in range(12)]
    for place, id in enumerate(ids):
        clock.tick(hours=5)
        company.go(id, "offer")
        clock.tick(hours=place)
        company.go(id, NAMES[place % 5], effective=crm.now() - timedelta(hours=3))

    assert told(ask(crm, "pipeline")) == plainly(crm, crm.now())
    for place, id in enumerate(ids[:9]):
        clock.tick(hours=3)
        company.go(id, NAMES[(place + 1) % 5])
    with crm.transaction() as tx:
        tx.delete(tx.get(sales.Deal, ids[9]))
    for _ in range(10):
        company.add("won", "Again", amount=Money(7, "KRW"))
    refreshed = ask(crm, "pipeline")
    for each in tmp_path.glob("*.columns.duckdb"):
        each.unlink()

    assert refreshed == ask(crm, "pipeline")
    assert told(refreshed) == plainly(crm, crm.now())


# What counts ----------------------------------------------------------------------------------------------------


def test_a_deal_that_bounces_counts_once_and_one_that_is_lost_is_still_among_them(company, crm):
    bounced, lost, at_once, still = (company.add() for _ in range(4))
    for stage in ("offer", "lead", "offer", "lead", "talk", "lead"):
        company.go(bounced, stage)
    company.go(lost, "offer")
    company.go(lost, "lost")
    company.go(at_once, "lost")
    answer = ask(crm, "pipeline", pipeline=WAY)

    assert reached(answer) == [4, 2, 1, 0, 2]
    offer = row_of(answer, "offer")
    assert (offer["conversion"], offer["not_yet"]) == (0.5, 1)
    assert answer.explained.ids[f"{WAY}, talk: reached"] == (bounced,)
    assert {bounced, still} == {*answer.explained.ids[f"{WAY}, lead: open"]}


def test_a_deal_that_was_brought_in_as_lost_or_won_has_come_as_far_as_that_says(company, crm):
    company.add("lost")
    company.add("won")

    assert reached(ask(crm, "pipeline", pipeline=WAY)) == [2, 1, 1, 1, 1]


def test_two_ways_to_win_are_one_step(crm):
    company = make_company(crm, ("sold again", "won", 100))
    for stage in ("won", "sold again", "sold again", "talk"):
        company.add(stage, "Again")
    answer = ask(crm, "pipeline", pipeline="again", least=4)

    assert row_of(answer, "won", "Again")["conversion"] == 0.25
    assert row_of(answer, "sold again", "Again")["conversion"] == 0.5
    assert answer.sentence.startswith("No step has lost a deal yet")
    assert (
        "(75.0%, 95 % interval 30.1% to 95.4%) went on to won, sold again; still open: 1"
        in answer.sentence
    )
    company.go(company.add("talk", "Again"), "lost", "Again")
    later = ask(crm, "pipeline", pipeline="again", least=4)
    assert later.sentence.startswith(
        "The worst step is from talk to won, sold again: of 5 deals that reached talk, 3 (60.0%"
    )


def test_the_worst_step_is_where_most_end_not_where_most_still_are(company, crm):
    for _ in range(6):
        company.add("lead")
    for _ in range(4):
        company.add("offer")
        company.go(company.add("offer"), "lost")
    company.add("won")
    answer = ask(crm, "pipeline", pipeline=WAY, least=5)

    assert row_of(answer, "offer")["conversion"] == 9 / 15
    assert answer.sentence.startswith(
        "The worst step is from offer to talk: of 9 deals that reached offer, 1 (11.1%, 95 % interval 2.0% to 43.5%) "
        "went on; still open: 4. From lead to offer may be as bad"
    )
    assert answer.is_enough
    both = ask(crm, "pipeline", least=5)
    assert both.sentence.startswith(f"In {WAY}: The worst step is from offer")


def test_a_step_that_is_clearly_the_worst_is_said_without_another_one():
    names = (("lead", "open"), ("offer", "open"), ("won", "won"), ("lost", "lost"))
    rungs = [Rung(name, name, category, 0, place) for place, (name, category) in enumerate(names)]
    ids = tuple(map(str, range(100)))
    way = Way(Ladder("a", "a", tuple(rungs)), ((0b1011, False, ids), (0b0111, False, ids)))

    assert sentence([way], [], 20) == (
        "The worst step is from offer to won: of 200 deals that reached offer, 100 (50.0%, 95 % interval 43.1% to "
        "56.9%) went on; still open: 0.",
        True,
    )


def test_it_concludes_nothing_from_too_little(company, crm):
    company.add()
    few = ask(crm, "pipeline", pipeline=WAY)

    assert not few.is_enough
    assert few.sentence == (
        "Only 1 deals were opened in the window, and too few were won or lost; from 20 on this names the worst step."
    )


def test_without_a_pipeline_it_says_how_to_make_one(crm):
    answer = ask(crm, "pipeline")

    assert (answer.rows, answer.is_enough, answer.chart) == ((), False, None)
    assert "crm pipeline init" in answer.sentence


def test_a_pipeline_of_no_deals_has_its_stages_and_no_shares(company, crm):
    answer = ask(crm, "pipeline", pipeline="again")

    assert told(answer) == [row for row in plainly(crm, crm.now()) if row["pipeline"] == "Again"]
    assert [row["stage"] for row in answer.rows] == [*NAMES, "All stages"]
    assert answer.chart is None
    with pytest.raises(NotFound):
        ask(crm, "pipeline", pipeline="nobody")


def test_what_is_left_out_is_said_with_its_ids(company, crm, clock):
    bare, bare_won, backwards = company.add(), company.add("won"), company.add()
    gone = company.add(amount=Money(5, "KRW"))
    elsewhere = company.add("lead", "Again")
    company.go(elsewhere, "offer", "Again")
    with crm.transaction() as tx:
        tx.delete(tx.get(sales.Deal, gone))
        tx.delete(company.stages["Again"]["lead"])
    company.go(backwards, "won", at=START - timedelta(days=1))
    answer = ask(crm, "pipeline")

    found = {
        each.reason.partition(";")[0].partition(",")[0]: each.ids
        for each in answer.explained.excluded
    }
    assert found == {
        "deleted": (gone,),
        "open without an amount": tuple(sorted((bare, elsewhere))),
        "won without an amount": tuple(sorted((bare_won, backwards))),
        "won before they were opened": (backwards,),
        "were in a stage that is gone": (elsewhere,),
    }
    assert reached(answer)[0] == 3
    assert "deleted" not in str(ask(crm, "pipeline", pipeline="again").explained.excluded)


def test_where_the_journal_was_trimmed_the_stage_counts_and_its_length_does_not(
    company, crm, clock
):
    old = company.add()
    clock.tick(days=1)
    company.go(old, "talk")
    horizon = clock.tick(days=1)
    with crm.storage.transaction() as storage:
        storage.trim(storage.trimmable(horizon).position, 0, 1_000)
    clock.tick(days=1)
    company.go(old, "lost")
    company.add()
    clock.tick(days=1)
    answer = ask(crm, "pipeline")

    assert told(answer) == plainly(crm, crm.now())
    assert reached(answer) == [2, 1, 1, 0, 1]
    assert row_of(answer, "talk").get("days") is None
    [unknown] = [each for each in answer.explained.excluded if "journal" in each.reason]
    assert unknown.ids == (old,)


def test_velocity_is_what_the_pipeline_brings_in_a_day(company, crm):
    """Golden: 40 x 5,000 x 0.25 / 60 days is 833.33."""
    opened = START - timedelta(days=60)
    for _ in range(40):
        company.add(amount=Money(1, "EUR"))
    company.go(company.add("talk", effective=opened, amount=Money(500_000, "EUR")), "won", at=START)
    for amount in (Money(9, "KRW"), Money(8, "KRW"), None):
        company.add("lost", amount=amount)
        company.add(amount=amount)
    whole = row_of(ask(crm, "pipeline", pipeline=WAY, show="results"), "All stages")

    assert (whole["win_rate"], whole["cycle"]) == (0.25, 60)
    assert whole["velocity"] == (Money(83_333, "EUR"),)


# Who may see what -----------------------------------------------------------------------------------------------


@hookimpl
def crm_restrict(crm, actor, kind):
    if actor.id == "lee":
        return Restriction(masked=["amount"]) if kind == "deal" else None
    if actor.id != "kim" or kind not in ("customer", "deal"):
        return None
    path = "country" if kind == "customer" else "customer_id.country"
    return Restriction(conditions=[where[path] == "KR"])


@hookimpl(optionalhook=True)
def crm_reports():
    # Another report wants the past of another field: the table has both, and what changed this one is no move.
    histories = {"deal": ("owner",)}
    return [
        Report("owners", "Whose?", "nowhere:answer", {"deal": ("owner",)}, "", histories=histories)
    ]


SHY = ModuleType("shy")
SHY.manifest = Manifest(name="shy", extends=("analytical",))
SHY.crm_restrict, SHY.crm_reports = crm_restrict, crm_reports


@pytest.mark.parametrize("plugins", [["sales", "analytical", SHY]])
def test_hidden_deals_are_in_no_figure_and_a_masked_amount_is_refused(company, crm, clock):
    with crm.transaction() as tx:
        [korean, british] = [tx.add(Customer(name=each, country=each)).id for each in ("KR", "GB")]
    seen = [company.add(customer_id=korean, amount=Money(50, "KRW")) for _ in range(2)]
    hidden = [company.add(customer_id=british, amount=Money(70, "KRW")) for _ in range(5)]
    for each in (seen[0], *hidden[:3]):
        clock.tick(hours=1)
        company.go(each, "offer")
    clock.tick(hours=1)
    with crm.transaction() as tx:
        tx.update_all(tx.get(sales.Deal, each).evolve(owner="lee") for each in (seen[0], hidden[0]))
    clock.tick(hours=1)
    company.go(seen[0], "won")
    company.go(hidden[0], "won")
    with crm.transaction() as tx:
        tx.delete(tx.get(sales.Deal, hidden.pop()))
    kim = crm.acting("kim")
    answer = ask(crm, "pipeline", reader=kim)

    assert told(answer) == plainly(kim, crm.now())
    assert told(answer) != told(ask(crm, "pipeline"))
    assert reached(answer) == [2, 1, 1, 1, 0]
    assert not any(each in repr(answer) for each in (*hidden, "deleted"))
    with pytest.raises(RestrictedError, match="amount"):
        ask(crm, "pipeline", reader=crm.acting("lee"))
