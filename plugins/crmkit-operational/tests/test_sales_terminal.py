"""`crm pipeline`, `deal`, `forecast` and `order`, as people and scripts type them, in English and in Korean."""

from __future__ import annotations

import json

import pytest
from crmkit_operational.sales.kinds import Deal, ForecastLine, Pipeline, SalesOrder, Stage

from crmkit import Customer


@pytest.fixture
def crm_plugins():
    return ["sales"]


def answer(run, *arguments, code=0):
    return json.loads(run(*arguments, "--format", "json", code=code).stdout)


@pytest.fixture
def run(crm_cli, crm):
    """The commands, with a pipeline of two open stages and the customer 한빛; the clock shows 2026-03-01 18:00 in Seoul."""
    with crm.transaction() as tx:
        tx.add(Customer(name="한빛"))
    crm_cli("pipeline", "add", "신규", "--stage", "발굴, 10", "--stage", "제안 50%", "--lang", "ko")
    crm_cli("record", "lost_reason", "add", "--name", "가격")
    crm_cli("record", "lost_reason", "add", "--name", "기타", "--set", "wants_note=true")
    return crm_cli


@pytest.fixture
def deal(run):
    """A deal's id."""
    made = answer(run, "deal", "add", "프린터", "--customer", "한빛", "--amount", "1000", "--close", "2026-03-20", "--actor", "kim")  # fmt: skip
    return made["id"]


# Pipelines ------------------------------------------------------------------------------------------------------


def test_a_pipeline_to_begin_with_speaks_one_s_language(crm_cli, crm):
    told = crm_cli("pipeline", "init", "--lang", "ko")
    assert "협상" in told.stdout
    assert "파이프라인 영업" in told.stderr
    assert [each.name for each in crm.find(Pipeline)] == ["영업"]
    assert crm.count("lost_reason") == 6
    again = crm_cli("pipeline", "init", "--lang", "ko", code=1)
    assert "must be unique" in again.stderr
    assert crm.count(Stage) == 6


def test_a_pipeline_ends_in_won_and_lost(run):
    rows = answer(run, "pipeline", "show", "신규")

    found = [(each["name"], each["category"], each["probability"]) for each in rows]
    assert found == [("발굴", "open", 10), ("제안", "open", 50), ("성사", "won", 100), ("실패", "lost", 0)]  # fmt: skip
    [pipeline] = answer(run, "pipeline", "list")
    assert (pipeline["stages"], pipeline["open"]) == (4, 0)


@pytest.mark.parametrize("text", ["제안, x", ", 50", "", "제안, 5000"])
def test_a_stage_that_cannot_be_read_makes_no_pipeline(run, crm, text):
    told = run("pipeline", "add", "다른", "--stage", text, code=1)

    assert "as in 'Proposal, 50'" in told.stderr
    assert crm.count(Pipeline) == 1


def test_stages_are_added_changed_moved_and_removed(run):
    run("pipeline", "stage", "add", "신규", "협상", "--chance", "80", "--before", "성사")
    run("pipeline", "stage", "set", "신규", "협상", "--rot-days", "14", "--require", "amount", "--next", "성사", "--next", "실패")  # fmt: skip
    names = [each["name"] for each in answer(run, "pipeline", "show")]
    assert names == ["발굴", "제안", "협상", "성사", "실패"]
    shown = run("pipeline", "show", "--lang", "en").stdout
    assert "성사, 실패" in shown
    assert "Amount" in shown
    run("pipeline", "stage", "move", "신규", "협상", "--before", "발굴")
    run("pipeline", "stage", "set", "신규", "협상", "--never-rots", "--require-nothing", "--next-any", "--name", "상담")  # fmt: skip
    first = answer(run, "pipeline", "show")[0]
    assert (first["name"], first["position"]) == ("상담", 1)
    assert not {"rot_days"} & first.keys()
    assert (first["required"], first["allowed_next"]) == ([], [])
    run("pipeline", "stage", "remove", "신규", "상담")
    assert len(answer(run, "pipeline", "show")) == 4


def test_names_that_are_not_there_are_answered_with_those_that_are(run):
    assert "there are 신규" in run("pipeline", "show", "구매", code=3).stderr
    assert "발굴, 제안" in run("deal", "add", "x", "--stage", "없음", code=3).stderr
    assert "look it up" in run("deal", "add", "x", "--customer", "없음", code=3).stderr


# Deals ----------------------------------------------------------------------------------------------------------


def test_a_deal_goes_its_way_and_its_history_tells(run, deal, clock):
    clock.tick(days=2)
    run("deal", "move", deal, "제안", "--actor", "lee")
    clock.tick(hours=3)
    lost = run(
        "deal", "lose", deal, "--reason", "가격", "--note", "비쌈", "--actor", "kim", "--lang", "ko"
    )
    assert "실패 사유" in lost.stdout
    rows = answer(run, "deal", "history", deal)

    found = [(each["stage"], each["duration"], each["by"]) for each in rows]
    assert found == [("발굴", 172800, "kim"), ("제안", 10800, "lee"), ("실패", 0, "kim")]
    assert (rows[2]["reason"], rows[2]["note"]) == ("가격", "비쌈")
    assert "2일 0시간" in run("deal", "history", deal, "--lang", "ko").stdout
    assert "2 d 0 h" in run("deal", "history", deal, "--lang", "en").stdout
    assert answer(run, "deal", "reopen", deal)["stage"] == "제안"


