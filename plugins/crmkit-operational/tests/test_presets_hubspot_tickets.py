"""Tickets of HubSpot: their stages as states, whose they are, and the real tables of a connector and pages of the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_exchange.importing.undoing import undo
from crmkit_operational.service.kinds import MetricEvent, Ticket
from crmkit_operational.service.reporting import measure
from importing import KIM, Importer

from crmkit import CRM, Config, Customer, where

TABLES = {
    "ticket.csv": """id,is_deleted,property_createdate,property_closed_date,property_first_agent_reply_date,property_hs_pipeline_stage,property_hs_ticket_priority,property_hubspot_owner_id,property_subject,property_content
1,FALSE,2024-03-01 09:00:00,2024-03-03 09:00:00,2024-03-01 10:00:00,4,MEDIUM,70,The mill jams,It smells
2,FALSE,2024-03-01 09:00:00,,,77,,,Made by the account,
3,FALSE,2024-03-02 09:00:00,2024-03-02 09:00:00,,77,URGENT,,Closed at once,
4,FALSE,2024-03-02 09:00:00,2024-03-01 09:00:00,,4,,,Closed before,
5,TRUE,2024-03-02 09:00:00,,,1,,,Thrown away,
6,FALSE,,,,1,,,No time,
7,FALSE,2024-03-02 09:00:00,,,2,WHENEVER,,No such priority,
""",
    "ticket_property_history.csv": """ticket_id,name,source,source_id,timestamp_instant,value
