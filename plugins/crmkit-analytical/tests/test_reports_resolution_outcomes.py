"""How well tickets are solved: against a plain recomputation from the timers of each ticket."""

from __future__ import annotations

from datetime import timedelta

import pytest
from crmkit_analytical.report.asking import ask
from crmkit_analytical.statistics.intervals import wilson
from crmkit_analytical.statistics.quantiles import nearest_rank
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lives import LIVES, Desk, Life, kinds, of_priority
from test_reports_resolution import desk_in, in_memory

from crmkit import Interaction, ValueRefused, where

HOUR = timedelta(hours=1)
PROMISES = {
    "first_response_in_time": "first_response",
    "next_reply_in_time": "next_reply",
    "resolution_in_time": "resolution",
}


def came_back(reader, ticket, solved, days):
    """Whether the customer opened another ticket of the topic, or wrote in the thread, within so many days."""
    until = solved + timedelta(days=days)
    others = [
        each.opened_at
        for each in reader.find(kinds.Ticket, where.customer_id == ticket.customer_id)
        if (each.topic or "") == (ticket.topic or "")
    ]
    said = [
        each.happened_at
        for each in reader.find(Interaction, where.thread == ticket.thread)
        if each.direction.value == "in"
    ]
    return any(max(solved, ticket.opened_at) < each <= until for each in others + said)


def reopened(events):
    """Whether it began again after it was reached: two beginnings in a row are none."""
    has_begun = is_reached = is_again = False
    for event in (each for each in events if each.metric == "resolution"):
        is_reached |= has_begun and event.type == "fulfill"
        is_again |= is_reached and event.type == "activate"
        has_begun |= event.type == "activate"
    return is_again


def plainly(reader, days=7, keep=lambda ticket: True):
    """Figure -> (ids that it counts, ids that it counts among), ticket by ticket."""
    from crmkit_operational.service.metrics import in_order, timers

    names = ("solved", "first_contact", "reopened", *PROMISES, "backlog")
    found = {name: ([], []) for name in names}
    for ticket in reader.find(kinds.Ticket, order="id"):
        if not keep(ticket):
            continue

        def count(name, is_counted, id=ticket.id):
            found[name][1].append(id)
            if is_counted:
                found[name][0].append(id)

        events = in_order(reader.find(kinds.MetricEvent, where.ticket_id == ticket.id))
        known = timers(events)
        whole = known["resolution", 1]
        ends = [e.at for e in events if e.metric == "resolution" and e.type == "fulfill"]
        count("solved", whole.fulfilled_at is not None)
        count("backlog", not whole.is_over)
        if ends:
            count("reopened", reopened(events))
        judged = [max(end, ticket.opened_at) for end in ends[:1] if ticket.customer_id]
        if judged and judged[0] + timedelta(days=days) <= reader.now():
            is_back = reopened(events) or came_back(reader, ticket, judged[0], days)
            count("first_contact", not is_back)
        for name, metric in PROMISES.items():
            for timer in (each for each in known.values() if each.metric == metric):
                if timer.is_late or (timer.due and timer.fulfilled_at):
                    count(name, not timer.is_late)
    return {name: each for name, each in found.items() if each[1]}


def told(answer, group=None):
    """The figures of an answer as `plainly` has them, and whether its rows agree with their ids."""
    found = {}
    for row in answer.rows:
        if row.get("group") != group:
            continue
        name = str(row["figure"]) if group is None else f"{group}: {row['figure']}"
        counted, of = (list(answer.explained.ids[each]) for each in (name, f"{name}, of"))
        assert (row["count"], row["of"]) == (len(counted), len(of))
        assert (row["low"], row["high"]) == wilson(row["count"], row["of"])
        found[str(row["figure"])] = (counted, of)
    return found


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(lives=LIVES, wait=st.integers(0, 20), days=st.integers(1, 12))
def test_every_figure_is_that_of_the_timers_of_service(lives, wait, days):
    desk = in_memory()
    desk.live(lives)
    desk.clock.tick(days=wait)

    assert told(ask(desk.crm, "resolution-effectiveness", days=days)) == plainly(desk.crm, days)


