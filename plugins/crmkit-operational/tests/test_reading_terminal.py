"""What the desk shows: people read words and names, scripts codes and ids, and errors say where to look."""

import csv
import io
import json
from types import ModuleType

import pytest
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.sales.kinds import Deal, Pipeline
from crmkit_operational.service.kinds import Policy, Ticket
from crmkit_operational.service.opening import open_ticket, reply, set_state
from crmkit_operational.service.profile import section

from crmkit import Customer, Manifest, Restriction, hookimpl, where
from crmkit.cli.language import Word
from crmkit.worker import run_workers

SHY = ModuleType("shy")
SHY.manifest = Manifest(name="shy")


@hookimpl
def crm_restrict(crm, actor, kind):
    if kind == "customer" and actor.id in ("masked", "blind"):
        hidden = [where.country == "KR"] if actor.id == "blind" else []
        return Restriction(conditions=hidden, masked=["name"])
    return None


SHY.crm_restrict = crm_restrict


@pytest.fixture
def crm_plugins():
    return ["sales", "service", "automation", SHY]


@pytest.fixture
def desk(crm, crm_cli, clock):
    """An urgent ticket on hold of a customer abroad, for which a policy promised something; runs commands."""
    with crm.transaction() as tx:
        tx.add(Policy(name="급한 문의", position=1, first_response=90, priorities=("urgent",)))
        customer = tx.add(Customer(name="한빛", country="GB"))
        made = open_ticket(tx, "환불", customer_id=customer.id, priority="urgent")
    clock.tick(minutes=5)
    with crm.transaction() as tx:
        reply(tx, tx.get(Ticket, made.id), "네")
        set_state(tx, tx.get(Ticket, made.id), "on_hold")

    def run(*arguments, lang="ko", **options):
        texts = [made.id if each == "TICKET" else each for each in arguments]
        return crm_cli(*texts, "--lang", lang, **options)

    return run


def cells(found):
    """The cells of all rows of a table."""
    return {cell.strip() for line in found.stdout.splitlines() for cell in line.split("  ") if cell}


def shown(found):
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(found.stdout)))


# Words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "korean", "english"),
    [
        (("ticket", "list"), {"보류", "긴급"}, {"on hold", "urgent"}),
        (("ticket", "show", "TICKET"), {"보류", "긴급"}, {"on hold", "urgent"}),
        (("ticket", "board"), {"회신 대기", "낮음"}, {"pending", "low"}),
        (("ticket", "history", "TICKET"), {"진행", "보류"}, {"open", "on hold"}),
        (("ticket", "events", "TICKET"), {"첫 응답", "약속"}, {"first response", "promised"}),
        (("ticket", "clocks", "TICKET"), {"첫 응답", "상담원 처리"}, {"agent work"}),
        (("ticket", "report", "--explain"), {"고객 대기", "지킴"}, {"requester wait", "kept"}),
        (
            ("policy", "show", "급한 문의"),
            {"긴급", "회신 대기, 보류", "1시간 30분"},
            {"urgent", "pending, on hold", "1 h 30 min"},
        ),
    ],
)
def test_people_read_words_in_their_language(desk, command, korean, english):
    assert korean <= cells(desk(*command))
    assert english <= cells(desk(*command, lang="en"))


def test_scripts_read_codes_whatever_the_language(desk):
    [row] = json.loads(desk("ticket", "list", "--format", "json").stdout)
    assert (row["state"], row["priority"], row["customer"]) == ("on_hold", "urgent", "한빛")
    one = json.loads(desk("ticket", "show", "TICKET", "--format", "json").stdout)
    assert one["state"] == "on_hold"
    assert "customer" not in one
    events = shown(desk("ticket", "events", "TICKET", "--format", "csv"))
    assert {"first_response", "apply_sla"} <= {each for row in events for each in row.values()}
    [policy] = json.loads(desk("policy", "test", "TICKET", "--format", "json").stdout)
    assert policy["why"] == "holds"