1,hs_pipeline_stage,API,1,2024-03-02 09:00:00,2
1,hs_pipeline_stage,API,1,2024-03-01 09:00:00,1
1,hs_pipeline_stage,API,1,2024-03-03 09:00:00,4
1,hs_pipeline_stage,API,1,2024-03-02 15:00:00,77
1,hs_ticket_priority,API,1,2024-03-01 09:00:00,HIGH
1,hs_ticket_priority,API,1,never,LOW
1,hs_ticket_rating,API,1,2024-03-01 09:00:00,5
9,hs_pipeline_stage,API,1,2024-03-01 09:00:00,1
""",
    "contact.csv": "id,property_email,property_lastname\n5,ada@northwind.example,Bell\n",
    "company.csv": "id,property_name,property_domain\n6,Northwind,northwind.example\n",
    "ticket_contact.csv": "ticket_id,contact_id,_fivetran_synced\n1,5,2024-04-01\n9,5,2024-04-01\n",
    "ticket_company.csv": "ticket_id,company_id,_fivetran_synced\n1,6,2024-04-01\n2,6,2024-04-01\n",
}


@pytest.fixture
def bring(tmp_path: Path) -> Iterator[Importer]:
    with CRM.open("memory://", plugins=["exchange", "service"], config=Config()) as crm:
        yield Importer(crm, tmp_path)


def tables(folder: Path) -> list[Path]:
    for name, text in TABLES.items():
        (folder / name).write_text(text)
    return [folder / name for name in reversed(TABLES)]


def at(day: int, hour: int) -> datetime:
    return datetime(2024, 3, day, hour, tzinfo=UTC)


def ticket(crm: CRM, id: str) -> Ticket:
    [found] = crm.find(Ticket, where.source == "hubspot", where.external_id == id)
    return found


def test_tickets_tell_on_which_stages_they_were_and_whose_they_are(bring: Importer):
    done = bring(*tables(bring.folder))

    assert {name: each.sums for name, each in done.items()} == {
        "hubspot-contacts": (1, 1, 0, 0, 0),
        "hubspot-companies": (1, 1, 0, 0, 0),
        "hubspot-ticket": (7, 5, 0, 1, 1),
        "hubspot-ticket-history": (8, 0, 3, 4, 1),
        "hubspot-ticket-now": (7, 0, 3, 1, 3),
        "hubspot-ticket-contact": (2, 0, 1, 1, 0),
        "hubspot-ticket-company": (2, 0, 1, 1, 0),
    }
    crm, jam = bring.crm, ticket(bring.crm, "1")
    moves = [each for each in crm.history(Ticket, jam.id) if "state" in (each.delta or {})]
    assert [(each.effective, each.delta["state"][1]) for each in moves] == [
        (at(2, 9), "pending"),
        (at(3, 9), "solved"),
    ]
    assert (jam.priority, jam.assignee, jam.answered_at) == ("normal", "70", at(1, 10))
    customers = [crm.get(Customer, ticket(crm, each).customer_id).name for each in "12"]
    assert customers == ["Bell", "Northwind"]


def test_the_stages_of_an_account_are_open_until_the_ticket_was_closed(bring: Importer):
    bring(*tables(bring.folder))

    own, closed = ticket(bring.crm, "2"), ticket(bring.crm, "3")
    assert (own.state, own.state_since) == ("open", at(1, 9))
    assert (closed.state, closed.solved_at, closed.priority) == ("solved", at(2, 9), "urgent")


def test_what_is_left_out_is_named_with_the_reason(bring: Importer):
    done = bring(*tables(bring.folder))

    reasons = {
        name: {each.draft.item.number: each.reason for each in done[name].outcomes}
        for name in ("hubspot-ticket", "hubspot-ticket-now", "hubspot-ticket-history")
    }
    began, now, changes = reasons.values()
    assert "does not say since when" in began[6]
    assert now[4] == "says that it was closed before it was created: one of its times is wrong"
    assert now[7] == "says that its priority is 'WHENEVER', which is none here"
    assert began[5] == now[5] == "was deleted in HubSpot"
    assert changes[4].startswith("tells of the stage '77', which the account has made")
    assert (
        changes[7] == "tells of 'hs_ticket_rating', which is not taken from the history of tickets"
    )
    assert (changes[2], changes[8]) == (
        "it is here already, and is the same",
        "there is no such record here yet",
    )


def test_the_first_answer_and_the_resolution_are_measured(bring: Importer):
    bring(*tables(bring.folder))

    jam = ticket(bring.crm, "1").id
    figures = {each.metric: each for each in measure(bring.crm, at(1, 0), at(31, 0))}
    took = {name: [s.wall for s in each.spans if s.ticket == jam] for name, each in figures.items()}
    # Created on the 1st at 9, answered at 10, pending from the 2nd at 9, closed on the 3rd at 9.
    assert took == {
        "first_response": [timedelta(hours=1)],
        "resolution": [timedelta(days=2)],
        "requester_wait": [timedelta(days=1)],
        "agent_work": [timedelta(days=1)],
    }


@pytest.mark.parametrize("step", [1, -1])
def test_twice_is_once_and_undoing_leaves_nothing(bring: Importer, step: int):
    paths = tables(bring.folder)[::step]
    done = bring(*paths)
    again = bring(*paths)
    assert {each.sums[1:3] for each in again.values()} == {(0, 0)}

    for each in sorted(done.values(), key=lambda each: each.run.id, reverse=True):
        assert undo(bring.crm, KIM, each.run).kept == []
    assert [bring.crm.count(each) for each in (Ticket, MetricEvent, Customer)] == [0, 0, 0]


def test_tickets_of_the_api_and_of_an_exported_table_are_read(bring: Importer, data: Path):
    table = bring.folder / "export.csv"
    table.write_text(
        "Ticket ID,Ticket name,Pipeline,Ticket status,Create date,Close date,Priority\n"
        "7,Hours?,Support,Waiting on us,2024-03-01 09:00,,High\n"
    )
    page = data / "06_exports" / "hubspot_dlt" / "mock_tickets_data.json"
    done = bring(page, table)

    assert {name: each.sums for name, each in done.items()} == {
        "hubspot-ticket": (2, 2, 0, 0, 0),
        "hubspot-ticket-now": (2, 0, 2, 0, 0),
        "hubspot-ticket-table": (1, 1, 0, 0, 0),
        "hubspot-ticket-table-now": (1, 0, 1, 0, 0),
    }
    found = {each.subject: (each.state, each.priority) for each in bring.crm.find(Ticket)}
    assert found == {
        "Barry Smallridge": ("new", "high"),
        "Griffith Ticehurst": ("solved", "high"),
        "Hours?": ("open", "high"),
    }


def test_every_row_of_the_real_tables_is_brought_or_says_why_not(bring: Importer, data: Path):
    done = bring(*sorted((data / "06_exports" / "fivetran_hubspot").glob("ticket_*.csv")))

    assert {name: each.sums for name, each in done.items()} == {
        "hubspot-ticket": (25, 25, 0, 0, 0),
        # What the rest refers to are tickets 1 to 9, and those are not in the table.
        "hubspot-ticket-company": (9, 0, 0, 9, 0),
        "hubspot-ticket-contact": (9, 0, 0, 9, 0),
        "hubspot-ticket-deal": (9, 0, 0, 9, 0),
        "hubspot-ticket-engagement": (9, 0, 0, 9, 0),
        "hubspot-ticket-pipeline": (9, 0, 0, 9, 0),
        "hubspot-ticket-pipeline-stage": (15, 0, 0, 15, 0),
        # Eleven properties with made-up names, two pipelines, two stages of an account's own.
        "hubspot-ticket-history": (15, 0, 0, 15, 0),
        "hubspot-ticket-now": (25, 0, 24, 0, 1),
    }
    assert all(
        each.reason for found in done.values() for each in found.outcomes if each.action == "skip"
    )
    whole = datetime(2020, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
    answered, solved, *_ = measure(bring.crm, *whole)
    # 15:02:38 to 15:37:44, 12:54:52 to 17:39:16 and 08:15:00 to 09:02:17; the fourth answer is of the row that is refused.
    assert sorted(each.wall for each in answered.done) == [
        timedelta(minutes=35, seconds=6),
        timedelta(minutes=47, seconds=17),
        timedelta(hours=4, minutes=44, seconds=24),
    ]
    assert (len(solved.done), len(solved.open)) == (22, 3)
