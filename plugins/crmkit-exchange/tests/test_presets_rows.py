"""What becomes of the rows of each product: first those of the real exports, then shapes that they do not have."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from crmkit_exchange.importing.rows import FoldedRow
from crmkit_exchange.presets.known import PRESETS

NAMED = {each.name: each for each in PRESETS}


@attrs.frozen
class Made:
    """What a preset makes of a row: a reason to skip it, or fields, references and texts of addresses."""

    key: Any = None
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    references: Mapping[str, tuple[str, str]] = attrs.field(factory=dict)
    addresses: Mapping[str, list[Any]] = attrs.field(factory=dict)
    skipped: str | None = None


def made(name: str, values: Mapping[str, Any]) -> Made:
    preset, row = NAMED[name], FoldedRow(values)
    if preset.skip and (reason := preset.skip(row)):
        return Made(skipped=reason)
    found = {path: value(row) for path, value in preset.fields.items()}
    pointed = {path: each.found(row) for path, each in preset.references.items()}
    return Made(
        row.get(preset.key) if preset.key else None,
        {**preset.constants, **{path: each for path, each in found.items() if each is not None}},
        {path: ("|".join(each[0].object), each[1]) for path, each in pointed.items() if each},
        {channel: texts for channel, names in preset.addresses.items() if (texts := list(filled(row, names)))},
    )  # fmt: skip


def filled(row: Mapping[str, Any], names: Iterable[str]) -> Iterable[Any]:
    return (row[name] for name in names if row.get(name) not in (None, "", []))


def rows_of(data: Path, name: str) -> list[dict[str, Any]]:
    path = data / "06_exports" / name
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    page = json.loads(path.read_text(encoding="utf-8"))
    return [dict(flat(each)) for each in page.get("results", page.get("data"))]


def flat(value: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, each in value.items():
        if isinstance(each, dict) and each:
            yield from flat(each, f"{before}{name}.")
        else:
            yield f"{before}{name}", each


def all_made(data: Path, name: str, preset: str) -> list[Made]:
    return [made(preset, row) for row in rows_of(data, name)]


# All rows of the real exports ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "preset", "kept", "skipped"),
    [
        ("fivetran_hubspot/contact_data.csv", "hubspot-contacts", 22, {}),
        ("fivetran_hubspot/company_data.csv", "hubspot-companies", 24, {}),
        ("fivetran_hubspot/engagement_meeting_data.csv", "hubspot-meetings", 100, {}),
        ("fivetran_hubspot/engagement_note_data.csv", "hubspot-notes", 1, {}),
        ("fivetran_hubspot/engagement_email_data.csv", "hubspot-emails", 1, {}),
        ("hubspot_dlt/mock_contacts_data.json", "hubspot-contacts", 2, {}),
        ("hubspot_dlt/mock_companies_data.json", "hubspot-companies", 2, {}),
        ("fivetran_zendesk/user_data.csv", "zendesk-users", 10, {}),
        ("fivetran_zendesk/organization_data.csv", "zendesk-organizations", 10, {}),
        ("fivetran_zendesk/ticket_data.csv", "zendesk-tickets", 8, {"was deleted in Zendesk": 2}),
        ("fivetran_zendesk/ticket_comment_data.csv", "zendesk-comments", 20, {}),
        ("fivetran_salesforce/sf_account_data.csv", "salesforce-accounts", 1,
         {"was deleted in Salesforce": 8, "was merged into another in Salesforce": 1}),
        ("fivetran_salesforce/sf_contact_data.csv", "salesforce-contacts", 4, {}),
        ("fivetran_salesforce/sf_lead_data.csv", "salesforce-leads", 0,
         {"was converted into a contact in Salesforce": 1}),
        ("fivetran_salesforce/sf_task_data.csv", "salesforce-tasks", 10, {}),
        ("fivetran_salesforce/sf_event_data.csv", "salesforce-events", 10, {}),
        ("pipedrive_recents_response_with_null.json", "pipedrive-persons", 2,
         {"was deleted in Pipedrive": 1}),
    ],
)  # fmt: skip
def test_every_row_is_kept_or_says_why_not(
    data: Path, name: str, preset: str, kept: int, skipped: dict[str, int]
):
    found = all_made(data, name, preset)

    assert sum(each.skipped is None for each in found) == kept
    assert Counter(each.skipped for each in found if each.skipped) == skipped
    ids = [each.key for each in found if each.skipped is None]
    assert len(set(ids)) == kept
    assert all(ids)


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("fivetran_hubspot/engagement_meeting_data.csv", "hubspot-meetings"),
        ("fivetran_zendesk/ticket_data.csv", "zendesk-tickets"),
        ("fivetran_zendesk/ticket_comment_data.csv", "zendesk-comments"),
        ("fivetran_salesforce/sf_task_data.csv", "salesforce-tasks"),
        ("fivetran_salesforce/sf_event_data.csv", "salesforce-events"),
    ],
)
def test_every_contact_has_a_time_and_a_channel(data: Path, name: str, preset: str):
    kept = [each for each in all_made(data, name, preset) if each.skipped is None]

    assert all(each.fields["happened_at"] and each.fields["channel"] for each in kept)
    assert all(each.fields["direction"] in {"in", "out"} for each in kept)


# HubSpot -------------------------------------------------------------------------------------------------------


def test_a_hubspot_contact_of_a_connector(data: Path):
    first = all_made(data, "fivetran_hubspot/contact_data.csv", "hubspot-contacts")[0]

    assert first.key == "78971951"
    assert first.fields == {"name": "db320f93ead463e1a2faee198cd9a122 22370ea245fce0b355938327d41bd1e4"}  # fmt: skip
    assert first.addresses == {"email": ["fcb67ef339b691956cc85fa12be6490c", "261d3936e165a33b3f31e5fdd0e3121d"]}  # fmt: skip
    assert first.references == {"organization_id": ("company", "SampleCompany")}


def test_a_hubspot_company_of_a_connector(data: Path):
    first = all_made(data, "fivetran_hubspot/company_data.csv", "hubspot-companies")[0]

    assert first.key == "2182162682"
    assert first.fields == {"name": "4b2c13cca3eb58ee49bbddcf00417130", "type": "organization", "country": "United States"}  # fmt: skip


def test_a_hubspot_contact_of_the_api(data: Path):
    first = all_made(data, "hubspot_dlt/mock_contacts_data.json", "hubspot-contacts")[0]

    assert first == Made(
        "1", {"name": "Maria Johnson (Sample Contact)"}, {}, {"email": ["emailmaria@hubspot.com"]}
    )


def test_a_hubspot_contact_with_all_that_the_api_has():
    values = {
        "id": "7", "properties.firstname": "지원", "properties.lastname": "김", "properties.hs_language": "ko-kr",
        "properties.hs_timezone": "asia_slash_seoul", "properties.hubspot_owner_id": "32", "properties.mobilephone": "010-1234-5678",
        "properties.hs_additional_emails": "a@hanbit.example;b@hanbit.example", "properties.email": "jiwon@hanbit.example",
        "properties.country": "South Korea", "properties.company": "한빛전자", "archived": False,
        "associations.companies.results": [{"id": "9", "type": "contact_to_company"}],
    }  # fmt: skip

    found = made("hubspot-contacts", values)

    assert found.fields == {"name": "김지원", "owner": "32", "language": "ko", "timezone": "Asia/Seoul", "country": "South Korea"}  # fmt: skip
    assert found.references == {"organization_id": ("company", "9")}
    assert found.addresses == {
        "email": ["jiwon@hanbit.example", "a@hanbit.example;b@hanbit.example"],
        "phone": ["010-1234-5678"],
    }
    assert made("hubspot-contacts", values | {"archived": True}).skipped == "was deleted in HubSpot"


def test_hubspots_own_tables_have_the_same_ids_under_labels():
    contact = made(
        "hubspot-contact-table",
        {"Record ID": "7", "First Name": "Olivia", "Last Name": "Bennett", "Phone Number": "+44 20 7946 0000", "Contact owner": "Kim",
         "Associated Company IDs": "9;10", "Company Name": "Northwind"},
    )  # fmt: skip
    company = made(
        "hubspot-company-table",
        {"Record ID": "9", "Company name": "Northwind", "Company Domain Name": "northwind.example", "Country/Region": "UK"},
    )  # fmt: skip

    assert contact.key == "7"
    assert contact.fields == {"name": "Olivia Bennett", "owner": "Kim"}
    assert contact.references == {"organization_id": ("company", "9")}
    assert contact.addresses == {"phone": ["+44 20 7946 0000"]}
    assert company.key == "9"
    assert company.fields == {"name": "Northwind", "country": "UK", "type": "organization"}
    assert company.addresses == {"web": ["northwind.example"]}


def test_hubspot_engagements_of_a_connector(data: Path):
    [call] = all_made(data, "fivetran_hubspot/engagement_call_data.csv", "hubspot-engagements")
    [chat] = all_made(data, "fivetran_hubspot/engagement_communication_data.csv", "hubspot-engagements")  # fmt: skip
    [mail] = all_made(data, "fivetran_hubspot/engagement_email_data.csv", "hubspot-emails")
    [note] = all_made(data, "fivetran_hubspot/engagement_note_data.csv", "hubspot-notes")
    meeting = all_made(data, "fivetran_hubspot/engagement_meeting_data.csv", "hubspot-meetings")[0]

    assert (call.key, call.fields["channel"]) == ("19732910159", "phone")
    assert (chat.key, chat.fields["channel"]) == ("19732910300", "chat")
    assert mail.fields == {
        "channel": "email", "direction": "out", "happened_at": "2014-08-27 20:50:44.778000",
        "subject": "This is the subject of the email", "body": "This is the body of the email-Me",
    }  # fmt: skip
    assert (note.fields["channel"], note.fields["body"]) == ("note", "note body")
    assert meeting.fields["happened_at"] == "2019-09-26 13:00:00"
    assert meeting.fields["subject"] == "fzT4ZzkUdmieUYeYaA+ZuQ=="


def test_a_hubspot_call_of_the_api():
    found = made(
        "hubspot-calls-api",
        {"id": "77", "properties.hs_timestamp": "2024-03-05T01:00:00Z", "properties.hs_call_title": "Refund",
         "properties.hs_call_body": "<p>Wants a <b>refund</b></p>", "properties.hs_call_direction": "INBOUND",
         "properties.hs_call_disposition": "73a0d17f-1163-4015-bdd5-ec830791da20", "properties.hs_call_status": "COMPLETED",
         "associations.contacts.results": [{"id": "501"}], "associations.companies.results": [{"id": "9"}]},
    )  # fmt: skip

    assert found.key == "77"
    assert found.fields == {
        "channel": "phone", "direction": "in", "happened_at": "2024-03-05T01:00:00Z", "subject": "Refund",
        "body": "Wants a refund", "outcome": "no answer",
    }  # fmt: skip
    assert found.references == {"customer_id": ("contact", "501")}


@pytest.mark.parametrize(
    ("preset", "properties", "expected"),
    [
        ("hubspot-emails-api", {"hs_email_direction": "INCOMING_EMAIL", "hs_email_html": "<div>a</div>"}, {"direction": "in", "body": "a"}),
        ("hubspot-emails-api", {"hs_email_direction": "FORWARDED_EMAIL", "hs_email_text": "t"}, {"direction": "out", "body": "t"}),
        ("hubspot-communications-api", {"hs_communication_channel_type": "WHATS_APP"}, {"channel": "whatsapp"}),
        ("hubspot-communications-api", {"hs_communication_channel_type": "SMS"}, {"channel": "sms"}),
        ("hubspot-meetings-api", {"hs_meeting_outcome": "NO_SHOW", "hs_meeting_title": "t"}, {"outcome": "no show", "subject": "t"}),
        ("hubspot-calls-api", {"hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7"}, {"outcome": "connected"}),
        ("hubspot-calls-api", {"hs_call_disposition": "one of their own"}, {"channel": "phone"}),
        ("hubspot-calls-api", {"hs_call_status": "BUSY"}, {"outcome": "BUSY", "direction": "out"}),
    ],
)  # fmt: skip
def test_hubspots_words_become_ours(
    preset: str, properties: dict[str, str], expected: dict[str, str]
):
    values = {f"properties.{name}": each for name, each in properties.items()}

    found = made(preset, values | {"associations.companies.results": [{"id": "9"}]})

    assert expected.items() <= found.fields.items()
    assert found.references == {"customer_id": ("company", "9")}


def test_a_table_of_links_completes_contacts_that_are_there(data: Path):
    [contact] = all_made(data, "fivetran_hubspot/engagement_contact_data.csv", "hubspot-engagement-contacts")  # fmt: skip
    [company] = all_made(data, "fivetran_hubspot/engagement_company_data.csv", "hubspot-engagement-companies")  # fmt: skip

    assert (contact.key, contact.references) == ("19732910159", {"customer_id": ("contact", "501")})
    assert (company.key, company.references) == ("31479928586", {"customer_id": ("company", "9991774791")})  # fmt: skip
    assert NAMED["hubspot-engagement-contacts"].object == NAMED["hubspot-calls"].object
    assert NAMED["hubspot-engagement-contacts"].only_update


# Salesforce ----------------------------------------------------------------------------------------------------


def test_a_salesforce_account(data: Path):
    first = all_made(data, "fivetran_salesforce/sf_account_data.csv", "salesforce-accounts")[0]

    assert first == Made(
        "0015500000Xyy06AAB",
        {"name": "Eric's Test", "type": "organization", "owner": "tqs6UXPA/Lm7W+0dX0+syw=="},
    )


def test_a_salesforce_contact(data: Path):
    second = all_made(data, "fivetran_salesforce/sf_contact_data.csv", "salesforce-contacts")[1]

    assert second.key == "0031G00000q9jPQAQ"
    assert second.fields == {"name": "x G", "owner": "0051G000005MreQAC", "country": "US"}
    assert second.references == {"organization_id": ("account", "0011G00000eM9wvQAC")}
    assert second.addresses == {"phone": ["(555) 555-5555"]}


def test_a_salesforce_task_and_an_event(data: Path):
    task = all_made(data, "fivetran_salesforce/sf_task_data.csv", "salesforce-tasks")[0]
    event = all_made(data, "fivetran_salesforce/sf_event_data.csv", "salesforce-events")[0]

    assert task.fields == {
        "channel": "note", "direction": "out", "happened_at": "2019-11-11 17:23:34",
        "subject": "subject 0051G000005Mun4QAC", "body": "description", "outcome": "Completed",
    }  # fmt: skip
    assert task.references == {"customer_id": ("contact|lead", "0031G00001S3ckZQAR")}
    assert (event.fields["channel"], event.fields["subject"]) == ("phone", "subject")


@pytest.mark.parametrize(
    ("values", "channel", "direction"),
    [
        ({"TaskSubtype": "Call", "CallType": "Inbound"}, "phone", "in"),
        ({"TaskSubtype": "Call", "CallType": "Outbound"}, "phone", "out"),
        ({"TaskSubtype": "Email"}, "email", "out"),
        ({"TaskSubtype": "Task", "Type": "Meeting"}, "meeting", "out"),
        ({"TaskSubtype": "Task", "Type": "Other"}, "note", "out"),
    ],
)
def test_what_a_salesforce_task_was(values: dict[str, str], channel: str, direction: str):
    found = made("salesforce-tasks", values | {"WhoId": "", "AccountId": "001", "IsClosed": "true"})

    assert (found.fields["channel"], found.fields["direction"]) == (channel, direction)
    assert found.references == {"customer_id": ("account", "001")}


@pytest.mark.parametrize("values", [{"IsClosed": "false"}, {"Status": "Not Started"}])
def test_a_salesforce_task_that_is_to_be_done_is_no_contact(values: dict[str, str]):
    assert made("salesforce-tasks", values).skipped == "is not done yet"


def test_a_copy_of_an_event_for_an_invitee_is_left():
    assert made("salesforce-events", {"is_child": "TRUE"}).skipped


def test_a_data_loader_file_has_its_key_in_a_column_of_its_own(data: Path):
    rows = rows_of(data, "salesforce_dataloader/testfiles/upsertFkAccountNewFormatCsvTemplate.csv")

    found = made("salesforce-accounts-by-number", rows[0])

    assert found == Made(
        "1-000005",
        {"name": "account UpsertFk #05", "type": "organization"},
        {"organization_id": ("account_by_external_id", "1-000000")},
        {"phone": ["415-555-0005"], "web": ["http://www.accountUpsertFk05.com"]},
    )


def test_salesforces_reports_have_labels():
    contact = made(
        "salesforce-contact-report",
        {"First Name": "Olivia", "Last Name": "Bennett", "Account Name": "Northwind", "Mobile": "+447700900000", "Mailing Country": "UK",
         "Contact Owner": "Kim", "Email": "olivia@northwind.example"},
    )  # fmt: skip
    account = made("salesforce-account-report", {"Account ID": "001", "Account Name": "Northwind", "Account Owner": "Kim"})  # fmt: skip
    lead = made("salesforce-lead-report", {"Last Name": "Reed", "Company / Account": "Reed Ltd", "Lead Owner": "Kim"})  # fmt: skip

    assert contact.fields == {"name": "Olivia Bennett", "owner": "Kim", "country": "UK"}
    assert contact.references == {"organization_id": ("account", "Northwind")}
    assert contact.addresses["phone"] == ["+447700900000"]
    assert (account.key, account.fields["name"], account.fields["owner"]) == ("001", "Northwind", "Kim")  # fmt: skip
    assert lead.references == {"organization_id": ("account", "Reed Ltd")}


@pytest.mark.parametrize("prefix", ["Contact1 {}", "NPSP__CONTACT1_{}__C"])
def test_the_nonprofit_template_has_a_donor(prefix: str):
    spelt = (lambda name: name) if " " in prefix else (lambda name: name.upper().replace(" ", "_"))
    values = {prefix.format(spelt(name)): each for name, each in {"First Name": "Ann", "Last Name": "Lee", "Work Email": "a@b.example"}.items()}  # fmt: skip
    heading = {"Contact1 Last Name": "NPSP__CONTACT1_LASTNAME__C"}

    found = made("salesforce-nonprofit", values)

    assert found.fields == {"name": "Ann Lee", "type": "person"}
    assert found.addresses == {"email": ["a@b.example"]}
    assert made("salesforce-nonprofit", {"Account1 Name": "Lee & Co"}).fields["type"] == "organization"  # fmt: skip
    assert made("salesforce-nonprofit", heading).skipped


# Zendesk -------------------------------------------------------------------------------------------------------


def test_zendesks_users_of_all_roles_are_customers(data: Path):
    agent, user = all_made(data, "fivetran_zendesk/user_data.csv", "zendesk-users")[:2]

    assert agent.key == "1111"
    assert agent.fields == {"name": "Arthur Agent", "language": "en", "timezone": "America/Los_Angeles", "tags": ("agent",)}  # fmt: skip
    assert agent.references == {"organization_id": ("organization", "370326203233")}
    assert agent.addresses == {"email": ["example@email.com"]}
    assert user.fields["tags"] == ()


def test_a_zendesk_user_of_the_api():
    values = {"id": 5, "name": "김지원", "role": "admin", "tags": ["vip", "admin"], "iana_time_zone": "Asia/Seoul", "time_zone": "Seoul", "active": True}  # fmt: skip

    found = made("zendesk-users", values)

    assert found.fields == {"name": "김지원", "timezone": "Asia/Seoul", "tags": ("vip", "admin")}
    assert made("zendesk-users", values | {"active": False}).skipped == "was deleted in Zendesk"


def test_a_zendesk_ticket_is_its_first_contact(data: Path):
    second = all_made(data, "fivetran_zendesk/ticket_data.csv", "zendesk-tickets")[1]

    assert second.key == "16988"
    assert second.fields == {
        "channel": "email", "direction": "in", "happened_at": "2020-12-22 00:19:23", "subject": "subject1",
        "body": "description1", "outcome": "solved", "thread": "ticket 16988",
    }  # fmt: skip
    assert second.references == {"customer_id": ("user", "1500656884401")}


def test_a_zendesk_comment_is_its_authors(data: Path):
    first = all_made(data, "fivetran_zendesk/ticket_comment_data.csv", "zendesk-comments")[0]

    assert first == Made(
        "1030820361033",
        {"channel": "web", "direction": "in", "happened_at": "2020-02-11 07:49:14", "body": "body1", "thread": "ticket 1077"},
        {"customer_id": ("user", "402935450113")},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "channel", "direction"),
    [
        ({"public": False, "via.channel": "email"}, "note", "out"),
        ({"public": "TRUE", "voice_comment": "TRUE"}, "phone", "in"),
        ({"public": True, "via.channel": "email"}, "email", "in"),
        ({"public": True, "via.channel": "something new"}, "web", "in"),
    ],
)
def test_how_a_zendesk_comment_came(values: dict[str, Any], channel: str, direction: str):
    found = made("zendesk-comments", values | {"author_id": 7})

    assert (found.fields["channel"], found.fields["direction"]) == (channel, direction)
    assert found.references == {"customer_id": ("user", "7")}


def test_a_zendesk_ticket_of_a_table_for_people():
    values = {"Id": "5", "Requester id": "7", "Subject": "환불", "Status": "Open", "Via": "Web form", "Created at": "2024-03-05 10:00"}  # fmt: skip

    found = made("zendesk-ticket-table", values)

    assert found.fields["thread"] == "ticket 5"
    assert (found.fields["channel"], found.fields["subject"]) == ("web", "환불")
    assert found.references == {"customer_id": ("user", "7")}
    assert NAMED["zendesk-ticket-table"].timezone is None


# Pipedrive -----------------------------------------------------------------------------------------------------


def test_pipedrives_recents(data: Path):
    first, deleted, third = all_made(data, "pipedrive_recents_response_with_null.json", "pipedrive-persons")  # fmt: skip

    assert (first.key, first.fields) == (532, {"name": "some name 525", "owner": "Adrian"})
    assert first.references == {}
    assert deleted.skipped == "was deleted in Pipedrive"
    assert third.references == {"organization_id": ("organization", "4")}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("organization", "is an organization, which --preset pipedrive-organizations takes"),
        ("note", "is a note, which --preset pipedrive-notes takes"),
        ("deal", "is a deal, which is not kept"),
    ],
)
def test_another_sort_of_thing_in_a_page_of_persons_says_what_takes_it(item: str, reason: str):
    assert made("pipedrive-persons", {"item": item, "id": 4, "data.id": 4}).skipped == reason


@pytest.mark.parametrize(
    "values",
    [{"active_flag": False}, {"is_deleted": True}, {"item": "person", "id": 4, "data": None}],
)
def test_what_pipedrive_has_thrown_away_is_left(values: dict[str, Any]):
    assert made("pipedrive-persons", values).skipped == "was deleted in Pipedrive"


def test_a_pipedrive_person_of_the_first_and_of_the_second_api():
    first = made(
        "pipedrive-persons",
        {"id": 5, "name": "김지원", "owner_id.name": "Kim", "org_id.value": 4, "email": [{"value": "a@b.example"}], "active_flag": True},
    )  # fmt: skip
    second = made("pipedrive-persons", {"id": 5, "name": "김지원", "org_id": 4, "phones": [{"value": "010-1234-5678"}], "is_deleted": False})  # fmt: skip

    assert first.fields == {"name": "김지원", "owner": "Kim"}
    assert first.references == second.references == {"organization_id": ("organization", "4")}
    assert first.addresses == {"email": [[{"value": "a@b.example"}]]}
    assert second.addresses == {"phone": [[{"value": "010-1234-5678"}]]}


def test_a_pipedrive_activity():
    values = {"id": 9, "type": "call", "subject": "Refund", "due_date": "2024-03-05", "due_time": "10:30", "done": True, "note": "<p>ok</p>", "person_id": None, "org_id": 4}  # fmt: skip

    found = made("pipedrive-activities", values)

    assert found.fields == {
        "channel": "phone", "direction": "out", "outcome": "done", "happened_at": "2024-03-05 10:30",
        "subject": "Refund", "body": "ok",
    }  # fmt: skip
    assert found.references == {"customer_id": ("organization", "4")}
    assert made("pipedrive-activities", values | {"done": False}).skipped == "is still to be done"
    assert made("pipedrive-activities", values | {"due_time": ""}).fields["happened_at"] == "2024-03-05"  # fmt: skip


def test_a_pipedrive_note_of_recents():
    found = made(
        "pipedrive-notes",
        {"item": "note", "id": 3, "data.id": 3, "data.content": "<b>VIP</b>", "data.add_time": "2024-03-05 01:00:00", "data.person_id": 5},
    )  # fmt: skip

    assert found.fields == {"channel": "note", "direction": "out", "happened_at": "2024-03-05 01:00:00", "body": "VIP"}  # fmt: skip
    assert found.references == {"customer_id": ("person", "5")}


def test_pipedrives_tables_have_labels():
    person = made(
        "pipedrive-person-table",
        {"Person - ID": "5", "Person - Name": "Olivia", "Person - Labels": "VIP, Warm", "Person - Organization": "Northwind",
         "Person - Email - Work": "o@n.example", "Person - Phone - Mobile": "+447700900000"},
    )  # fmt: skip
    activity = made(
        "pipedrive-activity-table",
        {"Activity - Subject": "s", "Activity - Due date": "2024-03-05", "Activity - Done": "Done", "Activity - Type": "Meeting", "Person - ID": "5"},
    )  # fmt: skip

    assert (person.key, person.fields) == ("5", {"name": "Olivia", "tags": ("VIP", "Warm")})
    assert person.references == {"organization_id": ("organization", "Northwind")}
    assert person.addresses == {"email": ["o@n.example"], "phone": ["+447700900000"]}
    assert activity.fields["channel"] == "meeting"
    assert activity.references == {"customer_id": ("person", "5")}
    assert made("pipedrive-activity-table", {"Activity - Done": "To do"}).skipped


# vCards --------------------------------------------------------------------------------------------------------


def test_a_card_of_a_person_leads_to_the_organization_that_of_an_organization_not_to_itself():
    card = {"uid": "u1", "name": "김지원", "organization": "한빛전자", "type": "person", "categories": ["vip"]}  # fmt: skip

    person = made("vcard", card)
    company = made("vcard", {"organization": "한빛전자", "type": "organization"})

    assert person.fields == {"name": "김지원", "type": "person", "tags": ("vip",)}
    assert person.references == {"organization_id": ("contact", "한빛전자")}
    assert company.fields == {"name": "한빛전자", "type": "organization"}
    assert company.references == {}
