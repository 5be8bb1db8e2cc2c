"""Salesforce: its data exports and the Data Loader's files, and the tables that connectors make of it."""

from __future__ import annotations

from crmkit_exchange.presets.deleted import thrown_away
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Joined, Row, Words

__all__ = ["PRESETS"]

_DELETED = thrown_away("Salesforce", "isdeleted", "_fivetran_deleted")
_PEOPLE = ("contact", "lead", "account")


def _left(row: Row) -> str | None:
    if row.get("masterrecordid"):
        return "was merged into another in Salesforce"
    return _DELETED(row)


def _converted(row: Row) -> str | None:
    if row.get("convertedcontactid"):
        return "was converted into a contact in Salesforce"
    return _left(row)


PRESETS = (
    Preset(
        name="salesforce-accounts",
        source="salesforce",
        object="account",
        label="Salesforce accounts",
        kind="customer",
        signatures=[
            ["id", "name", "number_of_employees", "billing_city", "account_number"],
            ["Id", "Name", "BillingCity"],
            ["Id", "Name", "AnnualRevenue", "Website"],
            ["Id", "Name", "NumberOfEmployees"],
            ["ID", "NAME", "WEBSITE"],
        ],
        key="id",
        fields={"name": "name", "owner": "ownerid", "country": First(["billingcountry", "shippingcountry"])},
        addresses={"phone": "phone", "fax": "fax", "web": "website"},
        references={"organization_id": Reference("parentid", "account")},
        constants={"type": "organization"},
        skip=_left,
    ),
    Preset(
        name="salesforce-accounts-by-number",
        source="salesforce",
        object="account_by_external_id",
        label="Salesforce accounts without an id, by an external one",
        kind="customer",
        signatures=[["NAME", "ORACLE_ID__C", "ACCOUNTNUMBER__C"], ["NAME", "WEBSITE", "ORACLE_ID__C"]],
        key="oracle_id__c",
        fields={"name": "name"},
        addresses={"phone": "phone", "web": "website"},
        references={"organization_id": Reference("parent", "account_by_external_id")},
        constants={"type": "organization"},
        skip=_left,
    ),
    Preset(
        name="salesforce-contacts",
        source="salesforce",
        object="contact",
        label="Salesforce contacts",
        kind="customer",
        signatures=[
            ["id", "account_id", "first_name", "last_name", "email", "mailing_city"],
            ["Id", "AccountId", "FirstName", "LastName"],
            ["Id", "FirstName", "LastName", "MailingCity"],
        ],
        key="id",
        fields={
            "name": Joined(["firstname", "lastname"], family="lastname"),
            "owner": "ownerid",
            "country": First(["mailingcountry", "othercountry"]),
        },
        addresses={
            "email": "email",
            "phone": ("phone", "mobilephone", "homephone", "otherphone"),
            "fax": "fax",
        },
        references={"organization_id": Reference("accountid", "account")},
        skip=_left,
        after=("account",),
    ),
    Preset(
        name="salesforce-leads",
        source="salesforce",
        object="lead",
        label="Salesforce leads",
        kind="customer",
        signatures=[
            ["id", "lead_source", "is_converted", "first_name", "last_name", "company"],
            ["Id", "FirstName", "LastName", "Company", "LeadSource"],
            ["Id", "FirstName", "LastName", "Company", "IsConverted"],
        ],
        key="id",
        fields={
            "name": Joined(["firstname", "lastname"], family="lastname"),
            "owner": "ownerid",
            "country": "country",
        },
        addresses={"email": ("email",), "phone": ("phone", "mobilephone"), "fax": "fax", "web": "website"},
        references={"organization_id": Reference("company", "account")},
        skip=_converted,
        after=("account",),
    ),
    Preset(
        name="salesforce-tasks",
        source="salesforce",
        object="task",
        label="Salesforce tasks",
        kind="interaction",
        signatures=[
            ["id", "who_id", "subject", "task_subtype", "status", "call_type"],
            ["Id", "WhoId", "Subject", "TaskSubtype"],
            ["Id", "WhoId", "Subject", "CallType"],
        ],
        key="id",
        fields={
            "happened_at": First(["completeddatetime", "activitydate", "createddate"]),
            "subject": "subject",
            "body": "description",
            "outcome": First(["calldisposition", "status"]),
            "channel": Words("tasksubtype", {"Call": "phone", "Email": "email", "LinkedIn": "linkedin"}, other="note"),
            "direction": Words("calltype", {"Inbound": "in"}, other="out"),
        },
        constants={"channel": "note", "direction": "out"},
        references={"customer_id": Reference("whoid", _PEOPLE)},
        skip=_DELETED,
        after=_PEOPLE,
    ),
    Preset(
        name="salesforce-events",
        source="salesforce",
        object="event",
        label="Salesforce events",
        kind="interaction",
        signatures=[
            ["id", "who_id", "subject", "start_date_time", "duration_in_minutes"],
            ["Id", "WhoId", "Subject", "StartDateTime"],
            ["Id", "WhoId", "Subject", "ActivityDateTime", "DurationInMinutes"],
        ],
        key="id",
        fields={
            "happened_at": First(["startdatetime", "activitydatetime", "activitydate", "createddate"]),
            "subject": "subject",
            "body": "description",
        },
        constants={"channel": "meeting", "direction": "out"},
        references={"customer_id": Reference("whoid", _PEOPLE)},
        skip=_DELETED,
        after=_PEOPLE,
    ),
    *leftovers("salesforce", "Salesforce", "opportunities and orders are not kept by any plugin that is installed", [
        ("opportunity", "stage_name close_date account_id amount"),
        ("opportunity_history", "_fivetran_start _fivetran_end stage_name amount"),
        ("opportunity_line_item", "opportunity_id product_2_id quantity unit_price"),
        ("opportunity_export", "Id StageName CloseDate"),
        ("order", "id account_id activated_date billing_city"),
        ("product", "product_code is_active family"),
    ]),
    *leftovers("salesforce", "Salesforce", "earlier states are not kept; the latest come with the records", [
        ("account_history", "_fivetran_start _fivetran_end account_number account_source billing_city"),
        ("contact_history", "_fivetran_start _fivetran_end account_id email first_name last_name"),
    ]),
    *leftovers("salesforce", "Salesforce", "users of Salesforce are no customers", [
        ("user", "username profile_id user_role_id"),
        ("user_role", "developer_name forecast_user_id may_forecast_manager_share"),
    ]),
    *leftovers("salesforce", "Salesforce", "attachments are not imported", [
        ("attachment", "Name Body ParentId"),
        ("attachment_link", "Name Body Parent:Account-Oracle_Id__c"),
    ]),
)  # fmt: skip
