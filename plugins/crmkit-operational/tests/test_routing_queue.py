"""The order of the queue: the one that is stored is the one that is recomputed, and nobody starves."""

from datetime import UTC, datetime, timedelta

import pytest
from crmkit_operational.routing.queue import LEVELS, TOP, WAITING, breach, effective, key
from crmkit_operational.routing.running import tick
from crmkit_operational.service.kinds import Policy, Ticket
from hypothesis import given
from hypothesis import strategies as st

from crmkit import Config

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
FAR = datetime.max.replace(tzinfo=UTC)

moments = st.integers(0, 3_000).map(lambda minutes: START - timedelta(minutes=minutes))
dues = st.none() | st.integers(-500, 5_000).map(lambda minutes: START + timedelta(minutes=minutes))
tickets = st.builds(
    Ticket,
    subject=st.just("x"),
    priority=st.sampled_from(sorted(LEVELS)),
    opened_at=st.just(START),
    queued_at=moments,
    first_response_due=dues,
    next_reply_due=dues,
    resolution_due=dues,
)


def recomputed(waiting, now, ageing):
    """The order as one would write it down: all are sorted by what they are at this moment."""
    return sorted(
        waiting,
        key=lambda each: (
            -effective(each, now, ageing),
            breach(each) or FAR,
            each.queued_at,
            each.id,
        ),
    )


@given(st.lists(tickets, max_size=12), st.integers(1, 2_000), st.integers(0, 9_000))
def test_the_stored_order_is_the_recomputed_one_at_every_moment(waiting, ageing, later):
    stored = sorted(waiting, key=lambda each: (key(each, ageing), each.id))

    assert stored == recomputed(waiting, START + timedelta(minutes=later), ageing)


@given(tickets, tickets, st.integers(1, 2_000))
def test_nobody_is_overtaken_by_who_came_so_many_steps_later(one, other, ageing):
    late = one.queued_at + timedelta(minutes=ageing) * (TOP + 1)
    other = other.evolve(queued_at=late, first_response_due=START - timedelta(days=900))

    assert key(one, ageing) < key(other, ageing)


@given(tickets, st.integers(1, 2_000), st.integers(0, 9_000))
def test_a_ticket_gains_a_level_within_each_ageing_that_it_waits(ticket, ageing, minutes):
    now = ticket.queued_at + timedelta(minutes=minutes)
    gained = effective(ticket, now, ageing) - LEVELS[ticket.priority]

    assert minutes // ageing <= gained <= minutes // ageing + 1


def test_the_queue_is_paged_in_its_order_on_every_storage(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        for n in range(3):
            tx.add(Policy(name=f"{n}", position=n, channels=(f"{n}",), resolution=2_000 - 700 * n))
        made = tx.add_all(
            Ticket(
                subject=str(n),
                channel=str(n % 5),
                opened_at=START,
                priority=sorted(LEVELS)[n % 4],
                assignee="kim" if n % 9 == 8 else None,
                queued_at=START - timedelta(minutes=(n * 677) % 4_000),
            )
            for n in range(60)
        )
    waiting = [each for each in made if not each.assignee]
    assert len({breach(each) for each in waiting}) > 3

    found, after = [], None
    while True:
        page = crm.page(Ticket, WAITING, order="queue_key", limit=7, after=after)
        found += page.records
        after = page.after
        if after is None:
            break

    assert [each.id for each in found] == [each.id for each in recomputed(waiting, START, 1440)]


def test_the_key_follows_what_it_is_made_of(open_crm):
    crm = open_crm()
    with crm.transaction() as tx:
        tx.add(Policy(name="chat", position=1, channels=("chat",), next_reply=5, resolution=9))
        ticket = tx.add(Ticket(subject="x", opened_at=START, queued_at=START))
        first = ticket.queue_key
        ticket = tx.update(ticket.evolve(priority="urgent"))
        second = ticket.queue_key
        ticket = tx.update(ticket.evolve(channel="chat"))
        third = ticket.queue_key
        ticket = tx.update(ticket.evolve(state="pending"))
        pending = ticket.queue_key
        ticket = tx.update(ticket.evolve(state="open"))
        again = ticket.queue_key
        ticket = tx.update(ticket.evolve(assignee="kim"))

    assert second < first
    assert third < second
    assert pending is None
    assert again is not None
    assert ticket.queue_key is None


def test_another_ageing_makes_new_keys(open_crm, clock):
    crm = open_crm()
    with crm.transaction() as tx:
        made = tx.add_all(
            Ticket(
                subject="x", opened_at=START, priority=each, queued_at=START - timedelta(hours=n)
            )
            for n, each in enumerate(["urgent", "low", "normal", "high"])
        )
    if "durable" not in crm.storage.capabilities:
        pytest.skip("what is in memory is not opened twice")
    again = open_crm(config=Config(plugin={"service": {"ageing": 60}}))

    with again.transaction() as tx:
        tick(tx, clock())

    found = list(again.find(Ticket, WAITING, order="queue_key"))
    assert [each.id for each in found] == [each.id for each in recomputed(made, clock(), 60)]


@pytest.mark.parametrize(
    ("name", "value"), [("ageing", 0), ("skill_timeout", -1), ("strategy", "best")]
)
def test_settings_that_make_no_sense_are_refused(open_crm, name, value):
    with pytest.raises(ValueError, match=name):
        open_crm(config=Config(plugin={"service": {name: value}}))
