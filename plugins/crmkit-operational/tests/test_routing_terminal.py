"""`crm agent`, `crm queue` and `crm route`, as people and scripts type them, and under restriction."""

import json
from types import ModuleType

import pytest
from crmkit_operational.routing.kinds import Agent, RoutingDecision
from crmkit_operational.service.kinds import Ticket

from crmkit import Customer, Manifest, Restriction, hookimpl, where


def by_country():
    """A plugin by which the desk reads only what belongs to customers in Korea, and no agent of the night."""
    module = ModuleType("shy")
    module.manifest = Manifest(name="shy")

    @hookimpl
    def crm_restrict(crm, actor, kind):
        if actor.id != "desk":
            return None
        if kind == "agent":
            return Restriction(conditions=[where.team != "night"])
        if kind == "customer":
            return Restriction(conditions=[where.country == "KR"])
        return Restriction(
            conditions=[
                where[f"{field.name}.country"] == "KR"
                for field in crm.schema[kind].references
                if field.refers_to == "customer"
            ]
        )

    module.crm_restrict = crm_restrict
    return module


@pytest.fixture
def crm_plugins():
    return ["service", by_country()]


def answer(run, *arguments, actor="boss", code=0):
    return json.loads(run(*arguments, "--actor", actor, "--format", "json", code=code).stdout)


@pytest.fixture
def company(crm, crm_cli):
    """Two agents of the day and one of the night; of five tickets two are of a customer abroad."""
    now = crm.clock()
    crm_cli("agent", "add", "김서연", "--as", "kim", "--capacity", "2", "--skill", "환불")
    crm_cli("agent", "add", "Lee", "--as", "lee", "--channel", "chat=1")
    crm_cli("agent", "add", "Night", "--as", "night", "--team", "night")
    with crm.transaction() as tx:
        here = tx.add(Customer(name="here", country="KR")).id
        abroad = tx.add(Customer(name="abroad", country="GB")).id
        each = {"opened_at": now, "queued_at": now}
        tx.add(Ticket(customer_id=abroad, subject="비밀 1", priority="urgent", **each))
        for number, priority in enumerate(("high", "normal", "low")):
            tx.add(Ticket(customer_id=here, subject=f"T{number}", priority=priority, **each))
        tx.add(Ticket(customer_id=abroad, subject="비밀 2", assignee="kim", opened_at=now))
    return crm_cli


def test_the_queue_is_shown_in_order(company):
    rows = answer(company, "queue")

    assert [each["subject"] for each in rows] == ["비밀 1", "T0", "T1", "T2"]
    assert [each["level"] for each in rows] == [3, 2, 1, 0]


def test_the_queue_goes_on_behind_a_page(company):
    first = company("queue", "--limit", "3", "--actor", "boss")
    cursor = first.stderr.split("--after ")[1].strip()

    assert [each["subject"] for each in answer(company, "queue", "--after", cursor)] == ["T2"]


def test_the_queue_explains_what_its_order_is_made_of(company, clock):
    clock.tick(days=2)
    shown = company("queue", "--explain", "--actor", "boss", "--lang", "en")
    rows = answer(company, "queue", "--explain")

    assert "1440 minutes" in shown.stderr
    assert "low 0, normal 1, high 2, urgent 3" in shown.stderr
    for each in rows:
        assert each["level"] == each["priority_level"] + each["gained"]
        assert each["gained"] == 2


def test_hidden_tickets_neither_show_nor_count(company, crm):
    company("agent", "online", "kim")
    company("route", "run")

    assert [each["subject"] for each in answer(company, "queue", actor="desk")] == [
        "T0",
        "T1",
        "T2",
    ]
    loads = {each["actor"]: each["load"] for each in answer(company, "agent", "list", actor="desk")}
    assert loads == {"kim": 0, "lee": 0}
    loads = {each["actor"]: each["load"] for each in answer(company, "agent", "list")}
    assert loads == {"kim": 2, "lee": 0, "night": 0}
    hidden = next(crm.find(Ticket, where.subject == "비밀 1"))
    company("route", "explain", hidden.id, "--actor", "desk", code=3)


def test_what_is_explained_counts_only_what_may_be_read_and_names_only_who_may_be_seen(
    company, crm
):
    company("agent", "online", "kim")
    company("work", "--once")
    seen = next(crm.find(Ticket, where.subject == "T0"))

    told = answer(company, "route", "explain", seen.id, actor="desk")
    all_told = answer(company, "route", "explain", seen.id)

    assert {each["agent"] for each in told["now"]["candidates"]} == {"kim", "lee"}
    assert {each["agent"] for each in told["decisions"][0]["candidates"]} == {"kim", "lee"}
    assert told["now"]["agent"] == "kim"  # who has no room, but that is because of what is hidden
    assert all_told["now"]["agent"] is None
    assert all_told["now"]["reason"] == "full"
    table = company("route", "explain", seen.id, "--actor", "desk", "--lang", "en").stdout
    assert "night" not in table


