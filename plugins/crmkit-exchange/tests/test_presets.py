"""Which preset a table is recognised as: every real export, ordinary tables, and what fits several."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.presets.known import PRESETS, described, recognised
from crmkit_exchange.presets.preset import Preset

from crmkit import CRM, Config, CrmError

EXPECTED = """
fivetran_hubspot/company_data.csv hubspot-companies
fivetran_hubspot/company_property_history_data.csv hubspot-company-history
fivetran_hubspot/contact_data.csv hubspot-contacts
fivetran_hubspot/contact_form_submission_data.csv hubspot-form-submission
fivetran_hubspot/contact_list_data.csv hubspot-list
fivetran_hubspot/contact_list_member_data.csv hubspot-list-member
fivetran_hubspot/contact_merge_audit_data.csv hubspot-contact-merge
fivetran_hubspot/contact_property_history_data.csv hubspot-contact-history
fivetran_hubspot/deal_company_data.csv hubspot-deal-company
fivetran_hubspot/deal_contact_data.csv hubspot-deal-contact
fivetran_hubspot/deal_data.csv hubspot-deal
fivetran_hubspot/deal_pipeline_data.csv hubspot-deal-pipeline
fivetran_hubspot/deal_pipeline_stage_data.csv hubspot-deal-pipeline-stage
fivetran_hubspot/deal_property_history_data.csv hubspot-deal-history
fivetran_hubspot/deal_stage_data.csv hubspot-deal-stage
fivetran_hubspot/email_campaign_data.csv hubspot-campaign
fivetran_hubspot/email_event_bounce_data.csv hubspot-mail-bounce
fivetran_hubspot/email_event_click_data.csv hubspot-mail-click
fivetran_hubspot/email_event_data.csv hubspot-mail-event
fivetran_hubspot/email_event_deferred_data.csv hubspot-mail-deferred
fivetran_hubspot/email_event_delivered_data.csv hubspot-mail-delivered
fivetran_hubspot/email_event_dropped_data.csv hubspot-mail-dropped
fivetran_hubspot/email_event_forward_data.csv hubspot-mail-forward
fivetran_hubspot/email_event_open_data.csv hubspot-mail-open
fivetran_hubspot/email_event_print_data.csv hubspot-mail-forward
fivetran_hubspot/email_event_sent_data.csv hubspot-mail-sent
fivetran_hubspot/email_event_spam_report_data.csv hubspot-mail-spam-report
fivetran_hubspot/email_event_status_change_data.csv hubspot-mail-status
fivetran_hubspot/engagement_call_data.csv hubspot-engagements
fivetran_hubspot/engagement_communication_data.csv hubspot-engagements
fivetran_hubspot/engagement_company_data.csv hubspot-engagement-companies
fivetran_hubspot/engagement_contact_data.csv hubspot-engagement-contacts
fivetran_hubspot/engagement_data.csv hubspot-engagement
fivetran_hubspot/engagement_deal_data.csv hubspot-engagement-deal
fivetran_hubspot/engagement_email_data.csv hubspot-emails
fivetran_hubspot/engagement_meeting_data.csv hubspot-meetings
fivetran_hubspot/engagement_note_data.csv hubspot-notes
fivetran_hubspot/engagement_task_data.csv hubspot-task
fivetran_hubspot/form_data.csv hubspot-form
fivetran_hubspot/merged_deal_data.csv hubspot-merged-deal
fivetran_hubspot/owner_data.csv hubspot-owner
fivetran_hubspot/owner_team_data.csv hubspot-owner-team
fivetran_hubspot/property_data.csv hubspot-property
fivetran_hubspot/property_option_data.csv hubspot-property-option
fivetran_hubspot/role_data.csv hubspot-role
fivetran_hubspot/team_data.csv hubspot-team
fivetran_hubspot/team_user_data.csv hubspot-team-user
fivetran_hubspot/ticket_company_data.csv hubspot-ticket-company
fivetran_hubspot/ticket_contact_data.csv hubspot-ticket-contact
fivetran_hubspot/ticket_data.csv hubspot-ticket
fivetran_hubspot/ticket_deal_data.csv hubspot-ticket-deal
fivetran_hubspot/ticket_engagement_data.csv hubspot-ticket-engagement
fivetran_hubspot/ticket_pipeline_data.csv hubspot-ticket-pipeline
fivetran_hubspot/ticket_pipeline_stage_data.csv hubspot-ticket-pipeline-stage
fivetran_hubspot/ticket_property_history_data.csv hubspot-ticket-history
fivetran_hubspot/users_data.csv hubspot-user
fivetran_salesforce/sf_account_data.csv salesforce-accounts
fivetran_salesforce/sf_account_history_data.csv salesforce-account-history
fivetran_salesforce/sf_contact_data.csv salesforce-contacts
fivetran_salesforce/sf_contact_history_data.csv salesforce-contact-history
fivetran_salesforce/sf_event_data.csv salesforce-events
fivetran_salesforce/sf_lead_data.csv salesforce-leads
fivetran_salesforce/sf_opportunity_data.csv salesforce-opportunity
fivetran_salesforce/sf_opportunity_history_data.csv salesforce-opportunity-history
fivetran_salesforce/sf_opportunity_line_item_data.csv salesforce-opportunity-line-item
fivetran_salesforce/sf_order_data.csv salesforce-order
fivetran_salesforce/sf_product_2_data.csv salesforce-product
fivetran_salesforce/sf_task_data.csv salesforce-tasks
fivetran_salesforce/sf_user_data.csv salesforce-user
fivetran_salesforce/sf_user_role_data.csv salesforce-user-role
fivetran_zendesk/audit_log_data.csv zendesk-audit-log
fivetran_zendesk/brand_data.csv zendesk-brand
fivetran_zendesk/daylight_time_data.csv zendesk-daylight-time
fivetran_zendesk/domain_name_data.csv zendesk-domain-name
fivetran_zendesk/group_data.csv zendesk-group
fivetran_zendesk/organization_data.csv zendesk-organizations
fivetran_zendesk/organization_tag_data.csv zendesk-organization-tag
fivetran_zendesk/schedule_data.csv zendesk-schedule
fivetran_zendesk/schedule_holiday_data.csv zendesk-holiday
fivetran_zendesk/sla_policy_metric_history_data.csv zendesk-sla-policy
fivetran_zendesk/ticket_chat_data.csv zendesk-chat
fivetran_zendesk/ticket_chat_event_data.csv zendesk-chat-event
fivetran_zendesk/ticket_comment_data.csv zendesk-comments
fivetran_zendesk/ticket_data.csv zendesk-tickets
fivetran_zendesk/ticket_field_history_data.csv zendesk-ticket-history
fivetran_zendesk/ticket_form_history_data.csv zendesk-ticket-form
fivetran_zendesk/ticket_schedule_data.csv zendesk-ticket-schedule
fivetran_zendesk/ticket_sla_policy_data.csv zendesk-ticket-sla
fivetran_zendesk/ticket_tag_data.csv zendesk-ticket-tag
fivetran_zendesk/time_zone_data.csv zendesk-time-zone
fivetran_zendesk/user_data.csv zendesk-users
fivetran_zendesk/user_tag_data.csv zendesk-user-tag
hubspot_dlt/mock_companies_data.json hubspot-companies
hubspot_dlt/mock_contacts_data.json hubspot-contacts
hubspot_dlt/mock_contacts_properties.json hubspot-property
hubspot_dlt/mock_contacts_with_history.json hubspot-contacts
hubspot_dlt/mock_deals_data.json hubspot-deal
hubspot_dlt/mock_products_data.json hubspot-product
hubspot_dlt/mock_quotes_data.json hubspot-quote
hubspot_dlt/mock_tickets_data.json hubspot-ticket
pipedrive_recents_response_with_null.json pipedrive-persons
salesforce_dataloader/testfiles/20kRows.csv -
salesforce_dataloader/testfiles/SoqlInClauseFromCSV.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/accountsForInsert.csv -
salesforce_dataloader/testfiles/acctsWithBinaryDataInRTF.csv -
salesforce_dataloader/testfiles/bulkV2MultipleJobsCsvTemplate.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/constantMappingInCsv.csv -
salesforce_dataloader/testfiles/constantMappingInCsvClashing.csv -
salesforce_dataloader/testfiles/createAttachmentMultipleFilesTemplate.csv salesforce-attachment
salesforce_dataloader/testfiles/createAttachmentTemplate.csv salesforce-attachment
salesforce_dataloader/testfiles/csvEscapedQuotes.csv -
salesforce_dataloader/testfiles/csvSeparator.csv -
salesforce_dataloader/testfiles/csvtext.csv -
salesforce_dataloader/testfiles/csvtext_BOM_UTF16BE.csv -
salesforce_dataloader/testfiles/csvtext_BOM_UTF16LE.csv -
salesforce_dataloader/testfiles/csvtext_BOM_UTF32BE.csv -
salesforce_dataloader/testfiles/csvtext_BOM_UTF32LE.csv -
salesforce_dataloader/testfiles/csvtext_BOM_UTF8.csv -
salesforce_dataloader/testfiles/dateEndingInZ.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/dateOnlyWithTimeZone.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/dateUsingDefaultTimeZone.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/dateWithTimeZone.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/deleteAccountCsvTemplate.csv -
salesforce_dataloader/testfiles/emptyFirstRowFieldValueInCsvTemplate.csv -
salesforce_dataloader/testfiles/hardDelete1AccountCsvTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteAccountCsvTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteBulkApiSetToFalseTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteEmptyCsvFileTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteIDFromOtherObjectFailsTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteInvalidIDFailsOtherValidIDPassesTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteInvalidInputTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteSameObjectIDSucceedsOtherObjectIDFailsTemplate.csv -
salesforce_dataloader/testfiles/hardDeleteUserPermOffTemplate.csv -
salesforce_dataloader/testfiles/insertAccountCsv.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/insertAccountWithMultipleBatchesCSV.csv -
salesforce_dataloader/testfiles/insertTaskWithContactAsWhoCsv.csv -
salesforce_dataloader/testfiles/oneToManySforceFieldsMappingInCsv.csv -
salesforce_dataloader/testfiles/polymorphicRelationshipInAttachment.csv salesforce-attachment
salesforce_dataloader/testfiles/timeZoneFormatTesting.csv -
salesforce_dataloader/testfiles/timeZoneFormatTestingWithErrors.csv -
salesforce_dataloader/testfiles/updateAccountCsvTemplate.csv salesforce-accounts
salesforce_dataloader/testfiles/updateAccountWithExternalIdCsvTemplate.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/upsertAccountCsvTemplate.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/upsertAccountSmallTemplate.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/upsertFkAccountNewFormatCsvTemplate.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/upsertFkAccountOldFormatCsvTemplate.csv salesforce-accounts-by-number
salesforce_dataloader/testfiles/upsertWithRowOffsetTemplate.csv salesforce-accounts-by-number
salesforce_npsp/NPSP_Data_Import_Template.csv -
"""
"""Each file of the exports and its preset; `-` is none."""
FILES = dict(line.split() for line in EXPECTED.split("\n") if line)
KEPT = [each for each in PRESETS if each.kind is not None]

# Reading plainly -----------------------------------------------------------------------------------------------


def columns_of(path: Path, skip: int = 0) -> tuple[list[str], str | None]:
    """The columns of a file, and under what name a page has its objects."""
    text = decoded(path.read_bytes())
    if path.suffix != ".json":
        lines = list(csv.reader(io.StringIO(text, newline="")))
        return lines[skip] if lines else [], None
    page = json.loads(text)
    within = next(name for name in ("results", "data") if name in page)
    found = [dict(flat(each)) for each in page[within]]
    return list(dict.fromkeys(name for each in found for name in each)), within


def decoded(raw: bytes) -> str:
    marks = [(b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")]  # fmt: skip
    for mark, codec in marks:
        if raw.startswith(mark):
            return raw.decode(codec)
    for codec in ("utf-8-sig", "cp949"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def flat(value: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, each in value.items():
        if isinstance(each, dict) and each:
            yield from flat(each, f"{before}{name}.")
        else:
            yield f"{before}{name}", each


def name_of(preset: Preset | None) -> str:
    return preset.name if preset else "-"


# Real exports --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_real_export_is_recognised(data: Path, name: str):
    path = data / "06_exports" / name

    found = recognised(PRESETS, *columns_of(path), path.name)

    assert name_of(found) == FILES[name]


def test_no_file_of_the_exports_is_left_out(data: Path):
    folder = data / "06_exports"
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert there == set(FILES)


@pytest.mark.parametrize("skip", [4, 5])
def test_the_nonprofit_template_is_recognised_by_either_heading(data: Path, skip: int):
    path = data / "06_exports/salesforce_npsp/NPSP_Data_Import_Template.csv"

    found = recognised(PRESETS, *columns_of(path, skip), path.name)

    assert name_of(found) == "salesforce-nonprofit"


@pytest.mark.parametrize(
    "folder", ["05_korean", "10_csv", "01_clv", "02_leads_marketing", "04_tickets"]
)
def test_tables_of_nobody_are_recognised_as_none(data: Path, folder: str):
    paths = [each for each in (data / folder).rglob("*") if each.suffix in {".csv", ".tsv"}]

    found = {
        path.name: name_of(recognised(PRESETS, *columns_of(path), path.name)) for path in paths
    }

    assert paths
    assert set(found.values()) == {"-"}


# Tables as people have them ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        "id,name,email,phone",
        "ID,Name,Website",
        "Name,Type,Phone,Website",
        "id,first_name,last_name,email,phone,company,country",
        "First Name,Last Name,Email,Phone,Company",
        "First Name,Last Name,Company,Title,Lead Source",
        "customer_id,created_at,subject,body,status",
        "id,account_id,first_name,last_name",
        "user_id,tag",
        "id,category,status,response",
        "id,type,subject,due_date",
        "id,requester_id,subject,status",
        "contact_id,timestamp,name,value",
        "id,name,role,email",
        "name,address,website,industry",
        "Account Name,Phone,Website",
        "이름,이메일,전화번호,회사",
        "고객번호,고객명,휴대폰번호,주소,메모",
    ],
)
def test_an_ordinary_table_is_nobodys(columns: str):
    assert recognised(PRESETS, columns.split(","), None, "contact_data.csv") is None


@pytest.mark.parametrize(
    "columns",
    [["name"], ["id", "name", "email"], ["id", "first_name", "last_name", "email", "phone"]],
)
@pytest.mark.parametrize("within", ["data", "items", "value", None])
def test_a_page_of_an_unknown_api_is_nobodys(columns: list[str], within: str | None):
    assert recognised(PRESETS, columns, within, "page.json") is None


@pytest.mark.parametrize(
    ("columns", "preset"),
    [
        ("Record ID,First Name,Last Name,Email,Phone Number,Lead Status,Create Date,Contact owner,Company Name", "hubspot-contact-table"),
        ("Record ID,Company name,Company owner,Create Date,Phone Number,City,Country/Region,Industry", "hubspot-company-table"),
        ("Record ID,Deal Name,Deal Stage,Amount,Deal owner", "hubspot-deal"),
        ("Id,AccountId,LastName,FirstName,Salutation,Name,MailingCity,Phone,Email,OwnerId", "salesforce-contacts"),
        ("ID,ACCOUNTID,FIRSTNAME,LASTNAME,EMAIL", "salesforce-contacts"),
        ("Id,IsDeleted,MasterRecordId,Name,Type,ParentId,BillingCity,BillingCountry,Phone,Website,NumberOfEmployees,OwnerId", "salesforce-accounts"),
        ("Id,LastName,FirstName,Name,Company,LeadSource,IsConverted,NumberOfEmployees,Email", "salesforce-leads"),
        ("Id,Name,AccountId,StageName,Amount,CloseDate,OwnerId", "salesforce-opportunity"),
        ("Id,WhoId,WhatId,Subject,ActivityDate,Status,Priority,OwnerId,Description", "salesforce-tasks"),
        ("Id,WhoId,WhatId,Subject,ActivityDateTime,StartDateTime,DurationInMinutes", "salesforce-events"),
        ("Salutation,First Name,Last Name,Title,Mailing Street,Mailing City,Mailing State/Province,Mailing Country,Phone,Mobile,Fax,Email,Account Owner,Account Name", "salesforce-contact-report"),
        ("Account Owner,Account Name,Type,Last Activity,Billing State/Province", "salesforce-account-report"),
        ("Lead Owner,First Name,Last Name,Title,Company / Account,Email,Lead Source", "salesforce-lead-report"),
        ("Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,Assignee,Subject,Status,Via,Ticket type,Created at", "zendesk-ticket-table"),
        ("Person - ID,Person - Name,Person - Organization,Person - Email - Work,Person - Phone - Work", "pipedrive-person-table"),
        ("Organization - ID,Organization - Name,Organization - Owner,Organization - Address", "pipedrive-organization-table"),
        ("Activity - ID,Activity - Subject,Activity - Type,Activity - Due date,Activity - Done,Person - ID", "pipedrive-activity-table"),
        ("Deal - ID,Deal - Title,Person - Name,Person - Email - Work", "pipedrive-deal"),
    ],
)  # fmt: skip
def test_what_products_export_themselves_is_recognised(columns: str, preset: str):
    assert name_of(recognised(PRESETS, columns.split(","), None, "export.csv")) == preset


# Laws ----------------------------------------------------------------------------------------------------------


def test_presets_have_names_of_their_own():
    assert len({each.name for each in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda each: each.name)
def test_a_presets_own_columns_are_recognised_as_it(preset: Preset):
    for signature in preset.signatures:
        within = next((each[1:] for each in signature if each[0] == "@" and each != "@alone"), None)
        columns = [each for each in signature if each[0] != "@"]
        assert name_of(recognised(PRESETS, columns, within, f"{preset.object}.csv")) == preset.name
        assert (
            name_of(recognised(PRESETS, [each.upper() for each in columns], within, "x"))
            == preset.name
        )


def test_what_is_kept_goes_into_fields_that_there_are():
    with CRM.open("memory://", plugins=["exchange"], config=Config()) as crm:
        for preset in KEPT:
            kind = crm.schema[preset.becomes]
            for path in (*preset.fields, *preset.constants, *preset.references):
                assert kind.field(path), (preset.name, path)
            for path, value in preset.constants.items():
                kind.field(path).type.accept(value)
            assert all(kind.field(path).refers_to for path in preset.references)


def test_what_comes_first_is_there():
    for preset in PRESETS:
        own = [each for each in PRESETS if each.source == preset.source]
        assert {*preset.after} <= {each.object for each in own} | {each.name for each in own}
        for reference in preset.references.values():
            assert {*reference.object} <= {each.object for each in own if each.kind}


def test_what_is_not_kept_says_why():
    for preset in PRESETS:
        assert bool(preset.reason) == (preset.kind is None), preset.name
        assert "\n" not in preset.reason
        assert not preset.reason.endswith(".")


# Several that fit ----------------------------------------------------------------------------------------------

DEALS = Preset(
    name="deals-hubspot",
    source="hubspot",
    object="deal",
    label="HubSpot deals",
    kind="deal",
    signatures=[["deal_id", "property_dealname"]],
)


@pytest.mark.parametrize("order", [1, -1])
def test_a_plugins_preset_goes_before_one_of_ours_that_fits_as_well(order: int):
    presets = [DEALS, *PRESETS][::order]

    found = recognised(presets, ["deal_id", "property_dealname"], None, "deal_data.csv")

    assert found is DEALS


def test_the_longest_signature_wins_whosever_it_is():
    columns = ["deal_id", "property_dealname", "engagement_id", "property_hs_timestamp", "type"]

    assert name_of(recognised([DEALS, *PRESETS], columns, None, "x.csv")) == "hubspot-engagements"


@pytest.mark.parametrize(
    ("filename", "object"),
    [("visit.csv", "visit"), ("2024-visits.csv", "visit"), ("visit_note.csv", "visit_note")],
)
def test_the_files_name_decides_between_two_that_fit_as_well(filename: str, object: str):
    presets = [attrs.evolve(DEALS, name=f"x-{n}", object=each) for n, each in enumerate(["visit", "visit_note", "deal"])]  # fmt: skip

    found = recognised(presets, ["deal_id", "property_dealname"], None, filename)

    assert found is not None
    assert found.object == object


def test_what_fits_several_as_well_is_asked_about():
    presets = [attrs.evolve(DEALS, name=name, object=name) for name in ("b-deal", "a-deal")]

    with pytest.raises(FileRefused, match="--preset NAME") as caught:
        recognised(presets, ["deal_id", "property_dealname"], None, "export.csv")

    assert isinstance(caught.value, CrmError)
    assert "export.csv can be a-deal or b-deal" in str(caught.value)


def test_a_mixed_page_of_recents_is_asked_about():
    columns = [
        "item",
        "id",
        "data.first_name",
        "data.last_name",
        "data.org_id",
        "data.people_count",
    ]
    columns += ["data.address", "data.owner_id"]

    with pytest.raises(FileRefused, match="pipedrive-organizations or pipedrive-persons"):
        recognised(PRESETS, columns, "data", "recents.json")


# For people ----------------------------------------------------------------------------------------------------


def test_presets_are_described():
    found = {each.name: each for each in described()}

    assert len(found) == len(PRESETS)
    assert found["zendesk-users"].becomes == "customer"
    assert "@users, id, role, email" in found["zendesk-users"].signatures
    assert found["hubspot-owner"].becomes == "users, owners and teams of HubSpot are no customers"