def test_it_is_the_same_on_every_storage_and_after_changes(open_crm, clock):
    crm = open_crm(own=["analytical", "service"])
    desk = desk_in(crm, clock)
    desk.live([Life(HOUR, "high", None, 0, [(2 * HOUR, "reply"), (HOUR, "solved")], ())])
    clock.tick(days=8)
    assert told(ask(crm, "resolution-effectiveness")) == plainly(crm)
    assert plainly(crm)["first_contact"][0] != []

    [ticket] = crm.find(kinds.Ticket)
    desk.happen(ticket.id, "open")
    desk.live(
        [Life(HOUR, "low", "환불", 1, [(HOUR, "solved"), (HOUR, "ask"), (HOUR, "solved")], ())]
    )
    clock.tick(days=8)

    answer = ask(crm, "resolution-effectiveness", by="priority")
    for group in ("high", "low"):
        assert told(answer, group) == plainly(crm, keep=of_priority(group))


def first_contact(desk: Desk, **values):
    answer = ask(desk.crm, "resolution-effectiveness", **values)
    return {row["figure"]: (row["count"], row["of"]) for row in answer.rows}.get("first_contact")


def solved(wait=timedelta(), topic="환불", customer=0):
    return Life(wait, "normal", topic, customer, [(HOUR, "solved")], ())


def test_the_first_contact_did_not_solve_what_the_customer_asks_again_within_days():
    for wait, found in ((timedelta(days=7), (1, 2)), (timedelta(days=7, microseconds=1), (2, 2))):
        desk = in_memory()
        desk.live([solved(), solved(wait)])
        desk.clock.tick(days=7)
        assert first_contact(desk) == found


def test_another_topic_or_customer_is_nothing_new():
    desk = in_memory()
    desk.live([solved(), solved(topic="delivery"), solved(customer=1), solved(topic=None)])
    desk.clock.tick(days=7)

    assert first_contact(desk) == (4, 4)
    desk.live([solved(topic=None)])
    desk.clock.tick(days=7)
    assert first_contact(desk, days=14) is None or first_contact(desk, days=7)[1] == 5


def test_what_the_customer_writes_in_a_closed_ticket_counts_too():
    desk = in_memory()
    desk.live([Life(HOUR, "normal", None, 0, [(HOUR, "closed"), (HOUR, "ask")], ())])
    desk.clock.tick(days=7)

    assert first_contact(desk) == (0, 1)
    assert first_contact(desk, days=0.01) == (1, 1)


def test_what_was_solved_lately_and_what_is_nobodys_is_left_out_and_named():
    desk = in_memory()
    desk.live([solved(), solved(customer=None), Life(HOUR, "high", None, 1, (), ())])
    lately, nobodys, _ = (each.id for each in desk.crm.find(kinds.Ticket, order="opened_at"))

    explained = ask(desk.crm, "resolution-effectiveness").explained
    reasons = {each.reason: each.ids for each in explained.excluded}
    assert reasons["first_contact: solved less than 7.0 d ago"] == (lately,)
    assert reasons["first_contact: no customer"] == (nobodys,)
    assert len(reasons["resolution_in_time: nothing was promised"]) == 2
    assert len(reasons["resolution_in_time: promised, not known yet or not needed any more"]) == 1
    assert (explained.total, explained.parameters["days"]) == (3, 7)


def test_what_waits_has_its_age():
    desk = in_memory()
    desk.live([Life(each * HOUR, "normal", None, None, (), ()) for each in (1, 2, 40)])

    [row] = [
        row for row in ask(desk.crm, "resolution-effectiveness").rows if row["figure"] == "backlog"
    ]
    ages = [0.0, 40 * 3600.0, 42 * 3600.0]
    assert row["median_age"] == timedelta(seconds=nearest_rank(ages, 0.5))
    assert row["p90_age"] == timedelta(hours=42)


def test_it_concludes_nothing_from_too_little():
    desk = in_memory()
    desk.live([solved(), solved(timedelta(days=1)), Life(HOUR, "high", None, 1, (), ())])
    desk.clock.tick(days=7)

    few = ask(desk.crm, "resolution-effectiveness", until=desk.crm.now())
    assert not few.is_enough
    assert few.sentence == (
        "Only 3 tickets were opened before 2026-03-14 21:00; from 20 on this says how well they are solved."
    )
    enough = ask(desk.crm, "resolution-effectiveness", least=3)
    assert enough.is_enough
    assert enough.sentence == (
        "Of 3 tickets opened at any time, 66.7 % are solved (95 % interval 20.8 % to 93.9 %). "
        "The first contact solved 50.0 % of 2 (9.5 % to 90.5 %). 1 are open, half of them for 168 h 0 min or longer."
    )


def test_days_that_no_calendar_holds_are_refused():
    desk = in_memory()
    with pytest.raises(ValueRefused, match="give at most"):
        ask(desk.crm, "resolution-effectiveness", days=1e9)