def test_what_the_brief_and_routing_say_is_in_words(desk, crm):
    made = json.loads(
        desk("ticket", "open", "교환", "--priority", "urgent", "--format", "json").stdout
    )
    told = desk("ticket", "brief", made["id"]).stdout
    assert "첫 응답, " in told
    assert ", 긴급, 신규" in told
    desk("ticket", "set", "TICKET", "--state", "open")
    desk("agent", "add", "이영희", "--as", "lee")
    assert "온라인" in cells(desk("agent", "online", "lee"))
    assert "온라인" in cells(desk("agent", "list"))
    desk("route", "assign", "TICKET", "lee")
    assert {"배정됨", "직접 지정"} <= cells(desk("route", "explain", "TICKET"))
    [decision] = shown(desk("route", "explain", "TICKET", "--format", "csv"))
    assert (decision["outcome"], decision["strategy"]) == ("assigned", "by_hand")
    assert decision["others"] == '["lee chosen"]'


@pytest.mark.parametrize(
    ("when", "korean"),
    [
        ("created", "새로 생길 때"),
        ("changed", "어느 필드든 변경 시"),
        ("changed state,priority", "상태, 우선순위 변경 시"),
        ("changed state from open to on_hold", "상태 변경 시(진행 → 보류)"),
        ("changed state to solved", "상태 변경 시(→ 해결)"),
        ("changed team from nothing to open", "팀 변경 시(없음 → open)"),
        ("every 2h", "2시간마다"),
        ("at 09:00", "매일 09:00"),
        ("3d after opened_at", "시작 시각에서 3일 뒤"),
        ("45m before resolution_due", "해결 기한 45분 전"),
        ("resolution_due reached", "해결 기한에 이르면"),
    ],
)
def test_a_trigger_is_read_in_words_and_can_still_be_typed(desk, when, korean):
    desk("rule", "add", "규칙", "--on", "ticket", "--when", when, "--do", "set topic=a")
    assert korean in cells(desk("rule", "list"))
    assert f"{korean} ({when})" in cells(desk("rule", "show", "규칙"))
    assert when in cells(desk("rule", "show", "규칙", lang="en"))
    [row] = json.loads(desk("rule", "list", "--format", "json").stdout)
    assert row["when"] == when


def test_a_customer_s_profile_says_how_their_tickets_are(desk, crm):
    [found] = section(crm, next(crm.find(Customer)), None)
    [(_id, said)] = found.rows
    assert said == ["환불", "on hold", "urgent"]
    assert [type(each) for each in said[1:]] == [Word, Word]  # translated where they are printed


# Names ----------------------------------------------------------------------------------------------------------


def test_a_ticket_names_its_customer_and_its_policy_as_far_as_one_may_read(desk, crm):
    [customer] = crm.find(Customer)
    all_told = cells(desk("ticket", "show", "TICKET"))
    assert {"한빛", "급한 문의", "고객 번호", customer.id} <= all_told

    masked = desk("ticket", "show", "TICKET", "--actor", "masked")
    assert "•••" in cells(masked)
    assert "•••" in desk("ticket", "list", "--actor", "masked").stdout
    blind = desk("ticket", "show", "TICKET", "--actor", "blind")
    assert customer.id in cells(blind)
    assert "한빛" not in masked.stdout + blind.stdout
    assert "한빛" not in desk("ticket", "list", "--actor", "blind").stdout


def test_a_customer_is_named_where_a_ticket_is_opened_found_or_given(desk, crm):
    with crm.transaction() as tx:
        other = tx.add(Customer(name="별빛"))
    made = json.loads(
        desk("ticket", "open", "교환", "--customer", "별빛", "--format", "json").stdout
    )
    assert made["customer_id"] == other.id
    assert "교환" not in desk("ticket", "list", "--customer", "한빛").stdout
    desk("ticket", "give", made["id"], "--to", "한빛")
    assert "교환" in desk("ticket", "list", "--customer", "한빛").stdout
    assert "없음" in desk("ticket", "list", "--customer", "없음", code=3).stderr


def test_of_two_that_are_called_the_same_the_ids_are_told(desk, crm):
    with crm.transaction() as tx:
        twin = tx.add(Customer(name="한빛"))
        for actor in ("kim", "lee"):
            tx.add(Agent(actor=actor, name="이영희"))
    assert twin.id in desk("ticket", "list", "--customer", "한빛", code=1).stderr
    assert "kim, lee" in desk("agent", "online", "이영희", code=1).stderr


