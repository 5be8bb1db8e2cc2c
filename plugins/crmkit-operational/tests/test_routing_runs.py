"""Runs of routing: who is eligible, who is chosen, what stays in the queue and why, and when it is looked at again."""

import pytest
from crmkit_operational.clock.kinds import Calendar
from crmkit_operational.routing import byhand
from crmkit_operational.routing.byhand import RoutingRefused
from crmkit_operational.routing.kinds import Agent, RoutingDecision
from crmkit_operational.routing.running import run
from crmkit_operational.routing.staff import ACTIVE, loads
from crmkit_operational.service.kinds import Ticket

from crmkit import Config, InvalidRecords, NotFound, where
from crmkit.worker import run_workers


@pytest.fixture
def crm(open_crm):
    return open_crm()


@pytest.fixture
def crm_of(open_crm):
    """Opens the app with settings of service."""
    return lambda **settings: open_crm(config=Config(plugin={"service": settings}))


def agents(crm, **all):
    with crm.transaction() as tx:
        made = [
            Agent(actor=actor, name=actor.title(), **{"status": "online", **fields})
            for actor, fields in all.items()
        ]
        return {each.actor: each for each in tx.add_all(made)}


def wait(crm, count=1, **fields):
    now = crm.clock()
    with crm.transaction() as tx:
        fields = {"subject": "x", "opened_at": now, "queued_at": now, **fields}
        return tx.add_all(Ticket(**fields) for _ in range(count))


def route(crm):
    with crm.transaction() as tx:
        return run(tx)


def work(crm):
    run_workers(crm, once=True)


def change(crm, record, **changes):
    with crm.transaction() as tx:
        return tx.update(tx.get(type(record), record.id).evolve(**changes))


def assignees(crm, tickets):
    return [each.assignee for each in crm.get_many(Ticket, [each.id for each in tickets])]


def decisions(crm, ticket):
    found = crm.find(RoutingDecision, where.ticket_id == ticket.id, order=("at", "id"))
    return [(each.outcome, each.agent, each.strategy, each.reason) for each in found]


# Who is eligible ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "ticket", "reason"),
    [
        ({}, {}, None),
        ({"status": "away"}, {}, "offline"),
        ({"status": "offline"}, {}, "offline"),
        ({"capacities": {"chat": 0}}, {"channel": "chat"}, "channel"),
        ({"capacities": {"chat": 0}}, {"channel": "email"}, None),
        ({"capacity": 0}, {}, "channel"),
        ({}, {"team": "north"}, "team"),
        ({"team": "north"}, {"team": "north"}, None),
        ({"team": "north"}, {}, None),
        ({"skills": ("a",)}, {"skills": ("a", "b")}, "skills"),
        ({"skills": ("b", "a")}, {"skills": ("a", "b")}, None),
        ({}, {"excluded": ("kim",)}, "excluded"),
    ],
)
def test_an_agent_is_eligible_or_the_decision_says_why_not(crm, agent, ticket, reason):
    agents(crm, kim=agent)
    [made] = wait(crm, **ticket)

    work(crm)

    assert assignees(crm, [made]) == [None if reason else "kim"]
    [found] = crm.find(RoutingDecision)
    assert (found.outcome, found.agent, found.reason) == (
        ("queued", None, reason) if reason else ("assigned", "kim", "")
    )
    assert found.candidates == ({"agent": "kim", "why": reason or "chosen"},)


def test_without_agents_tickets_wait(crm):
    [made] = wait(crm)

    work(crm)

    assert decisions(crm, made) == [("queued", None, "least_loaded", "no_agents")]


def test_the_reason_is_that_of_who_was_closest(crm):
    agents(
        crm,
        kim={"status": "away", "skills": ("a",)},
        lee={},
        park={"skills": ("a",), "capacity": 1},
    )
    made = wait(crm, 2, skills=("a",))

    work(crm)

    assert assignees(crm, made) == ["park", None]
    assert decisions(crm, made[1]) == [("queued", None, "least_loaded", "full")]


def test_a_channel_takes_no_more_than_its_share(crm):
    agents(crm, kim={"capacity": 5, "capacities": {"chat": 1, "mail": 9}})
    chats, mails = wait(crm, 3, channel="chat"), wait(crm, 9, channel="mail")

    work(crm)

    assert assignees(crm, chats) == ["kim", None, None]
    assert assignees(crm, mails).count("kim") == 4