def test_ends_that_happened_earlier_are_dated_so(run, deal, crm):
    run("deal", "move", deal, "제안", "--at", "2026-02-10")
    made = answer(run, "deal", "win", deal, "--at", "2026-02-20T10:00")

    assert made["closed_at"] == "2026-02-20T01:00:00.000000+00:00"
    rows = answer(run, "deal", "history", deal)
    assert rows[-1]["entered"] == "2026-02-20T01:00:00.000000+00:00"


@pytest.mark.parametrize("how", [["win"], ["move", "제안"], ["lose", "--reason", "가격"]])
def test_nothing_happens_in_the_future(run, deal, crm, how):
    before = crm.get(Deal, deal)
    command, *more = how

    told = run("deal", command, deal, *more, "--at", "2031-05-01", code=1)

    assert "2031-05-01 00:00 is still to come" in told.stderr
    assert crm.get(Deal, deal) == before


def test_what_was_won_without_an_amount_is_named_where_the_forecast_is_explained(run, crm):
    bare = answer(run, "deal", "add", "무상 점검", "--stage", "성사")["id"]

    assert (
        f"won without an amount, so in no figure: {bare}"
        in run("forecast", "show", "--explain").stderr
    )


def test_what_is_refused_is_one_sentence_and_leaves_the_deal_as_it_was(run, deal, crm):
    before = crm.get(Deal, deal)
    for arguments, text, code in (
        (["lose", deal, "--reason", "가격이"], "did you mean '가격'", 3),
        (["lose", deal, "--reason", "기타"], "wants words of its own", 1),
        (["move", deal, "협상"], "발굴, 제안", 3),
        (["reopen", deal], "is open", 1),
        (["win", deal, "--line", "x"], "is no line of an order", 1),
        (["move", deal, "제안", "--set", "amoun=3"], "did you mean 'amount'", 1),
    ):
        told = run("deal", *arguments, code=code)
        assert text in told.stderr
        assert told.stderr.count("\n") == 1
    assert crm.get(Deal, deal) == before
    assert crm.count(SalesOrder) == 0


def test_a_deal_needs_a_pipeline_and_with_several_the_name_of_one(crm_cli, run):
    run("pipeline", "add", "갱신", "--stage", "검토, 60")
    assert "--pipeline: 갱신, 신규" in run("deal", "add", "x", code=1).stderr
    made = answer(run, "deal", "add", "x", "--pipeline", "갱신")
    assert made["stage"] == "검토"


def test_without_any_pipeline_one_is_told_how_to_make_one(crm_cli):
    assert "crm pipeline init" in crm_cli("deal", "add", "x", code=3).stderr


def test_lists_narrow_down_and_go_on_page_by_page(run, deal):
    other = answer(run, "deal", "add", "스캐너", "--stage", "제안", "--owner", "lee")["id"]
    run("deal", "win", other)

    def titles(*arguments):
        return [each["title"] for each in answer(run, "deal", "list", *arguments)]

    assert titles("--state", "open") == titles("--customer", "한빛") == ["프린터"]
    assert titles("--state", "won") == titles("--owner", "lee") == ["스캐너"]
    assert titles("--stage", "발굴", "--pipeline", "신규") == ["프린터"]
    assert titles("--where", "amount>=1000") == ["프린터"]
    assert titles("--order", "-title") == ["프린터", "스캐너"]
    told = run("deal", "list", "--limit", "1", "--lang", "en")
    cursor = told.stderr.split()[-1]
    assert titles("--limit", "1", "--after", cursor) == ["프린터"]


def test_the_board_counts_adds_up_and_shows_what_rots(run, deal, clock):
    run("pipeline", "stage", "set", "신규", "발굴", "--rot-days", "3")
    run("deal", "add", "서버", "--amount", "20 USD", "--actor", "kim")
    lead, offer, *_ = answer(run, "deal", "board")
    assert (lead["count"], offer["count"]) == (2, 0)
    assert {each["currency"]: each["minor"] for each in lead["sums"]} == {"KRW": 1000, "USD": 2000}
    assert [each["rots"] for each in lead["deals"]] == [False, False]
    clock.tick(days=4)
    run("deal", "edit", deal, "--set", "title=프린터 2대", "--actor", "lee")
    shown = run("deal", "board", "--lang", "ko").stdout
    assert "20.00 USD" in shown
    assert "방치" in shown
    assert [each["title"] for each in answer(run, "deal", "rotting")] == ["서버"]
    page = answer(run, "deal", "board", "--stage", "발굴", "--limit", "1")
    assert [each["title"] for each in page] == ["서버"]
    told = run("deal", "rotting", "--explain", "--lang", "en")
    assert "came into the stage" in told.stdout
    assert "last human activity" in told.stderr
    run("deal", "board", "--after", "x", code=2)


