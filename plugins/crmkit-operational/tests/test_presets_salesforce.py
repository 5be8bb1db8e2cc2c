"""Opportunities of Salesforce: with the stages that they stand in, and how they went from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_exchange.importing.undoing import undo
from crmkit_exchange.kinds import ExternalId
from crmkit_operational.sales.history import stage_history
from crmkit_operational.sales.kinds import Deal, LostReason, Pipeline, Stage
from importing import KIM, Done, Importer

from crmkit import CRM, Config, Customer, where

ACCOUNTS = "Id,Name,BillingCity\nA1,한빛전자,서울\n"
COLUMNS = (
    "id,account_id,amount,currency_iso_code,name,stage_name,probability,is_closed,is_won,close_date,"
    "created_date,owner_id,forecast_category_name,is_deleted,loss_reason_c,_fivetran_synced"
)
ROWS = [
    "O1,A1,1200000,KRW,에스프레소 머신,협상,65,false,false,2024-05-31 00:00:00,2024-03-01 09:00:00,U1,Best Case,false,,x",
    "O2,A1,2.4E7,KRW,그라인더,수주,1000,true,true,2024-04-10 00:00:00,2024-04-10 19:51:13,U1,Closed,false,,x",
    "O3,A9,500.5,USD,Beans,Closed Lost,0,true,false,2024-04-20 00:00:00,2024-03-05 10:00:00,U2,Omitted,false,가격,x",
    "O4,A1,,,Silence,Closed Lost,0,true,false,2024-04-21 00:00:00,2024-03-05 10:00:00,U2,Omitted,false,,x",
    "O5,A1,1,,Thrown away,협상,65,false,false,2024-04-21 00:00:00,2024-03-05 10:00:00,U2,Omitted,true,,x",
    "O6,A1,many,,Bad amount,협상,65,false,false,2024-04-21 00:00:00,2024-03-05 10:00:00,U2,Omitted,false,,x",
    "O7,A1,5,,No stage,,65,false,false,2024-04-21 00:00:00,2024-03-05 10:00:00,U2,Omitted,false,,x",
    "O8,A1,5,,Bad time,협상,65,false,false,2024-04-21 00:00:00,soon,U2,Omitted,false,,x",
    "O9,A1,5,,Sure of it,Prospecting,1000,false,false,2024-04-21 00:00:00,2024-03-05 10:00:00,U2,Pipeline,false,,x",
    "O10,A1,5,,Opened again,Prospecting,10,false,false,2024-04-21 00:00:00,2024-03-05 10:00:00,U2,Pipeline,false,가격,x",
]
STATES = [
    # since, until, amount, stage, probability, is_closed, is_won, close date, reason
    "2024-03-10 12:00:00,2024-03-20 08:59:59,1200000,Negotiation,60,false,false,2024-05-31,",
    "2024-03-01 09:00:00,2024-03-10 11:59:59,1000000,Prospecting,10,false,false,2024-05-01,",
    "2024-03-20 09:00:00,2024-04-01 00:00:00,1200000,Closed Lost,0,true,false,2024-03-20,Price",
    "2024-04-01 00:00:01,9999-12-31 23:59:59,900000,Closed Won,100,true,true,2024-04-01,Price",
]
CHANGES = """Id,OpportunityId,StageName,Amount,CloseDate,Probability,ForecastCategory,CreatedDate
h1,O1,Prospecting,1000000,2024-05-01,10,Pipeline,2024-03-01T09:00:00.400Z
h2,O1,Negotiation,1200000,2024-05-31,60,BestCase,2024-03-10T12:00:00.000Z
h3,O1,Closed Lost,1200000,2024-03-20,0,Omitted,2024-03-20T09:00:00.000Z
h4,O1,Closed Won,900000,2024-04-01,100,Closed,2024-04-01T00:00:01.000Z
h5,O7,Closed Won,900000,2024-04-01,100,Closed,2024-04-01T00:00:01.000Z
"""
WENT = [
    ("Prospecting", datetime(2024, 3, 1, 9, tzinfo=UTC), None),
    ("Negotiation", datetime(2024, 3, 10, 12, tzinfo=UTC), None),
    ("Closed Lost", datetime(2024, 3, 20, 9, tzinfo=UTC), "Price"),
    ("Closed Won", datetime(2024, 4, 1, 0, 0, 1, tzinfo=UTC), None),
]


@pytest.fixture
def bring(tmp_path: Path) -> Iterator[Importer]:
    with CRM.open("memory://", plugins=["exchange", "sales"], config=Config()) as crm:
        yield Importer(crm, tmp_path)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def opportunities(folder: Path, rows: list[str] = ROWS) -> list[Path]:
    table = "\n".join([COLUMNS, *rows, ""])
    return [write(folder, "opportunity.csv", table), write(folder, "account.csv", ACCOUNTS)]


def states(folder: Path, rows: list[str] = STATES) -> Path:
    columns = "_fivetran_start,_fivetran_end,amount,stage_name,probability,is_closed,is_won,close_date,loss_reason_c"
    same = "O1,A1,Machines,2024-03-01 09:00:00,U1,false,x"
    more = "id,account_id,name,created_date,owner_id,is_deleted,_fivetran_synced"
    table = [f"{columns},{more}", *(f"{each},{same}" for each in rows), ""]
    return write(folder, "history.csv", "\n".join(table))


def went(crm: CRM) -> list[tuple[str, datetime, str | None]]:
    """On which stages the only deal was since when, to the second, and why it was lost; stays of no time apart."""
    [deal] = crm.find(Deal)
    stays = stage_history(crm, deal.id)
    return [
        (each.stage.name, each.entered.replace(microsecond=0), each.reason)
        for each in stays
        if each.entered != each.left
    ]


def named(done: Done, action: str) -> dict[str, str]:
    """The reasons of the rows of which that became, by what the opportunity is called."""
    rows = (each for each in done.outcomes if each.action == action)
    return {each.draft.item.values["name"]: each.reason for each in rows}


def test_opportunities_become_deals_on_stages_that_are_made_of_them(open_crm: Any, tmp_path: Path):
    crm = open_crm("exchange", own=["sales"])
    bring = Importer(crm, tmp_path)
    done = bring(*opportunities(tmp_path))

    assert done["salesforce-opportunity"].sums == (10, 6, 0, 1, 3)
    stages = [(e.name, e.category, e.probability) for e in crm.find(Stage, order="position")]
    assert stages == [
        ("협상", "open", 65),
        ("Prospecting", "open", 100),
        ("수주", "won", 100),
        ("Closed Lost", "lost", 0),
    ]
    deals = {each.title: each for each in crm.find(Deal)}
    [pipeline] = crm.find(Pipeline)
    assert pipeline.name == "Salesforce"
    espresso, grinder = deals["에스프레소 머신"], deals["그라인더"]
    assert (str(espresso.amount), espresso.owner, str(espresso.expected_close)) == (
        "1,200,000 KRW",
        "U1",
        "2024-05-31",
    )
    assert crm.get(Customer, espresso.customer_id).name == "한빛전자"
    assert espresso.closed_at is None
    assert (str(grinder.amount), grinder.closed_at) == ("24,000,000 KRW", grinder.opened_at)
    assert str(deals["Beans"].amount) == "500.50 USD"
    reasons = {title: deals[title].lost_reason_id for title in ("Beans", "Silence", "Opened again")}
    names = {t: crm.get(LostReason, id).name if id else None for t, id in reasons.items()}
    assert names == {"Beans": "가격", "Silence": "No reason given", "Opened again": None}


def test_what_is_not_taken_is_named(bring: Importer):
    done = bring(*opportunities(bring.folder))["salesforce-opportunity"]

    assert named(done, "skip") == {"Thrown away": "was deleted in Salesforce"}
    invalid = named(done, "invalid")
    assert set(invalid) == {"Bad amount", "No stage", "Bad time"}
    assert "'many'" in invalid["Bad amount"]
    assert invalid["No stage"] == "has no value for stage_id"
    assert "'soon'" in invalid["Bad time"]
    notes = {each.title: each.notes for each in done.outcomes if each.notes}
    assert notes == {
        "Beans": ("customer_id: 'A9' is not here yet",),
        "Sure of it": ("probability: 1000 is no chance in percent; 100 was taken for the stage",),
        "Opened again": ("lost_reason_id: the deal is not lost in the stage 'Prospecting'",),
    }
    [external] = bring.crm.find(ExternalId, where.external_id == "O10")
    said = {name: external.details[name] for name in ("forecast_category_name", "loss_reason_c")}
    assert said == {"forecast_category_name": "Pipeline", "loss_reason_c": "가격"}


def test_a_second_import_changes_nothing_and_undoing_takes_all_back(bring: Importer):
    paths = opportunities(bring.folder)
    done = bring(*paths)
    before = bring.crm.changes()[-1].position
    again = bring(*paths)

    assert again["salesforce-opportunity"].sums == (10, 0, 0, 7, 3)
    assert {each.kind for each in bring.crm.changes(before)} == {"import_run"}
    for each in reversed(done.values()):
        assert undo(bring.crm, KIM, each.run).kept == []
    kinds = (Deal, Stage, Pipeline, LostReason, Customer, ExternalId)
    assert [bring.crm.count(each) for each in kinds] == [0] * 6


def test_a_stage_that_people_made_in_the_pipeline_is_taken_and_none_of_another(bring: Importer):
    with bring.crm.transaction() as tx:
        ours = tx.add(Pipeline(name="Ours"))
        tx.add(Stage(pipeline_id=ours.id, name="협상", position=1))
        theirs = tx.add(Pipeline(name="Salesforce"))
        made = tx.add(Stage(pipeline_id=theirs.id, name="협상", position=1, probability=40))
    bring(*opportunities(bring.folder, ROWS[:1]))

    [deal] = bring.crm.find(Deal)
    assert deal.stage_id == made.id
    assert (bring.crm.count(Stage), bring.crm.get(Stage, made.id).probability) == (2, 40)


def test_what_people_closed_here_stays_closed_then(bring: Importer):
    [path, accounts] = opportunities(bring.folder, [*ROWS[:1], ROWS[1]])
    bring(path, accounts)
    at = datetime(2024, 3, 20, 9, tzinfo=UTC)
    with bring.crm.transaction() as tx:
        [deal] = [each for each in tx.find(Deal) if each.title == "에스프레소 머신"]
        [won] = [each for each in tx.find(Stage) if each.category == "won"]
        tx.update(deal.evolve(stage_id=won.id, closed_at=at))
    later = ROWS[0].replace("1200000", "1300000").replace("2024-05-31", "2024-06-30")
    bring(write(bring.folder, "later.csv", f"{COLUMNS}\n{later}\n"))

    after = bring.crm.get(Deal, deal.id)
    assert (after.stage_id, after.closed_at, str(after.amount)) == (won.id, at, "1,300,000 KRW")


def test_a_stage_of_a_name_that_is_no_name_spoils_its_own_row_alone(bring: Importer):
    long = ROWS[1].replace("수주", "단" * 5000)
    done = bring(*opportunities(bring.folder, [ROWS[0], long, ROWS[3]]))["salesforce-opportunity"]

    assert done.sums == (3, 2, 0, 0, 1)
    [reason] = named(done, "invalid").values()
    assert "too long for a name" in reason


def test_states_of_a_connector_are_stays_at_their_times(bring: Importer):
    path = states(bring.folder)
    current = ROWS[0].replace(
        "협상,65,false,false,2024-05-31", "Closed Won,100,true,true,2024-04-01"
    )
    current = current.replace("에스프레소 머신", "Machines").replace("1200000", "900000")
    done = bring(*opportunities(bring.folder, [current]), path)

    assert done["salesforce-opportunity-states"].sums == (4, 1, 3, 0, 0)
    assert done["salesforce-opportunity"].sums == (
        1,
        0,
        1,
        0,
        0,
    )  # only a column that the other has not
    assert went(bring.crm) == WENT
    [deal] = bring.crm.find(Deal)
    assert (str(deal.amount), deal.closed_at) == ("900,000 KRW", datetime(2024, 4, 1, tzinfo=UTC))
    # 9 days and 3 hours on the first stage, as the rows say.
    stay = stage_history(bring.crm, deal.id)[0]
    assert stay.duration(datetime(2024, 5, 1, tzinfo=UTC)).total_seconds() == (9 * 24 + 3) * 3600


def test_the_stage_history_of_salesforce_tells_the_same_and_counts_once(bring: Importer):
    path = write(bring.folder, "changes.csv", CHANGES)
    bring(states(bring.folder))
    done = bring(path)["salesforce-opportunity-history"]

    assert done.sums == (5, 0, 0, 5, 0)
    assert went(bring.crm) == WENT


def test_the_stage_history_of_salesforce_tells_of_deals_that_are_here(bring: Importer):
    path = write(bring.folder, "changes.csv", CHANGES)
    done = bring(*opportunities(bring.folder, ROWS[:1]), path)["salesforce-opportunity-history"]

    assert done.sums == (5, 0, 4, 1, 0)
    assert done.outcomes[-1].reason == "there is no such record here yet"
    lost = ("Closed Lost", datetime(2024, 3, 20, 9, tzinfo=UTC), "No reason given")
    assert went(bring.crm) == [*WENT[:2], lost, WENT[3]]
    [deal] = bring.crm.find(Deal)
    assert deal.closed_at == datetime(2024, 4, 1, 0, 0, 1, tzinfo=UTC)


def test_a_report_and_a_file_of_the_data_loader_are_known(bring: Importer):
    report = "Opportunity ID,Opportunity Name,Stage,Close Date,Created Date,Account Name,Amount\n"
    loader = "Id,Name,StageName,CloseDate,CreatedDate,AccountId,Amount\n"
    paths = [
        write(
            bring.folder,
            "report.csv",
            f"{report}1,Beans,Closed Won,2024-04-01,2024-03-01,한빛전자,5\n",
        ),
        write(
            bring.folder,
            "loader.csv",
            f"{loader}2,Mugs,실주,2024-04-01,2024-03-01T09:00:00.000Z,A1,5\n",
        ),
        write(bring.folder, "account.csv", ACCOUNTS),
    ]
    done = bring(*paths)

    assert [each.sums for each in done.values()] == [(1, 1, 0, 0, 0)] * 3
    deals = {each.title: each for each in bring.crm.find(Deal)}
    stages = {title: bring.crm.get(Stage, each.stage_id) for title, each in deals.items()}
    assert {title: each.category for title, each in stages.items()} == {
        "Beans": "won",
        "Mugs": "lost",
    }
    assert len({each.customer_id for each in deals.values()} - {None}) == 1


def test_every_row_of_the_real_tables_says_that_it_was_deleted(bring: Importer, data: Path):
    folder = data / "06_exports" / "fivetran_salesforce"
    done = bring(*(folder / f"sf_opportunity{each}_data.csv" for each in ("", "_history")))

    assert {name: each.sums for name, each in done.items()} == {
        "salesforce-opportunity-states": (10, 0, 0, 10, 0),
        "salesforce-opportunity": (10, 0, 0, 10, 0),
    }
    reasons = {outcome.reason for each in done.values() for outcome in each.outcomes}
    assert reasons == {"was deleted in Salesforce"}
    assert bring.crm.count(Stage) == 0
