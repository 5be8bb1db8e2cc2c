"""`crm ticket clocks` and `crm ticket report` with what their figures are made of, as people and scripts type them."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from crmkit_operational.clock.kinds import Calendar, Holiday
from crmkit_operational.service.kinds import Policy, Ticket
from crmkit_operational.service.opening import open_ticket, reply, set_state, solve

MONDAY = datetime(2026, 3, 2, 15, tzinfo=UTC)


@pytest.fixture
def crm_plugins():
    return ["service"]


@pytest.fixture
def ticket(crm, clock):
    """Opened on Monday at 15:00, pending from 16:00 to Thursday 10:00; Tuesday is closed; 10 h are promised."""
    clock.set(MONDAY)
    week = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    with crm.transaction() as tx:
        calendar = tx.add(Calendar(name="desk", hours=week, timezone="UTC"))
        tx.add(Holiday(calendar_id=calendar.id, day=MONDAY.date() + timedelta(days=1), name="모임"))
        tx.add(Policy(name="p", position=1, calendar_id=calendar.id, resolution=600))
        made = open_ticket(tx, "환불")
    for hours, state in ((1, "pending"), (67, "open")):
        clock.set(MONDAY + timedelta(hours=hours))
        with crm.transaction() as tx:
            set_state(tx, tx.get(Ticket, made.id), state)
    return made


def answer(run, *arguments):
    return json.loads(run(*arguments, "--format", "json").stdout)


def sums(found):
    return {(each["metric"], each["what"]): each["passed"] / 3600 for each in found["accounts"]}


def test_each_clock_is_accounted_for_day_by_day(crm_cli, ticket):
    found = answer(crm_cli, "ticket", "clocks", ticket.id, "--explain")
    assert sums(found) == {
        ("first_response", "elapsed"): 2 + 8 + 1,
        ("resolution", "elapsed"): 2 + 8 + 1,
        ("resolution", "due"): 10,
        ("requester_wait", "elapsed"): 1,
        ("agent_work", "elapsed"): 1,
    }
    for each in found["accounts"]:
        assert sum(day["passed"] for day in each["days"]) == each["passed"]
    [whole] = [
        e for e in found["accounts"] if (e["metric"], e["what"]) == ("resolution", "elapsed")
    ]
    assert [day["because"][0]["name"] for day in whole["days"] if day["closed"]] == ["모임"]
    text = crm_cli("ticket", "clocks", ticket.id, "--explain").stdout
    assert "resolution 1 is due at" in text
    assert "closed: 모임" in text


def test_a_due_time_is_not_accounted_for_while_its_clock_stands_still(crm, crm_cli, ticket):
    with crm.transaction() as tx:
        set_state(tx, tx.get(Ticket, ticket.id), "on_hold")
    assert ("resolution", "due") not in sums(
        answer(crm_cli, "ticket", "clocks", ticket.id, "--explain")
    )


def test_an_account_ends_where_the_clock_was_stopped(crm, crm_cli, clock, ticket):
    """Pending, then solved from there: that time belongs to neither wait."""
    with crm.transaction() as tx:
        set_state(tx, tx.get(Ticket, ticket.id), "pending")
    clock.tick(hours=3)
    with crm.transaction() as tx:
        solve(tx, tx.get(Ticket, ticket.id))
    found = sums(answer(crm_cli, "ticket", "clocks", ticket.id, "--explain"))
    assert found["requester_wait", "elapsed"] == 1
    assert found["resolution", "elapsed"] == 2 + 8 + 4
    assert found["resolution", "due"] == 10


def test_a_report_follows_from_the_tickets_it_lists(crm, crm_cli, clock, ticket):
    with crm.transaction() as tx:
        others = [open_ticket(tx, f"{number}") for number in range(3)]
    for each in others[:2]:
        clock.tick(hours=6)
        with crm.transaction() as tx:
            reply(tx, tx.get(Ticket, each.id), "네")
            solve(tx, tx.get(Ticket, each.id))
    [first, resolution, *_] = answer(crm_cli, "ticket", "report", "--explain")
    assert (first["done"], first["open"], resolution["done"], resolution["open"]) == (2, 2, 2, 2)
    assert (resolution["median"], resolution["median_with_open"]) == (9, 12)
    for each in (first, resolution):
        assert sum(span["how"] == "done" for span in each["spans"]) == each["done"]
        assert sum(span["verdict"] == "kept" for span in each["spans"]) == each["kept"]
    text = crm_cli("ticket", "report", "--explain", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {each["ticket"] for each in rows} == {ticket.id, *(each.id for each in others)}
