"""What became of HubSpot's deals, property by property: their stages, amounts, and why they were lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("crmkit_exchange", reason="the exchange plugin is not installed")

from crmkit_exchange.importing.undoing import undo
from crmkit_operational.sales.history import stage_history
from crmkit_operational.sales.kinds import Deal, LostReason, Stage
from importing import KIM, Importer

from crmkit import CRM, Change, Config

PIPELINES = "pipeline_id,_fivetran_synced,display_order,label\ndefault,2020-01-01,0,Sales\n"
STAGES = """stage_id,pipeline_id,label,display_order,probability,closed_won,is_closed
s1,default,Enquiry,0,0.1,FALSE,FALSE
s2,default,Offer,1,0.6,FALSE,FALSE
s3,default,Won,2,1.0,TRUE,TRUE
s4,default,Lost,3,0.0,FALSE,TRUE
"""
DEALS = """deal_id,deal_pipeline_stage_id,property_dealname,property_amount,property_createdate,property_closedate,property_closed_lost_reason
7,s4,Espresso machines,900000,2024-03-01 09:00:00,2024-03-20 10:00:00,가격
8,s3,Grinders,300000,2024-03-02 09:00:00,2024-03-25 10:00:00,예산
9,s4,Silence,1,2024-03-02 09:00:00,2024-03-04 10:00:00,
"""
STAYS = """deal_id,date_entered,value,_fivetran_synced
7,2024-03-01 09:00:00,s1,2024-04-01
7,2024-03-10 10:00:00,s2,2024-04-01
7,2024-03-20 10:00:00,s4,2024-04-01
"""
HISTORY = """deal_id,timestamp,name,value,source,source_id,_fivetran_synced
7,2024-03-20 10:00:00.120,dealstage,s4,CRM_UI,x,2024-04-01
7,2024-03-20 10:00:00.120,closed_lost_reason,가격,CRM_UI,x,2024-04-01
7,2024-03-01 09:00:00.500,dealstage,s1,CRM_UI,x,2024-04-01
7,2024-03-01 09:00:00.500,amount,1200000,CRM_UI,x,2024-04-01
7,2024-03-10 10:00:00.100,dealstage,s2,CRM_UI,x,2024-04-01
7,2024-03-15 10:00:00,amount,900000,CRM_UI,x,2024-04-01
8,2024-03-02 09:00:00,dealstage,s1,CRM_UI,x,2024-04-01
8,2024-03-03 09:00:00,closed_lost_reason,예산,CRM_UI,x,2024-04-01
8,2024-03-05 09:00:00,dealstage,s4,CRM_UI,x,2024-04-01
8,2024-03-15 09:00:00,dealstage,s2,CRM_UI,x,2024-04-01
8,2024-03-25 10:00:00,dealstage,s3,CRM_UI,x,2024-04-01
8,2024-03-26 10:00:00,amount,,CRM_UI,x,2024-04-01
8,2024-03-27 10:00:00,amount,many,CRM_UI,x,2024-04-01
8,2024-03-28 10:00:00,dealstage,s99,CRM_UI,x,2024-04-01
8,whenever,amount,5,CRM_UI,x,2024-04-01
8,2024-03-28 10:00:00,colour,red,CRM_UI,x,2024-04-01
99,2024-03-28 10:00:00,amount,5,CRM_UI,x,2024-04-01
"""
TABLES = {"pipeline": PIPELINES, "stage": STAGES, "deal": DEALS, "history": HISTORY}
NAME = "hubspot-deal-history"


@pytest.fixture
def bring(tmp_path: Path) -> Iterator[Importer]:
    with CRM.open("memory://", plugins=["exchange", "sales"], config=Config()) as crm:
        yield Importer(crm, tmp_path)


def tables(folder: Path, **said: str) -> list[Path]:
    paths = {name: folder / f"{name}.csv" for name in (TABLES | said)}
    for name, text in (TABLES | said).items():
        paths[name].write_text(text)
    return list(paths.values())


def deal(crm: CRM, title: str) -> Deal:
    return next(each for each in crm.find(Deal) if each.title == title)


def went(crm: CRM, title: str) -> list[tuple[str, int, str | None]]:
    """On which stages a deal was since which day of March, and why it was lost; stays of no time apart."""
    stays = stage_history(crm, deal(crm, title).id)
    return [(s.stage.name, s.entered.day, s.reason) for s in stays if s.entered != s.left]


def moves(crm: CRM, title: str) -> list[Change]:
    history = crm.history(Deal, deal(crm, title).id)
    return [each for each in history if "stage_id" in (each.delta or {})]


def test_properties_become_changes_at_their_times(bring: Importer):
    done = bring(*tables(bring.folder))
    crm = bring.crm

    assert done[NAME].sums == (17, 0, 10, 5, 2)
    assert went(crm, "Espresso machines") == [
        ("Enquiry", 1, None),
        ("Offer", 10, None),
        ("Lost", 20, "가격"),
    ]
    assert went(crm, "Grinders") == [
        ("Enquiry", 2, None),
        ("Lost", 5, "예산"),
        ("Offer", 15, None),
        ("Won", 25, None),
    ]
    espresso, grinders = deal(crm, "Espresso machines"), deal(crm, "Grinders")
    amounts = [each for each in crm.history(Deal, espresso.id) if "amount" in (each.delta or {})]
    assert [each.effective.day for each in amounts] == [1, 15]
    assert (str(espresso.amount), grinders.amount) == ("900,000 KRW", None)
    assert espresso.closed_at == datetime(2024, 3, 20, 10, 0, 0, 120000, tzinfo=UTC)
    # From the rows: on the offer from the 10th, 10:00:00.1, to the 20th, 10:00:00.12.
    offer = next(s for s in stage_history(crm, espresso.id) if s.stage.name == "Offer")
    assert offer.duration(espresso.closed_at).total_seconds() == 10 * 24 * 3600 + 0.02


def test_a_deal_that_was_lost_without_a_reason_says_so_and_one_that_is_not_lost_has_none(
    bring: Importer,
):
    done = bring(*tables(bring.folder))
    crm = bring.crm

    silence = deal(crm, "Silence")
    assert crm.get(LostReason, silence.lost_reason_id).name == "No reason given"
    assert silence.closed_at == datetime(2024, 3, 4, 10, tzinfo=UTC)
    assert deal(crm, "Grinders").lost_reason_id is None
    [noted] = [each for each in done["hubspot-deal"].outcomes if each.notes]
    assert noted.notes == ("lost_reason_id: the deal is not lost in the stage 'Won'",)


def test_what_is_not_taken_is_named(bring: Importer):
    done = bring(*tables(bring.folder))[NAME]
    rows = {
        (e.draft.item.values["timestamp"], e.draft.item.values["name"]): e for e in done.outcomes
    }
    reasons = {
        each: "; ".join(found.notes) or found.reason
        for each, found in rows.items()
        if found.action != "update"
    }

    assert list(reasons.values()) == [
        "holds 'whenever', which is no date in the order ymd",
        "lost_reason_id: the deal is not lost in the stage 'Enquiry'",
        "lost_reason_id: the deal is not lost in the stage 'Offer'",
        "column 'amount' holds 'many', which is no amount; write it as in 1234.50 or 1,234.50",
        "stage_id: 's99' is not here yet",
        "the property 'colour' is none that deals have here",
        "there is no such record here yet",
    ]


def test_a_stage_that_two_tables_tell_of_counts_once(bring: Importer):
    done = bring(*tables(bring.folder, stays=STAYS))
    crm = bring.crm

    assert done["hubspot-deal-stage"].sums == (3, 0, 3, 0, 0)
    assert done[NAME].sums == (17, 0, 8, 7, 2)
    assert [each.effective.day for each in moves(crm, "Espresso machines")] == [1, 10, 20]
    assert went(crm, "Espresso machines") == [
        ("Enquiry", 1, None),
        ("Offer", 10, None),
        ("Lost", 20, "가격"),
    ]


def test_a_stage_that_only_the_longer_table_tells_of_is_put_between(bring: Importer):
    first = STAYS.replace("7,2024-03-10 10:00:00,s2,2024-04-01\n", "")
    bring(*tables(bring.folder, stays=first))

    assert went(bring.crm, "Espresso machines") == [
        ("Enquiry", 1, None),
        ("Offer", 10, None),
        ("Lost", 20, "가격"),
    ]


def test_a_second_import_changes_nothing_and_undoing_takes_it_back(bring: Importer):
    paths = tables(bring.folder, stays=STAYS)
    done = bring(*paths)
    before = bring.crm.changes()[-1].position
    again = bring(*paths)

    assert again[NAME].sums == (17, 0, 0, 15, 2)
    assert {each.kind for each in bring.crm.changes(before)} == {"import_run"}
    for each in reversed(done.values()):
        assert undo(bring.crm, KIM, each.run).kept == []
    assert [bring.crm.count(each) for each in (Deal, Stage, LostReason)] == [0, 0, 0]


def test_a_plan_says_what_two_tables_of_one_history_do(bring: Importer):
    good = [each for each in HISTORY.splitlines() if "many" not in each and "whenever" not in each]
    paths = tables(bring.folder, stays=STAYS, history="\n".join([*good, ""]))
    token, planned, _ = bring.plan(*paths)
    assert bring.crm.count(Deal) == 0

    assert bring.apply(token, *paths) == planned
    assert [each.effective.day for each in moves(bring.crm, "Espresso machines")] == [1, 10, 20]


def test_a_rule_that_people_made_since_refuses_a_row_by_name(bring: Importer):
    *before, history = tables(bring.folder)
    bring(*before)
    with bring.crm.transaction() as tx:
        [offer] = [each for each in tx.find(Stage) if each.name == "Offer"]
        tx.update(offer.evolve(required=("owner",)))
    done = bring(history)[NAME]

    refused = [each.reason for each in done.outcomes if each.action == "invalid"]
    assert len([each for each in refused if "is needed in the stage 'Offer'" in each]) == 2
    assert went(bring.crm, "Espresso machines") == [("Enquiry", 1, None), ("Lost", 20, "가격")]


def test_long_words_about_one_deal_are_no_reason_of_others(bring: Importer):
    words = "They liked it, but the building was sold, and the new owner has a contract elsewhere."
    bring(*tables(bring.folder, deal=DEALS.replace("가격", f'"{words}"'), history=HISTORY[:62]))

    espresso = deal(bring.crm, "Espresso machines")
    reason = bring.crm.get(LostReason, espresso.lost_reason_id)
    assert (reason.name, reason.wants_note, espresso.lost_note) == ("Other reason", True, words)


def test_every_row_of_the_real_table_is_named(bring: Importer, data: Path):
    path = data / "06_exports" / "fivetran_hubspot" / "deal_property_history_data.csv"
    done = bring(path)[NAME]

    # What the properties are called is hashed there.
    assert done.sums == (100, 0, 0, 100, 0)
    assert all("is none that deals have here" in each.reason for each in done.outcomes)