def test_the_last_skills_may_be_done_without_after_a_while_but_never_the_first(crm_of, clock):
    crm = crm_of(skill_timeout=30)
    agents(crm, kim={"skills": ("korean",)}, lee={"skills": ("billing",)})
    [made] = wait(crm, skills=("korean", "billing", "loans"))

    seen = []
    for _ in range(4):
        work(crm)
        seen += assignees(crm, [made])
        clock.tick(minutes=20)

    assert seen == [None, None, None, "kim"]  # 60 minutes are two timeouts


def test_no_skill_is_done_without_if_the_timeout_is_zero(crm_of, clock):
    crm = crm_of(skill_timeout=0)
    agents(crm, kim={"skills": ("korean",)})
    [made] = wait(crm, skills=("korean", "billing"))
    clock.tick(days=30)

    work(crm)

    assert assignees(crm, [made]) == [None]


def test_hours_are_those_of_the_calendar_and_are_waited_for(crm, clock):
    with crm.transaction() as tx:  # the clock shows a Sunday, 09:00
        days = tx.add(Calendar(name="days", timezone="UTC", hours={"mon": ["09:00-18:00"]}))
    agents(crm, kim={"calendar_id": days.id})
    [made] = wait(crm)

    work(crm)
    before = assignees(crm, [made])
    clock.tick(days=1)
    work(crm)

    assert (before, assignees(crm, [made])) == ([None], ["kim"])
    assert [each[3] for each in decisions(crm, made)] == ["hours", ""]


def test_skills_and_hours_of_the_directory_count(open_crm, clock):
    kinds = pytest.importorskip(
        "crmkit_collaborative.kinds", reason="crmkit-collaborative is not installed"
    )
    crm = open_crm("collaborative")
    with crm.transaction() as tx:
        tx.add(kinds.Member(actor="kim", name="Kim", skills=("a",), working_hours={"mon": ["09:00-18:00"]}, timezone="UTC"))  # fmt: skip
        tx.add(kinds.Member(actor="lee", name="Lee", skills=("b",)))
    agents(crm, kim={}, lee={})
    first, second = wait(crm, skills=("a",)), wait(crm, skills=("b",))

    work(crm)
    before = assignees(crm, first + second)
    clock.tick(days=1)
    work(crm)

    assert before == [None, "lee"]
    assert assignees(crm, first + second) == ["kim", "lee"]


# Who is chosen --------------------------------------------------------------------------------------------------


def test_the_least_loaded_is_chosen_by_load_for_capacity_then_by_turn(crm, clock):
    agents(crm, kim={"capacity": 2}, lee={"capacity": 4})
    made = wait(crm, 6)

    work(crm)

    assert assignees(crm, made) == ["kim", "lee", "lee", "kim", "lee", "lee"]


def test_round_robin_goes_on_where_it_was(crm_of):
    crm = crm_of(strategy="round_robin")
    agents(crm, kim={}, lee={"capacity": 2}, park={})

    seen = []
    for count in (2, 1, 3, 3, 1):
        made = wait(crm, count)
        work(crm)
        seen += assignees(crm, made)

    assert seen == ["kim", "lee", "park", "kim", "lee", "park", "kim", "park", "kim", "park"]


def test_weighted_gives_in_proportion_to_the_capacities(crm_of):
    crm = crm_of(strategy="weighted")
    agents(crm, kim={"capacity": 1}, lee={"capacity": 2}, park={"capacity": 4})

    seen = []
    for _ in range(70):
        [made] = wait(crm)
        work(crm)
        seen += assignees(crm, [made])
        change(crm, made, state="solved")

    for start in range(0, 70, 7):
        seven = seen[start : start + 7]
        assert [seven.count(each) for each in ("kim", "lee", "park")] == [1, 2, 4]
    assert "parkparkpark" not in "".join(seen)


# When it is looked at again -------------------------------------------------------------------------------------


def test_who_comes_online_is_given_what_waits(crm):
    kim = agents(crm, kim={"status": "offline", "capacity": 2})["kim"]
    made = wait(crm, 3)
    work(crm)

    change(crm, kim, status="online")
    work(crm)

    assert assignees(crm, made) == ["kim", "kim", None]


def test_room_that_is_made_is_filled_from_the_head_of_the_queue(crm, clock):
    agents(crm, kim={"capacity": 1})
    [first] = wait(crm)
    work(crm)
    late = wait(crm)
    clock.tick(minutes=1)
    urgent = wait(crm, priority="urgent")
    work(crm)

    change(crm, first, state="solved")
    work(crm)

    assert assignees(crm, late + urgent) == [None, "kim"]