def test_ids_that_the_next_command_asks_for_are_whole_on_a_narrow_terminal(desk, crm, monkeypatch):
    [ticket] = crm.find(Ticket)
    desk(
        "rule",
        "add",
        "규칙",
        "--on",
        "ticket",
        "--when",
        "created",
        "--do",
        "set topic=a",
        "--enable",
    )
    made = json.loads(desk("ticket", "open", "교환", "--format", "json").stdout)
    run_workers(crm, once=True)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True)
    monkeypatch.setenv("COLUMNS", "60")

    assert made["id"] in desk("rule", "runs").stdout
    assert ticket.id in desk("ticket", "report", "--explain").stdout
    assert ticket.customer_id in desk("ticket", "show", ticket.id).stdout


# What is not there, and what cannot be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (("ticket", "show", "x"), "`crm ticket list --all`"),
        (("ticket", "reply", "x", "네"), "`crm ticket list --all`"),
        (("route", "release", "lee", "x"), "`crm ticket list --all`"),
        (("policy", "test", "x"), "`crm ticket list --all`"),
        (("policy", "show", "x"), "there are 급한 문의"),
        (("deal", "show", "x"), "`crm deal list`"),
        (("deal", "win", "x"), "`crm deal list`"),
        (("order", "show", "x"), "`crm order list`"),
        (("calendar", "show", "x"), "`crm calendar list`"),
        (("agent", "add", "김", "--as", "kim", "--calendar", "x"), "`crm calendar list`"),
        (("rule", "show", "x"), "`crm rule list`"),
        (("agent", "online", "x"), "`crm agent list`"),
        (("ticket", "open", "x", "--customer", "x"), "`crm search`"),
    ],
)
def test_what_is_not_there_is_answered_with_where_to_look(desk, command, hint):
    desk("agent", "add", "이영희", "--as", "lee")
    told = desk(*command, code=3).stderr
    assert hint in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("command", [("deal", "board"), ("deal", "add", "x"), ("pipeline", "show")])
def test_without_a_pipeline_one_sentence_says_how_to_make_one(desk, command):
    assert (
        desk(*command, code=3).stderr
        == "Error: there is no pipeline yet; `crm pipeline init` makes one\n"
    )


def test_a_file_of_rules_that_is_missing_is_named_once(desk):
    told = desk("rule", "load", "없음.toml", code=1).stderr
    assert told.count("없음.toml") == 1
    assert "cannot be read" in told


def test_a_time_that_cannot_be_read_is_answered_with_one_that_can(desk):
    assert "as in 30d" in desk("rule", "report", "--since", "어제", code=1).stderr


def test_nobody_is_called_nothing(desk):
    assert "is blank" in desk("agent", "add", " ", "--as", "kim", code=1).stderr


# Deals ----------------------------------------------------------------------------------------------------------


def test_what_is_decided_has_no_next_step_unless_one_is_given(desk, crm):
    desk("pipeline", "init")
    ids = []
    for title in ("성사될", "잃을", "남길"):
        step = ("--next", "전화", "--next-on", "2026-03-09")
        made = desk("deal", "add", title, *step, "--format", "json").stdout
        ids.append(json.loads(made)["id"])
    desk("deal", "win", ids[0])
    desk("deal", "lose", ids[1], "--reason", "가격")
    won = json.loads(desk("pipeline", "show", "--format", "json").stdout)[-2]["id"]
    desk("deal", "edit", ids[2], "--set", f"stage_id={won}", "--set", "next_step=감사 인사")

    found = [crm.get(Deal, each) for each in ids]
    assert [each.next_step for each in found] == ["", "", "감사 인사"]
    assert [each.next_step_on for each in found] == [None, None, None]


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (("제안",), "as in 'Proposal, 50'"),
        (("제안, 10", "제안, 20"), "two stages are called '제안'"),
        (("성사, 10",), "two stages are called '성사'"),
    ],
)
def test_a_pipeline_of_which_something_is_left_open_is_not_made(desk, crm, stages, said):
    options = [word for each in stages for word in ("--stage", each)]
    assert said in desk("pipeline", "add", "신규", *options, code=1).stderr
    assert crm.count(Pipeline) == 0


def test_a_stage_is_changed_in_something_and_keeps_a_name(desk):
    desk("pipeline", "init")
    assert "바꿀" in desk("pipeline", "stage", "set", "영업", "제안", code=2).stderr
    assert (
        "is blank" in desk("pipeline", "stage", "set", "영업", "제안", "--name", "", code=1).stderr
    )
    desk("pipeline", "add", "갱신", "--stage", "검토, 60")
    assert "say which: 갱신, 영업" in desk("pipeline", "show", code=1).stderr
