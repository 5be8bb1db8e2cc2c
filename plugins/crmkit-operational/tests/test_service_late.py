"""What becomes known after it happened, and other corners of the clocks."""

from datetime import timedelta

import pytest
from crmkit_operational.service.kinds import MetricEvent, Policy, Ticket
from crmkit_operational.service.metrics import timers
from crmkit_operational.service.opening import open_ticket, reply, set_state, solve
from crmkit_operational.service.reporting import measure, nearest_rank
from crmkit_operational.service.stages import states_of

from crmkit import Interaction, where
from crmkit.worker import run_workers


@pytest.fixture
def crm_plugins():
    return ["service"]


def opened(crm, **targets):
    with crm.transaction() as tx:
        tx.add(Policy(name="벽시계", position=1, **targets))
        return open_ticket(tx, "환불")


def said(crm, ticket, at, direction):
    with crm.transaction() as tx:
        made = {"channel": "email", "thread": ticket.thread, "direction": direction}
        tx.add(Interaction(happened_at=at, body="?", **made))
    run_workers(crm, once=True)
    return crm.get(Ticket, ticket.id)


def known(crm, ticket):
    return timers(crm.find(MetricEvent, where.ticket_id == ticket.id))


def test_an_answer_that_becomes_known_after_the_end_was_the_first_response(crm, clock):
    ticket = opened(crm, first_response=60)
    clock.tick(hours=5)
    run_workers(crm, once=True)
    with crm.transaction() as tx:
        solve(tx, tx.get(Ticket, ticket.id))
    clock.tick(hours=1)
    said(crm, ticket, ticket.opened_at + timedelta(minutes=20), "out")
    first = known(crm, ticket)["first_response", 1]
    assert first.elapsed(clock()) == timedelta(minutes=20)
    assert not first.is_late
    [found, *_] = measure(crm, ticket.opened_at, clock())
    assert (found.kept, found.broken, found.cancelled) == ((ticket.id,), (), ())


@pytest.mark.parametrize("end", ["answered", "solved"])
def test_a_question_that_is_past_when_it_becomes_known_starts_no_clock(crm, clock, end):
    ticket = opened(crm, next_reply=30)
    clock.tick(hours=1)
    with crm.transaction() as tx:
        reply(tx, ticket, "네")
        if end == "solved":
            solve(tx, tx.get(Ticket, ticket.id))
    clock.tick(hours=1)
    after = said(crm, ticket, ticket.opened_at + timedelta(minutes=30), "in")
    assert after.next_reply_due is None
    assert ("next_reply", 1) not in known(crm, ticket)


def test_what_was_said_before_the_opening_is_not_about_the_ticket(crm, clock):
    ticket = opened(crm)
    after = said(crm, ticket, ticket.opened_at - timedelta(minutes=1), "out")
    assert after.answered_at is None


@pytest.mark.parametrize(
    ("pauses", "hours"),
    [(("pending", "on_hold"), 2), (("pending",), 4), (("on_hold",), 5), ((), 7)],
)
def test_only_the_states_that_the_policy_names_move_what_is_due(crm, clock, pauses, hours):
    """2 hours open of 7, 3 pending and 2 on hold: what is left of 10 hours tells what counted."""
    ticket = opened(crm, resolution=600, pauses=pauses)
    for state, length in (("pending", 3), ("on_hold", 2), ("open", 1)):
        clock.tick(hours=1 if state == "pending" else 0)
        with crm.transaction() as tx:
            set_state(tx, tx.get(Ticket, ticket.id), state)
        clock.tick(hours=length)
    assert crm.get(Ticket, ticket.id).resolution_due == clock() + timedelta(hours=10 - hours)


def test_a_ticket_that_somebody_has_waits_for_nobody(crm):
    ticket = opened(crm)
    with crm.transaction() as tx:
        after = tx.update(ticket.evolve(assignee="minji"))
    assert (after.queued_at, after.queue_key) == (None, None)


def test_a_quantile_is_the_value_at_its_rank():
    times = [timedelta(hours=each) for each in (4, 1, 3, 2, 5)]
    assert [nearest_rank(times, each) / timedelta(hours=1) for each in (0.2, 0.75, 0.9)] == [
        1,
        4,
        5,
    ]


def test_a_promise_that_is_open_is_not_kept_yet(crm, clock):
    ticket = opened(crm, resolution=600)
    clock.tick(hours=1)
    assert [each.kept for each in measure(crm, ticket.opened_at, clock())] == [(), (), (), ()]


def test_a_state_began_when_it_is_said_to_have_begun(crm, clock):
    ticket = opened(crm)
    clock.tick(hours=5)
    with crm.transaction() as tx:
        set_state(tx, ticket, "open", at=ticket.opened_at + timedelta(hours=2))
    stays = states_of(crm, crm.get(Ticket, ticket.id))
    assert [each.length(clock()) for each in stays] == [timedelta(hours=2), timedelta(hours=3)]


def test_what_is_due_at_the_moment_of_a_look_is_late_at_the_next(crm, clock):
    ticket = opened(crm, first_response=60)
    for minutes in (60, 1):
        clock.tick(minutes=minutes)
        run_workers(crm, once=True)
    assert known(crm, ticket)["first_response", 1].breached_at == ticket.first_response_due