def test_a_new_ticket_does_not_pass_one_that_waits(crm, clock):
    agents(crm, kim={"capacity": 0})
    [old] = wait(crm)
    clock.tick(minutes=1)
    work(crm)
    with crm.transaction() as tx:
        tx.update(next(tx.find(Agent)).evolve(capacity=1))
        tx.add(Ticket(subject="new", opened_at=clock(), queued_at=clock()))

    work(crm)

    assert assignees(crm, [old]) == ["kim"]


def test_what_stays_for_the_same_reason_is_decided_once(crm, clock):
    agents(crm, kim={"skills": ("b",)})
    [made] = wait(crm, skills=("a",))

    for _ in range(10):
        work(crm)
        clock.tick(minutes=1)

    assert len(decisions(crm, made)) == 1


def test_routing_does_not_follow_itself(crm):
    agents(crm, kim={})
    wait(crm, 3)
    work(crm)
    written = crm.storage.position()

    work(crm)

    assert crm.storage.position() == written
    assert crm.count(RoutingDecision) == 3


# Reopened -------------------------------------------------------------------------------------------------------


def solved_by(crm, actor):
    [made] = wait(crm)
    work(crm)
    assert assignees(crm, [made]) == [actor]
    change(crm, made, state="solved")
    work(crm)
    return made


def test_a_reopened_ticket_stays_with_its_agent_who_is_there(crm):
    agents(crm, kim={"capacity": 1}, lee={"status": "away"})
    made = solved_by(crm, "kim")

    change(crm, made, state="open")
    work(crm)

    assert assignees(crm, [made]) == ["kim"]
    assert decisions(crm, made)[1:] == [("assigned", "kim", "reopened", "")]


@pytest.mark.parametrize(("status", "reason"), [("away", "offline"), ("offline", "offline")])
def test_a_reopened_ticket_leaves_its_agent_who_is_gone(crm, status, reason):
    kim = agents(crm, kim={}, lee={"status": "away"})["kim"]
    made = solved_by(crm, "kim")
    change(crm, kim, status=status)

    change(crm, made, state="open")
    work(crm)
    between = assignees(crm, [made])
    with crm.transaction() as tx:
        tx.update(next(tx.find(Agent, where.actor == "lee")).evolve(status="online"))
    work(crm)

    assert (between, assignees(crm, [made])) == ([None], ["lee"])
    assert decisions(crm, made)[1:] == [
        ("queued", None, "reopened", reason),
        ("assigned", "lee", "least_loaded", ""),
    ]


def test_a_reopened_ticket_leaves_its_agent_who_has_no_room(crm):
    agents(crm, kim={"capacity": 1})
    made = solved_by(crm, "kim")
    other = wait(crm)
    work(crm)

    change(crm, made, state="open")
    work(crm)

    assert assignees(crm, [made, *other]) == [None, "kim"]


def test_who_is_no_agent_keeps_what_is_reopened(crm):
    [made] = wait(crm, assignee="boss", queued_at=None, state="solved")

    change(crm, made, state="open")
    work(crm)

    assert assignees(crm, [made]) == ["boss"]


# By hand --------------------------------------------------------------------------------------------------------


def test_who_takes_gets_the_first_that_is_for_them(crm, clock):
    kim = agents(crm, kim={"skills": ("a",)})["kim"]
    [hard] = wait(crm, skills=("z",))
    clock.tick()
    [easy] = wait(crm, skills=("a",))

    taken = byhand.take(crm.acting("kim"), kim)

    assert (taken.id, taken.assignee, taken.queued_at) == (easy.id, "kim", None)
    assert byhand.take(crm.acting("kim"), kim) is None
    assert decisions(crm, easy) == [("assigned", "kim", "taken", "")]
    assert assignees(crm, [hard]) == [None]


@pytest.mark.parametrize(
    ("fields", "reason"), [({"status": "away"}, "offline"), ({"capacity": 0}, "full")]
)
def test_who_could_take_nothing_is_told_why(crm, fields, reason):
    kim = agents(crm, kim=fields)["kim"]
    wait(crm)

    with pytest.raises(RoutingRefused, match="kim cannot be given any ticket") as caught:
        byhand.take(crm.acting("kim"), kim)

    assert caught.value.reason == reason


def test_who_is_gone_or_acts_as_another_by_now_takes_nothing(crm):
    who = agents(crm, kim={}, lee={})
    made = wait(crm, 2)
    change(crm, who["kim"], actor="park")
    with crm.transaction() as tx:
        tx.delete(who["lee"])

    with pytest.raises(NotFound, match="no agent 'kim'; they act as park by now"):
        byhand.take(crm.acting("kim"), who["kim"])
    with pytest.raises(NotFound, match=who["lee"].id):
        byhand.assign(crm, made[0].id, who["lee"])

    assert assignees(crm, made) == [None, None]