def test_next_steps_show_the_overdue_first_and_who_has_none(run, deal):
    for text, day in (("견적", "2026-02-28"), ("전화", "2026-03-09"), ("메일", None)):
        run("deal", "add", text, "--next", text, *(["--next-on", day] if day else []))
    rows = answer(run, "deal", "next")

    states = [(each["title"], each["state"]) for each in rows]
    assert states == [("메일", "undated"), ("견적", "overdue"), ("전화", "planned")]
    assert [each["title"] for each in answer(run, "deal", "next", "--overdue")] == ["견적"]
    assert [each["title"] for each in answer(run, "deal", "next", "--missing")] == ["프린터"]
    assert "3 of 4 open deals have a next step, 75%" in run("deal", "next", "--lang", "en").stderr


# Forecasts ------------------------------------------------------------------------------------------------------


def test_a_forecast_is_shown_explained_kept_and_measured(run, deal, clock, crm):
    run("deal", "add", "모름", "--close", "2026-03-09")
    [row] = answer(run, "forecast", "show")
    assert (row["month"], row["weighted"]["minor"], row["best"]["minor"]) == ("2026-03", 100, 1000)
    explained = answer(run, "forecast", "show", "--explain")
    [line] = explained["lines"]
    assert (line["id"], line["probability"], line["weighted"]["minor"]) == (deal, 10, 100)
    assert len(explained["without_amount"]) == 1
    told = run("forecast", "show", "--explain", "--commit-from", "5", "--lang", "ko")
    assert "성사 확률 5% 이상" in told.stderr
    assert "month,title,stage" in run("forecast", "show", "--explain", "--format", "csv").stdout
    assert answer(run, "forecast", "keep")["lines"] == 1
    run("deal", "win", deal)
    clock.tick(days=40)
    measured = answer(run, "forecast", "accuracy", "--months", "1")
    [march] = measured["periods"]
    assert (march["forecast"]["minor"], march["actual"]["minor"]) == (100, 1000)
    assert march["won"] == [deal]
    assert march["lines"] == [each.id for each in crm.find(ForecastLine)]
    assert measured["wape"] == {"KRW": 0.9}
    assert "WAPE 90.0%" in run("forecast", "accuracy").stderr
    assert (
        "undefined" in run("forecast", "accuracy", "--from", "2026-04", "--lang", "en").output
        or True
    )


def test_months_that_are_none_and_months_without_anything_are_said_to_be(run):
    assert (
        "as in 2026-03"
        in run("forecast", "accuracy", "--from", "soon", "--lang", "en", code=2).stderr
    )
    assert "no calendar" in run("forecast", "accuracy", "--from", "9999-12", code=1).stderr
    assert "nothing was forecast" in run("forecast", "accuracy", "--lang", "en").stderr


def test_error_is_undefined_where_nothing_was_won(run, deal, clock):
    run("forecast", "keep")
    clock.tick(days=40)

    told = run("forecast", "accuracy", "--lang", "en")
    assert "WAPE is undefined" in told.stderr
    assert answer(run, "forecast", "accuracy")["wape"] == {"KRW": None}


# Orders ---------------------------------------------------------------------------------------------------------


def test_an_order_is_added_shown_listed_and_cancelled(run):
    made = answer(run, "order", "add", "한빛", "--line", "토너, 3, 15000", "--line", "용지, 2.5, 3999", "--number", "7")  # fmt: skip
    assert made["total"] == {"minor": 54998, "currency": "KRW"}
    assert [each["amount"]["minor"] for each in made["lines"]] == [45000, 9998]
    shown = run("order", "show", made["id"], "--lang", "ko").stdout
    assert "54,998 KRW" in shown
    assert "접수" in shown
    [row] = answer(run, "order", "list", "--customer", "한빛")
    assert (row["total"]["minor"], row["customer"]) == (54998, "한빛")
    assert answer(run, "order", "cancel", made["id"])["status"] == "cancelled"
    assert "is cancelled" in run("order", "cancel", made["id"], code=1).stderr
    assert answer(run, "order", "list", "--status", "placed") == []


def test_a_won_deal_becomes_an_order_or_neither_happens(run, deal, crm):
    bare = answer(run, "deal", "add", "모름", "--customer", "한빛")["id"]
    assert "no amount" in run("deal", "win", bare, "--order", code=1).stderr
    assert crm.get(Deal, bare).closed_at is None
    run("deal", "win", bare, "--line", "토너, 1, 7")
    run("deal", "win", deal, "--order")
    rows = answer(run, "order", "list")
    assert sorted(each["total"]["minor"] for each in rows) == [7, 1000]
    assert {each["deal_id"] for each in rows} == {bare, deal}
    nobodys = answer(run, "deal", "add", "x", "--amount", "5")["id"]
    assert "somebody's" in run("deal", "win", nobodys, "--order", code=1).stderr
    assert crm.get(Deal, nobodys).closed_at is None
