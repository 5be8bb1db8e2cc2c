"""Salesforce: data exports, reports, the Data Loader's files, and the tables that connectors make of it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from crmkit_exchange.presets.deleted import any_of, says, taken_in, thrown_away
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Joined, Made, Row, Value, Words

__all__ = ["PRESETS"]

_DELETED = thrown_away("Salesforce", "isdeleted", "_fivetran_deleted")
_LEFT = any_of(taken_in("was merged into another in Salesforce", "masterrecordid"), _DELETED)
_OPEN = ("not started", "in progress", "waiting on someone else", "deferred", "open")
_IGNORED = (
    "_fivetran_synced",
    "_fivetran_deleted",
    "_fivetran_active",
    "isdeleted",
    "attributes.type",
    "attributes.url",
)
_PEOPLE = ("contact", "lead")
_CHANNELS = {
    "call": "phone",
    "email": "email",
    "listemail": "email",
    "meeting": "meeting",
    "sms": "sms",
    "linkedin": "linkedin",
}
# Whom an activity is with; if that is nobody, the account that it is about.
_WITH = Reference(
    "whoid", _PEOPLE, Reference("accountid", "account", Reference("whatid", "account"))
)


def _channel(other: str) -> Value:
    """How an activity went, by what it is said to be: the sort of task, then what people call it."""
    return First([Words("tasksubtype", _CHANNELS), Words("type", _CHANNELS, other=other)])


def _both(*columns: str) -> Iterable[Iterable[str]]:
    """A signature as the API spells it, and as connectors do: `AccountId`, `account_id`."""
    snake = ["".join(f"_{c.lower()}" if c.isupper() else c for c in n).strip("_") for n in columns]
    return columns, [*snake, "_fivetran_synced"]


ACCOUNTS = Preset(
    name="salesforce-accounts",
    source="salesforce",
    object="account",
    label="Salesforce accounts",
    kind="customer",
    signatures=[
        *_both("Id", "Name", "NumberOfEmployees", "BillingCity", "AccountNumber"),
        *(["Id", "Name", name] for name in ("BillingCity", "BillingCountry", "NumberOfEmployees")),
        ["Id", "Name", "AnnualRevenue", "Website"],
        ["Id", "Name", "ParentId", "Industry", "OwnerId"],
    ],
    key="id",
    fields={
        "name": First(["name", "accountname"]),
        "owner": First(["ownerid", "accountowner"]),
        "country": First(["billingcountrycode", "billingcountry", "shippingcountry"]),
    },
    addresses={"phone": "phone", "fax": "fax", "web": "website"},
    references={"organization_id": Reference("parentid", "account")},
    constants={"type": "organization"},
    skip=_LEFT,
    ignored=_IGNORED,
)
CONTACTS = Preset(
    name="salesforce-contacts",
    source="salesforce",
    object="contact",
    label="Salesforce contacts",
    kind="customer",
    signatures=[
        *_both("Id", "AccountId", "FirstName", "LastName", "Email", "MailingCity"),
        ["Id", "AccountId", "FirstName", "LastName"],
        ["Id", "FirstName", "LastName", "MailingCity"],
        ["Id", "FirstName", "LastName", "MailingCountry"],
    ],
    key="id",
    fields={
        "name": First([Joined(["firstname", "lastname"], family="lastname"), "name"]),
        "owner": First(["ownerid", "contactowner"]),
        "country": First(["mailingcountrycode", "mailingcountry", "othercountry"]),
    },
    addresses={
        "email": "email",
        "phone": ("phone", "mobilephone", "mobile", "homephone", "otherphone"),
        "fax": "fax",
    },
    references={"organization_id": Reference("accountid", "account")},
    skip=_LEFT,
    ignored=_IGNORED,
    after=("account",),
)
LEADS = Preset(
    name="salesforce-leads",
    source="salesforce",
    object="lead",
    label="Salesforce leads",
    kind="customer",
    signatures=[
        *_both("Id", "LeadSource", "IsConverted", "FirstName", "LastName", "Company"),
        ["Id", "FirstName", "LastName", "Company", "LeadSource"],
        ["Id", "FirstName", "LastName", "Company", "IsConverted"],
    ],
    key="id",
    fields={
        "name": First([Joined(["firstname", "lastname"], family="lastname"), "name"]),
        "owner": First(["ownerid", "leadowner"]),
        "country": First(["countrycode", "country"]),
    },
    addresses={
        "email": "email",
        "phone": ("phone", "mobilephone", "mobile"),
        "fax": "fax",
        "web": "website",
    },
    references={"organization_id": Reference(First(["company", "companyaccount"]), "account")},
    skip=any_of(
        taken_in("was converted into a contact in Salesforce", "convertedcontactid"), _LEFT
    ),
    ignored=_IGNORED,
    after=("account",),
)
# Reports have labels in place of names, and an id only if somebody put it in.
REPORTS = (
    attrs.evolve(
        ACCOUNTS,
        name="salesforce-account-report",
        label="Salesforce accounts, from a report",
        signatures=[
            ["Account ID", "Account Name", "Account Owner"],
            ["Account Name", "Account Owner", "Billing State/Province"],
            ["Account Name", "Billing Country", "Billing State/Province"],
        ],
        key="Account ID",
        references={
            "organization_id": Reference(
                "Parent Account ID", "account", Reference("Parent Account", "account")
            )
        },
    ),
    attrs.evolve(
        CONTACTS,
        name="salesforce-contact-report",
        label="Salesforce contacts, from a report",
        signatures=[
            ["Contact ID", "First Name", "Last Name", "Account Name"],
            ["First Name", "Last Name", "Account Name", "Mailing State/Province"],
            ["First Name", "Last Name", "Account Name", "Account Owner"],
            ["First Name", "Last Name", "Account Name", "Contact Owner"],
        ],
        key="Contact ID",
        references={
            "organization_id": Reference(
                "Account ID", "account", Reference("Account Name", "account")
            )
        },
    ),
    attrs.evolve(
        LEADS,
        name="salesforce-lead-report",
        label="Salesforce leads, from a report",
        signatures=[["First Name", "Last Name", "Company / Account", "Lead Owner"]],
        key="Lead ID",
    ),
)
BY_NUMBER = Preset(
    name="salesforce-accounts-by-number",
    source="salesforce",
    object="account_by_external_id",
    label="Salesforce accounts without an id, by an external one",
    kind="customer",
    signatures=[["Name", "Oracle_Id__c", "AccountNumber__c"], ["Name", "Website", "Oracle_Id__c"]],
    key="oracle_id__c",
    fields={"name": "name"},
    addresses={"phone": "phone", "web": "website"},
    references={"organization_id": Reference("parent", "account_by_external_id")},
    constants={"type": "organization"},
    skip=_LEFT,
)


def _first_contact(*names: str) -> list[str]:
    """Columns of the first contact in the template of the Nonprofit Success Pack, under either of its headings."""
    return [f"{prefix} {name}" for name in names for prefix in ("contact1", "npsp contact1")]


def _donor_type(row: Row) -> str:
    """A row without a contact is of an organization."""
    return "organization" if _DONOR(row) is None else "person"


_DONOR = First(
    Joined([f"{prefix} first name", f"{prefix} last name"], family=f"{prefix} last name")
    for prefix in ("contact1", "npsp contact1")
)
NONPROFIT = Preset(
    name="salesforce-nonprofit",
    source="salesforce",
    object="nonprofit",
    label="Salesforce Nonprofit Success Pack, its import template",
    kind="customer",
    signatures=[
        ["Contact1 First Name", "Contact1 Last Name", "Account1 Name"],
        ["NPSP__Contact1_Firstname__c", "NPSP__Contact1_Lastname__c", "NPSP__Account1_Name__c"],
    ],
    fields={
        "name": First([_DONOR, "account1 name", "npsp account1 name"]),
        "type": Made(_donor_type, _DONOR.columns),
        "country": First(["home country", "npsp home country"]),
    },
    addresses={
        "email": _first_contact("work email", "personal email", "alternate email"),
        "phone": _first_contact("work phone", "mobile phone", "home phone", "other phone"),
    },
    skip=says("is the second line of the heading", "contact1 last name", ["npsp__contact1_lastname__c"]),
)  # fmt: skip
TASKS = Preset(
    name="salesforce-tasks",
    source="salesforce",
    object="task",
    label="Salesforce tasks",
    kind="interaction",
    signatures=[
        *_both("Id", "WhoId", "Subject", "TaskSubtype", "Status", "CallType"),
        ["Id", "WhoId", "Subject", "TaskSubtype"],
        ["Id", "WhoId", "Subject", "CallType"],
        ["Id", "WhoId", "WhatId", "Subject", "Status"],
    ],
    key="id",
    fields={
        "happened_at": First(["completeddatetime", "activitydate", "createddate"]),
        "subject": "subject",
        "body": "description",
        "channel": _channel("note"),
        "direction": Words("calltype", {"Inbound": "in"}, other="out"),
        "outcome": First(["calldisposition", "status"]),
    },
    constants={"channel": "note", "direction": "out"},
    references={"customer_id": _WITH},
    skip=any_of(
        _DELETED,
        says("is not done yet", "isclosed", ["false", "0"]),
        says("is not done yet", "status", _OPEN),
    ),
    ignored=_IGNORED,
    after=("account", *_PEOPLE),
)
EVENTS = Preset(
    name="salesforce-events",
    source="salesforce",
    object="event",
    label="Salesforce events",
    kind="interaction",
    signatures=[
        *_both("Id", "WhoId", "Subject", "StartDateTime", "DurationInMinutes"),
        ["Id", "WhoId", "Subject", "StartDateTime"],
        ["Id", "WhoId", "Subject", "ActivityDateTime", "DurationInMinutes"],
    ],
    key="id",
    fields={
        "happened_at": First(["startdatetime", "activitydatetime", "activitydate"]),
        "subject": "subject",
        "body": "description",
        "channel": _channel("meeting"),
    },
    constants={"channel": "meeting", "direction": "out"},
    references={"customer_id": _WITH},
    skip=any_of(_DELETED, says("is an invitee's copy of an event", "ischild", ["true", "1"])),
    ignored=_IGNORED,
    after=("account", *_PEOPLE),
)
NOT_KEPT = (
    *leftovers("salesforce", "Salesforce", "opportunities and orders are not kept by any plugin that is installed", [
        ("opportunity", "stage_name close_date account_id amount _fivetran_synced | Id Name StageName CloseDate | Opportunity Name, Stage, Close Date"),
        ("opportunity_history", "_fivetran_start _fivetran_end _fivetran_synced stage_name close_date account_id amount"),
        ("opportunity_line_item", "opportunity_id product_2_id quantity unit_price"),
        ("order", "id account_id activated_date billing_city _fivetran_synced"),
        ("product", "product_code is_active family _fivetran_synced"),
    ]),
    *leftovers("salesforce", "Salesforce", "cases are not kept by any plugin that is installed", [
        ("case", "id case_number contact_id subject _fivetran_synced | Id CaseNumber Subject Status | Case Number, Subject, Date/Time Opened"),
    ]),
    *leftovers("salesforce", "Salesforce", "earlier states are not kept; the latest come with the records", [
        ("account_history", "_fivetran_start _fivetran_end _fivetran_synced id name number_of_employees billing_city account_number"),
        ("contact_history", "_fivetran_start _fivetran_end _fivetran_synced id account_id email first_name last_name mailing_city"),
    ]),
    *leftovers("salesforce", "Salesforce", "users of Salesforce are no customers", [
        ("user", "username profile_id user_role_id | Id Username ProfileId UserRoleId"),
        ("user_role", "developer_name forecast_user_id may_forecast_manager_share"),
    ]),
    *leftovers("salesforce", "Salesforce", "attachments are not imported", [
        ("attachment", "Name Body ParentId | Name Body Parent:Account-Oracle_Id__c"),
    ]),
)  # fmt: skip
PRESETS = (
    ACCOUNTS,
    BY_NUMBER,
    CONTACTS,
    LEADS,
    *REPORTS,
    NONPROFIT,
    TASKS,
    EVENTS,
    *NOT_KEPT,
)