def test_nobody_leaves_tickets_behind_that_are_in_no_queue(crm):
    kim = agents(crm, kim={})["kim"]
    made = wait(crm, 2, assignee="kim", queued_at=None)
    change(crm, made[1], state="pending")

    with pytest.raises(InvalidRecords, match="crm route release kim"):
        change(crm, kim, actor="park")
    with pytest.raises(InvalidRecords, match="kim has active tickets"), crm.transaction() as tx:
        tx.delete(kim)
    change(crm, kim, name="Kim Seo-yeon")

    byhand.release(crm, "kim")
    with crm.transaction() as tx:
        tx.delete(tx.get(Agent, kim.id))
    assert assignees(crm, made) == [None, "kim"]


def test_by_hand_nobody_is_filled_over_unless_it_is_said(crm):
    kim = agents(crm, kim={"capacity": 1})["kim"]
    first, second = wait(crm, 2)
    boss = crm.acting("boss")

    byhand.assign(boss, first.id, kim)
    with pytest.raises(RoutingRefused, match="kim has no room"):
        byhand.assign(boss, second.id, kim)
    byhand.assign(boss, second.id, kim, over=True)

    assert assignees(crm, [first, second]) == ["kim", "kim"]
    assert [each[2:] for each in decisions(crm, first)] == [("by_hand", "")]
    assert [each[2:] for each in decisions(crm, second)] == [("by_hand", "full")]


def test_what_rests_or_is_theirs_already_is_not_assigned(crm):
    kim = agents(crm, kim={})["kim"]
    [rests] = wait(crm, state="solved", queued_at=None)
    [theirs] = wait(crm, assignee="kim", queued_at=None)

    with pytest.raises(RoutingRefused, match="it is solved"):
        byhand.assign(crm, rests.id, kim, over=True)
    with pytest.raises(RoutingRefused, match="has it already"):
        byhand.assign(crm, theirs.id, kim, over=True)


def test_what_is_released_goes_to_others_and_what_is_given_back_stays_away(crm):
    who = agents(crm, kim={}, lee={"status": "away"})
    made = wait(crm, 3)
    work(crm)

    given_back = byhand.release(crm.acting("kim"), "kim", [made[0].id])
    work(crm)
    assert [each.excluded for each in given_back] == [("kim",)]
    assert assignees(crm, made) == [None, "kim", "kim"]

    change(crm, who["kim"], status="offline")
    byhand.release(crm.acting("boss"), "kim")
    change(crm, who["lee"], status="online")
    work(crm)
    assert assignees(crm, made) == ["lee", "lee", "lee"]


def test_one_cannot_give_back_what_one_does_not_have_and_nothing_is_half_done(crm):
    agents(crm, kim={})
    mine, other = (
        wait(crm, assignee="kim", queued_at=None),
        wait(crm, assignee="lee", queued_at=None),
    )

    with pytest.raises(RoutingRefused, match="does not work on"):
        byhand.release(crm, "kim", [mine[0].id, other[0].id])

    assert assignees(crm, mine + other) == ["kim", "lee"]


# Laws -----------------------------------------------------------------------------------------------------------


def test_who_was_given_too_much_by_hand_is_given_nothing_more(crm):
    agents(crm, kim={"capacity": 2})
    wait(crm, 3, assignee="kim", queued_at=None)
    made = wait(crm, 2)

    work(crm)

    assert assignees(crm, made) == [None, None]


def test_loads_count_what_is_active(crm):
    for state in ("new", "open", "pending", "on_hold", "solved", "closed"):
        wait(crm, state=state, assignee="kim", queued_at=None, channel="chat")

    assert loads(crm, ["kim", "lee"]) == {"kim": {"chat": len(ACTIVE)}, "lee": {}}


def test_the_weighted_credit_sums_to_nothing(crm_of):
    crm = crm_of(strategy="weighted")
    agents(crm, kim={"capacity": 3}, lee={"capacity": 5})
    wait(crm, 6)

    work(crm)

    assert sum(crm.storage.state("operational/routing/weighted").values()) == 0


def test_a_claim_of_what_was_changed_meanwhile_changes_nothing(crm):
    from crmkit_operational.routing.claiming import claim

    [made] = wait(crm)
    change(crm, made, state="solved")

    with crm.transaction() as tx:
        assert claim(tx, made, assignee="kim", queued_at=None) is None

    assert crm.get(Ticket, made.id).assignee is None
