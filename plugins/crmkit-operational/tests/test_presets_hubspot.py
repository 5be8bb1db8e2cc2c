"""Deals of HubSpot with the stages on which they were, and the real tables of a connector."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_exchange.importing.undoing import undo
from crmkit_operational.sales.kinds import Deal, Pipeline, Stage
from importing import KIM, Importer

from crmkit import Customer

TABLES = {
    "deal_pipeline.csv": """pipeline_id,_fivetran_synced,display_order,label
default,2020-01-01,0,Sales
""",
    "deal_pipeline_stage.csv": """stage_id,pipeline_id,label,display_order,probability,closed_won,is_closed
s1,default,Enquiry,0,0.1,FALSE,FALSE
s2,default,Offer,1,0.6,FALSE,FALSE
s3,default,Won,2,1.0,TRUE,TRUE
""",
    "deal.csv": """deal_id,deal_pipeline_stage_id,property_dealname,property_amount,property_createdate
7,s3,Espresso machines,1200000,2024-03-01 09:00:00
8,s1,Grinders,300000,2024-03-02 09:00:00
9,s9,A stage that is gone,1,2024-03-02 09:00:00
""",
    "deal_stage.csv": """deal_id,date_entered,value,_fivetran_synced
7,2024-03-20 10:00:00,s3,2024-04-01
7,2024-03-01 09:00:00,s1,2024-04-01
7,2024-03-10 10:00:00,s2,2024-04-01
8,2024-03-02 09:00:00,s1,2024-04-01
99,2024-03-02 09:00:00,s1,2024-04-01
""",
    "companies.csv": """id,property_name,property_domain
5,Northwind,northwind.example
""",
    "deal_company.csv": """company_id,deal_id,type_id,category
5,7,1,HUBSPOT_DEFINED
""",
}


@pytest.fixture
def bring(open_crm: Any, tmp_path: Path) -> Importer:
    return Importer(open_crm("exchange", own=["sales"]), tmp_path)


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    for name, text in TABLES.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in reversed(TABLES)]


def test_a_deal_tells_on_which_stages_it_was(bring: Importer, tables: list[Path]):
    done = {name: each.sums for name, each in bring(*tables).items()}

    assert done == {
        "hubspot-deal-pipeline": (1, 1, 0, 0, 0),
        "hubspot-deal-pipeline-stage": (3, 3, 0, 0, 0),
        "hubspot-deal": (3, 2, 0, 0, 1),
        "hubspot-deal-stage": (5, 0, 3, 2, 0),
        "hubspot-companies": (1, 1, 0, 0, 0),
        "hubspot-deal-company": (1, 0, 1, 0, 0),
    }
    crm = bring.crm
    [deal] = (each for each in crm.find(Deal) if each.title == "Espresso machines")
    names = {each.id: each.name for each in crm.find(Stage)}
    moves = [each for each in crm.history(Deal, deal.id) if "stage_id" in (each.delta or {})]
    assert [(each.effective, names[each.delta["stage_id"][1]]) for each in moves[-3:]] == [
        (datetime(2024, 3, 1, 9, tzinfo=UTC), "Enquiry"),
        (datetime(2024, 3, 10, 10, tzinfo=UTC), "Offer"),
        (datetime(2024, 3, 20, 10, tzinfo=UTC), "Won"),
    ]
    assert crm.get(Customer, deal.customer_id).name == "Northwind"


def test_a_second_import_changes_nothing(bring: Importer, tables: list[Path]):
    bring(*tables)
    again = bring(*tables)

    assert all((each.counts.created, each.counts.updated) == (0, 0) for each in again.values())


def test_undoing_all_leaves_nothing(bring: Importer, tables: list[Path]):
    done = bring(*tables)
    for each in reversed(done.values()):
        assert undo(bring.crm, KIM, each.run).kept == []
    assert [bring.crm.count(each) for each in (Deal, Stage, Pipeline, Customer)] == [0, 0, 0, 0]


def test_every_row_of_the_real_tables_is_brought_or_says_why_not(bring: Importer, data: Path):
    folder = data / "06_exports" / "fivetran_hubspot"
    names = ["deal_pipeline", "deal_pipeline_stage", "deal", "deal_stage", "deal_contact"]
    done = bring(*(folder / f"{each}_data.csv" for each in names))

    # What they refer to is hashed in one table and not in the next: no stage finds its pipeline, no deal its stage.
    assert {name: each.sums for name, each in done.items()} == {
        "hubspot-deal-pipeline": (6, 6, 0, 0, 0),
        "hubspot-deal-pipeline-stage": (71, 0, 0, 2, 69),
        "hubspot-deal": (44, 0, 0, 0, 44),
        "hubspot-deal-stage": (14, 0, 0, 14, 0),
        "hubspot-deal-contact": (11, 0, 0, 11, 0),
    }
    refused = [
        each for each in done["hubspot-deal-pipeline-stage"].outcomes if each.action == "invalid"
    ]
    assert all("which is not here; import that first" in each.reason for each in refused)


def test_deals_from_the_api_and_from_a_table_are_read(bring: Importer, data: Path):
    stages = TABLES["deal_pipeline_stage.csv"] + "qualifiedtobuy,default,Qualified,3,0.4,,\n"
    table = "Record ID,Deal Name,Deal Stage,Create Date\n5,Beans,Offer,2024-03-01 09:00\n"
    files = {"p.csv": TABLES["deal_pipeline.csv"], "s.csv": stages, "hubspot-deals.csv": table}
    for name, text in files.items():
        (bring.folder / name).write_text(text)
    page = data / "06_exports" / "hubspot_dlt" / "mock_deals_data.json"
    done = bring(page, *(bring.folder / name for name in files))

    assert done["hubspot-deal-api"].sums == (2, 2, 0, 0, 0)
    assert done["hubspot-deal-table"].sums == (1, 1, 0, 0, 0)
    names = {each.id: each.name for each in bring.crm.find(Stage)}
    assert sorted((each.title, names[each.stage_id]) for each in bring.crm.find(Deal)) == [
        ("Beans", "Offer"),
        ("With Atul", "Qualified"),
        ("Yodoo Deal (2021-11-25)", "Qualified"),
    ]