def test_a_decision_holds_no_counts_and_belongs_to_the_customer(company, crm):
    company("agent", "online", "kim")
    company("work", "--once")

    everything = list(crm.find(RoutingDecision))
    assert all(each.customer_id for each in everything)
    for each in everything:
        assert all(set(one) == {"agent", "why"} for one in each.candidates)
    assert crm.acting("desk").count(RoutingDecision) == 3 < len(everything)


def test_who_takes_is_given_only_what_they_may_read(company, crm):
    company("agent", "add", "Desk", "--as", "desk")
    company("agent", "online", "desk")

    taken = [answer(company, "route", "take", actor="desk")["subject"] for _ in range(3)]
    nothing = company("route", "take", "--actor", "desk", "--lang", "en")

    assert taken == ["T0", "T1", "T2"]
    assert nothing.stderr == "no ticket waits that desk could take\n"


def test_room_counts_what_is_hidden_though_it_is_not_shown(company, crm):
    company("agent", "add", "Desk", "--as", "desk", "--capacity", "1")
    company("agent", "online", "desk")
    hidden = next(crm.find(Ticket, where.subject == "비밀 1"))
    company("route", "assign", hidden.id, "desk", "--actor", "boss")

    refused = company("route", "take", "--actor", "desk", code=1)

    assert "desk has no room" in refused.stderr
    assert answer(company, "agent", "list", actor="desk")[0]["load"] == 0


def test_only_what_may_be_read_is_released(company, crm):
    company("agent", "online", "kim")
    company("route", "assign", next(crm.find(Ticket, where.subject == "T0")).id, "kim")

    rows = answer(company, "route", "release", "kim", actor="desk")

    assert [each["subject"] for each in rows] == ["T0"]
    assert crm.count(Ticket, where.assignee == "kim") == 1


def test_agents_are_set_and_go(company, crm):
    company("agent", "set", "kim", "--capacity", "7", "--channel", "chat=2", "--channel", "email=0")
    company("agent", "set", "kim", "--channel", "chat=3", "--skill", "a", "--skill", "b")
    went = company("agent", "away", "김서연", "--lang", "ko")

    found = next(crm.find(Agent, where.actor == "kim"))
    assert (found.capacity, found.capacities) == (7, {"chat": 3, "email": 0})
    assert (found.skills, found.status) == (("a", "b"), "away")
    assert "kim에게 아직 티켓 1건이 있습니다" in went.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["agent", "online", "nobody"], 3, "there is no agent 'nobody'"),
        (["agent", "set", "kim"], 1, "nothing of kim was changed"),
        (["agent", "set", "kim", "--capacity", "-1"], 1, "from 0 to 10,000"),
        (["agent", "set", "kim", "--channel", "chat"], 1, "write it as in email=3"),
        (["agent", "set", "kim", "--channel", "chat=-2"], 1, "write it as in email=3"),
        (["agent", "set", "kim", "--calendar", "none"], 3, "there is no calendar 'none'"),
        (["agent", "add", "Kim", "--as", "kim"], 1, "must be unique"),
        (["agent", "add", "Kim", "--as", " "], 1, "agent.actor"),
        (["route", "explain", "x"], 3, "there is no ticket 'x'"),
        (["route", "assign", "x", "kim"], 3, "there is no ticket 'x'"),
        (["route", "take", "--as", "kim"], 1, "kim is not online"),
        (["route", "release", "kim", "x"], 3, "there is no ticket 'x'"),
        (["queue", "--limit", "0"], 2, "--limit"),
        (["queue", "--after", "x"], 1, "cursor"),
    ],
)
def test_bad_input_gets_one_sentence(company, crm, arguments, code, said):
    position = crm.storage.position()

    shown = company(*arguments, code=code)

    assert said in shown.stderr
    assert crm.storage.position() == position


def test_without_agents_and_tickets_one_is_told_what_to_do(crm_cli):
    assert "crm agent add" in crm_cli("agent", "list", "--lang", "en").stderr
    assert crm_cli("queue", "--lang", "ko").stderr == "기다리는 티켓이 없습니다\n"
    assert answer(crm_cli, "queue") == []
    assert crm_cli("route", "run", "--format", "csv").stdout == "subject,agent,id\n"


def test_the_doctor_says_what_waits_too_long(company, clock):
    clock.tick(days=4)
    rested = company("doctor", "--lang", "en").output
    clock.tick(minutes=1)
    warned = company("doctor", "--lang", "en").output

    assert "wait for somebody" not in rested
    assert "for more than 5760 minutes: 4" in warned


def test_a_ticket_is_given_to_an_agent_by_name_and_taken_from_who_is_none(crm, company):
    first, second = (each["id"] for each in answer(company, "queue")[:2])

    assert answer(company, "ticket", "set", first, "--assignee", "김서연")["assignee"] == "kim"
    assert first in [
        each["id"] for each in answer(company, "ticket", "list", "--assignee", "김서연")
    ]
    answer(company, "ticket", "set", second, "--assignee", "gone")
    assert [each["id"] for each in answer(company, "route", "release", "gone")] == [second]
    told = company("route", "release", "gone", "--actor", "boss", code=3)
    assert "there is no agent 'gone'" in told.stderr
