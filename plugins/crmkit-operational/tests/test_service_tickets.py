"""Tickets: what follows from a write, what is measured of it, and what was promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from crmkit_operational.clock.kinds import Calendar
from crmkit_operational.clock.reading import clock_of
from crmkit_operational.routing.kinds import RoutingDecision
from crmkit_operational.service.kinds import MetricEvent, Policy, Ticket
from crmkit_operational.service.metrics import in_order, timers
from crmkit_operational.service.opening import give, note, open_ticket, reply, set_state, solve
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit import CRM, Config, CrmError, Customer, Interaction, InvalidRecords, where
from crmkit.testing.fixtures import FakeClock
from crmkit.worker import run_workers

WEEK = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


def promised(tx, **values):
    calendar = tx.add(Calendar(name="평일", hours=WEEK, timezone="UTC"))
    return tx.add(Policy(name="보통", position=1, calendar_id=calendar.id, **values))


def opened(crm, **values):
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="김하늘"))
        return open_ticket(tx, "환불", **({"customer_id": kim.id} | values))


def events(crm, ticket):
    return in_order(crm.find(MetricEvent, where.ticket_id == ticket.id))


def said(crm, ticket, at=None, **values):
    with crm.transaction() as tx:
        made = {"channel": "email", "happened_at": at or crm.clock(), "thread": ticket.thread}
        tx.add(Interaction(customer_id=ticket.customer_id, body="?", **(made | values)))
    run_workers(crm, once=True)


def test_metrics_are_recorded_without_any_policy(open_crm):
    crm = open_crm()
    ticket = opened(crm)
    assert [(each.metric, each.type) for each in events(crm, ticket)] == [
        ("first_response", "activate"),
        ("resolution", "activate"),
        ("requester_wait", "activate"),
        ("agent_work", "activate"),
    ]
    assert {each.customer_id for each in events(crm, ticket)} == {ticket.customer_id}
    assert (ticket.queued_at, ticket.first_response_due) == (ticket.opened_at, None)


def test_a_ticket_that_is_closed_unsolved_never_reaches_its_resolution(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        promised(tx, resolution=60)
    ticket = opened(crm)
    clock.tick(hours=1)

    with crm.transaction() as tx:
        closed = tx.update(tx.get(Ticket, ticket.id).evolve(state="closed", unsolved=True))

    assert (closed.solved_at, closed.resolution_due) == (None, None)
    timer = timers(events(crm, ticket))["resolution", 1]
    assert (timer.fulfilled_at, timer.cancelled_at) == (None, crm.now())
    assert timer.elapsed(crm.now() + timedelta(days=9)) == timedelta(hours=1)


def test_what_is_opened_again_is_not_closed_unsolved_any_more(open_crm, clock):
    crm = open_crm()
    ticket = opened(crm, state="solved", unsolved=True)
    clock.tick(hours=1)

    with crm.transaction() as tx:
        again = tx.update(tx.get(Ticket, ticket.id).evolve(state="open"))
    with crm.transaction() as tx:
        solved = tx.update(again.evolve(state="solved"))

    assert (again.unsolved, solved.solved_at) == (False, crm.now())
    assert timers(events(crm, ticket))["resolution", 1].fulfilled_at == crm.now()


def test_a_ticket_of_saturday_evening_is_due_on_monday_at_ten(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        promised(tx, first_response=60)
    saturday = datetime(2026, 2, 28, 20, tzinfo=UTC)
    ticket = opened(crm, opened_at=saturday)
    assert ticket.first_response_due == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_the_first_policy_that_matches_counts(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="기본", position=9, first_response=600))
        tx.add(Policy(name="급한 환불", position=1, priorities=("urgent",), topics=("refund",)))
        vip = tx.add(Policy(name="단골", position=2, tags=("vip",)))
        park = tx.add(Customer(name="박서준", tags=("vip",)))
    by_tag, plain = opened(crm, customer_id=park.id), opened(crm, topic="refund")
    assert by_tag.policy_id == vip.id
    assert crm.get(Policy, plain.policy_id).name == "기본"
    with crm.transaction() as tx:
        now_urgent = tx.update(plain.evolve(priority="urgent"))
    assert crm.get(Policy, now_urgent.policy_id).name == "급한 환불"
    assert now_urgent.first_response_due is None


def test_a_promise_stands_though_its_policy_changes(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        policy = promised(tx, first_response=60)
    ticket = opened(crm)
    with crm.transaction() as tx:
        tx.update(policy.evolve(first_response=5))
        after = tx.update(ticket.evolve(assignee="minji"))
    assert after.first_response_due == ticket.first_response_due


def test_an_answer_ends_the_first_response_and_the_next_question_begins_another(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="벽시계", position=1, first_response=60, next_reply=30))
    ticket = opened(crm)
    clock.tick(minutes=10)
    with crm.transaction() as tx:
        reply(tx, ticket, "확인하겠습니다")
    assert crm.get(Ticket, ticket.id).state == "open"
    clock.tick(minutes=5)
    said(crm, ticket)
    asked = crm.get(Ticket, ticket.id)
    assert asked.next_reply_due == clock() + timedelta(minutes=30)
    clock.tick(minutes=7)
    with crm.transaction() as tx:
        reply(tx, asked, "보냈습니다")
    known = timers(events(crm, ticket))
    assert known["first_response", 1].elapsed(clock()) == timedelta(minutes=10)
    assert known["next_reply", 1].elapsed(clock()) == timedelta(minutes=7)
    assert crm.get(Ticket, ticket.id).next_reply_due is None


def test_what_a_machine_says_answers_nobody(open_crm, clock):
    crm = open_crm()
    ticket = opened(crm)
    said(crm, ticket, direction="out", added={"operational.automatic": True})
    with crm.transaction() as tx:
        note(tx, tx.get(Ticket, ticket.id), "내부 메모")
    run_workers(crm, once=True)
    assert crm.get(Ticket, ticket.id).answered_at is None


def test_the_clock_of_a_resolution_stands_still_while_a_ticket_is_pending(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="벽시계", position=1, resolution=120))
    ticket = opened(crm)
    clock.tick(minutes=30)
    with crm.transaction() as tx:
        pending = set_state(tx, ticket, "pending")
    assert pending.resolution_due is None
    clock.tick(minutes=60)
    said(crm, pending)
    back = crm.get(Ticket, ticket.id)
    assert (back.state, back.resolution_due) == ("open", clock() + timedelta(minutes=90))


def test_a_solved_ticket_that_comes_back_goes_on(open_crm, clock):
    crm = open_crm()
    ticket = opened(crm)
    clock.tick(hours=1)
    with crm.transaction() as tx:
        [done] = solve(tx, ticket)
    assert done.solved_at == clock()
    clock.tick(hours=2)
    said(crm, done)
    back = crm.get(Ticket, ticket.id)
    assert (back.state, back.solved_at) == ("open", None)
    clock.tick(hours=3)
    with crm.transaction() as tx:
        solve(tx, back)
    known = timers(events(crm, ticket))
    assert known["requester_wait", 1].elapsed(clock()) == timedelta(hours=4)
    assert known["resolution", 1].elapsed(clock()) == timedelta(hours=6)


def test_a_promise_that_is_broken_is_recorded_once_as_of_when_it_was(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="벽시계", position=1, first_response=60))
    ticket = opened(crm)
    clock.tick(hours=5)
    for _ in range(2):
        run_workers(crm, once=True)
        clock.tick(hours=1)
    with crm.transaction() as tx:
        reply(tx, ticket, "늦었습니다")
    broken = [each.at for each in events(crm, ticket) if each.type == "breach"]
    assert broken == [ticket.first_response_due]


def test_an_answer_that_comes_late_says_so_though_no_worker_ran(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="벽시계", position=1, first_response=60))
    ticket = opened(crm)
    clock.tick(hours=5)
    with crm.transaction() as tx:
        reply(tx, ticket, "늦었습니다")
    assert [each.at for each in events(crm, ticket) if each.type == "breach"] == [
        ticket.first_response_due
    ]


def test_who_has_a_ticket_starts_and_ends_no_clock(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="벽시계", position=1, first_response=60, resolution=120))
    ticket = opened(crm)
    before = events(crm, ticket)
    clock.tick(hours=5)
    with crm.transaction() as tx:
        given = tx.update(ticket.evolve(assignee="minji"))
        back = tx.update(given.evolve(assignee=None, excluded=("minji",)))
    assert (given.queued_at, back.queued_at) == (None, clock())
    for each in (given, back):
        assert each.first_response_due == ticket.first_response_due
        assert each.resolution_due == ticket.resolution_due
    assert events(crm, ticket) == before
    with crm.transaction() as tx:
        reply(tx, back, "늦었습니다")
    broken = [(each.metric, each.at) for each in events(crm, ticket) if each.type == "breach"]
    assert broken == [
        ("first_response", ticket.first_response_due),
        ("resolution", ticket.resolution_due),
    ]


@pytest.mark.parametrize("then", [{"assignee": "minji"}, {"state": "solved"}])
def test_nothing_is_late_while_its_clock_stands_still(open_crm, clock, then):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="벽시계", position=1, resolution=120))
    ticket = opened(crm)
    clock.tick(minutes=30)
    with crm.transaction() as tx:
        pending = set_state(tx, ticket, "pending")
    clock.tick(hours=10)
    with crm.transaction() as tx:
        tx.update(pending.evolve(**then))
    run_workers(crm, once=True)
    assert "breach" not in [each.type for each in events(crm, ticket)]
    assert timers(events(crm, ticket))["requester_wait", 1].elapsed(clock()) == timedelta(
        minutes=30
    )


def test_a_history_is_taken_as_it_was(open_crm, clock):
    crm = open_crm()
    start = datetime(2020, 1, 6, 9, tzinfo=UTC)
    ticket = opened(crm, opened_at=start)
    for hours, state in ((1, "open"), (2, "pending"), (5, "open"), (6, "solved"), (9, "closed")):
        with crm.transaction(effective=start + timedelta(hours=hours)) as tx:
            now = tx.get(Ticket, ticket.id)
            set_state(tx, now, state, at=start + timedelta(hours=hours))
    done = crm.get(Ticket, ticket.id)
    assert (done.state, done.solved_at) == ("closed", start + timedelta(hours=6))
    known = timers(events(crm, ticket))
    assert known["resolution", 1].elapsed(clock()) == timedelta(hours=6)
    assert known["requester_wait", 1].elapsed(clock()) == timedelta(hours=3)


def test_a_ticket_opened_from_a_contact_knows_what_was_said_since(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        kim = tx.add(Customer(name="김하늘"))
        contact = tx.add(
            Interaction(customer_id=kim.id, channel="email", happened_at=clock(), thread="t")
        )
        tx.add(
            Interaction(
                customer_id=kim.id,
                channel="email",
                direction="out",
                happened_at=clock() + timedelta(minutes=20),
                thread="t",
            )
        )
        clock.tick(hours=1)
        ticket = open_ticket(tx, "환불", contact)
    assert (ticket.customer_id, ticket.opened_at) == (kim.id, contact.happened_at)
    known = timers(events(crm, ticket))
    assert known["first_response", 1].elapsed(clock()) == timedelta(minutes=20)


@pytest.mark.parametrize("by", ["give", "update"])
def test_what_was_measured_belongs_to_the_customer_of_the_ticket(open_crm, by):
    crm = open_crm()
    ticket = opened(crm)
    with crm.transaction() as tx:
        park = tx.add(Customer(name="박서준"))
        tx.add(
            RoutingDecision(
                ticket_id=ticket.id,
                customer_id=ticket.customer_id,
                at=crm.clock(),
                outcome="queued",
            )
        )
        if by == "give":
            give(tx, ticket, park.id)
        else:
            tx.update(ticket.evolve(customer_id=park.id))
    run_workers(crm, once=True)
    assert {each.customer_id for each in events(crm, ticket)} == {park.id}
    assert {each.customer_id for each in crm.find(RoutingDecision)} == {park.id}


@pytest.mark.parametrize(
    ("values", "text"),
    [({"state": "open"}, "stays closed"), ({"parent_id": "self"}, "a case of itself")],
)
def test_what_cannot_be_is_refused_in_a_sentence(open_crm, values, text):
    crm = open_crm()
    ticket = opened(crm, state="closed")
    wanted = {name: ticket.id if each == "self" else each for name, each in values.items()}
    with pytest.raises(InvalidRecords, match=text), crm.transaction() as tx:
        tx.update(ticket.evolve(**wanted))
    assert crm.get(Ticket, ticket.id) == ticket


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"priorities": ("Urgent",)}, "no priority"),
        ({"resolution": 0}, "minutes from 1 on"),
        ({"pauses": ("solved",)}, "no state that pauses"),
        ({"name": " "}, "needs a name"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(open_crm, values, text):
    crm = open_crm()
    with pytest.raises(InvalidRecords, match=text), crm.transaction() as tx:
        tx.add(Policy(**{"name": "x", "position": 1} | values))


def test_nothing_is_solved_twice_nor_answered_once_it_is_closed(open_crm):
    crm = open_crm()
    ticket = opened(crm, state="closed")
    with crm.transaction() as tx:
        with pytest.raises(CrmError, match="closed already"):
            solve(tx, ticket)
        with pytest.raises(CrmError, match="open another"):
            reply(tx, ticket, "네")


def test_the_cases_of_a_problem_are_solved_with_it(open_crm):
    crm = open_crm()
    problem = opened(crm)
    case, other = opened(crm, parent_id=problem.id), opened(crm)
    with crm.transaction() as tx:
        solve(tx, problem, with_cases=True)
    states = [crm.get(Ticket, each.id).state for each in (problem, case, other)]
    assert states == ["solved", "solved", "new"]


# The law: what events say is what the journal says ---------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.integers(1, 3_000),
        st.sampled_from(["new", "open", "pending", "on_hold", "solved", "ask", "answer"]),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(STEPS)
def test_every_figure_is_what_a_look_at_each_stretch_of_the_history_says(steps):
    clock = FakeClock()
    with CRM.open("memory://", plugins=["service"], config=Config(), clock=clock) as crm:
        with crm.transaction() as tx:
            promised(tx, first_response=60, resolution=600)
        ticket = opened(crm)
        states, answers, asks = [(clock(), "new")], [], []
        for minutes, what in steps:
            clock.tick(minutes=minutes)
            now = crm.get(Ticket, ticket.id)
            with crm.transaction() as tx:
                if what == "ask":
                    tx.update(now.evolve(asked_at=clock()))
                    asks.append(clock())
                elif what == "answer":
                    tx.update(now.evolve(answered_at=clock()))
                    answers.append(clock())
                elif what != now.state:
                    set_state(tx, now, what)
                    states.append((clock(), what))
        clock.tick(minutes=17)
        known, end = timers(events(crm, ticket)), clock()
        for metric, still in (
            ("requester_wait", {"pending", "solved"}),
            ("agent_work", {"pending", "on_hold", "solved"}),
        ):
            plain = timedelta()
            for (begins, state), (ends, _) in zip(states, [*states[1:], (end, "")], strict=True):
                plain += timedelta() if state in still else ends - begins
            assert known[metric, 1].elapsed(end) == plain
        first_solved = min((at for at, state in states if state == "solved"), default=end)
        first = min([*answers, end])
        timer = known["first_response", 1]
        assert (timer.fulfilled_at is not None) == (bool(answers) and first < first_solved)
        assert timer.elapsed(end) == min(first, first_solved) - ticket.opened_at
        business = clock_of(crm, next(iter(crm.find(Calendar))).id)
        run_workers(crm, once=True)
        worked, at_last = timedelta(), states[-1][0] if states[-1][1] == "solved" else end
        for (begins, state), (ends, _) in zip(states, [*states[1:], (at_last, "")], strict=True):
            if state in ("new", "open"):
                worked += business.elapsed(begins, ends)
        is_late = timers(events(crm, ticket))["resolution", 1].breached_at is not None
        assert is_late if worked > timedelta(minutes=600) else True
        assert worked >= timedelta(minutes=600) if is_late else True
        for each in known.values():
            middle = each.started_at + (end - each.started_at) / 3
            before, after = each.elapsed(middle, business), each.elapsed(end, business)
            assert timedelta() <= before <= after <= each.elapsed(end)
