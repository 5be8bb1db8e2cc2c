"""HubSpot: its API's objects, its own CSV exports, and the tables that connectors make of it."""

from __future__ import annotations

from crmkit_exchange.presets.deleted import thrown_away
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Joined, Value, Words

__all__ = ["PRESETS"]

_DELETED = thrown_away("HubSpot", "_fivetran_deleted", "is_deleted", "archived", "isdeleted")
_FILE = "HubSpot"
_DIRECTIONS = Words("hscalldirection", {"INBOUND": "in", "OUTBOUND": "out"}, other="out")
_MAIL_DIRECTIONS = Words(
    "hsemaildirection",
    {"INCOMING_EMAIL": "in", "EMAIL": "out", "FORWARDED_EMAIL": "out"},
    other="out",
)
_MEETINGS = {
    "COMPLETED": "completed",
    "SCHEDULED": "scheduled",
    "CANCELED": "canceled",
    "NO_SHOW": "no show",
}


def _engagement(
    object: str, label: str, usual: str, columns: list[list[str]], **fields: str | Value
) -> Preset:
    """A preset for one sort of contact; each table of a connector has one sort in it."""
    direction = fields.pop("direction", None)
    return Preset(
        name=f"hubspot-{object}s",
        source="hubspot",
        object="engagement",
        label=label,
        kind="interaction",
        signatures=columns,
        key="engagementid",
        fields={
            "happened_at": First(["hstimestamp", "starttime", "hscreatedate", "createdate"]),
            **({"direction": direction} if direction else {}),
            **fields,
        },
        constants={"channel": usual, "direction": "out"},
        references={"customer_id": Reference("contactid", ("contact", "company"))},
        skip=_DELETED,
        after=("contact", "company"),
    )


def _link(name: str, column: str, object: str, columns: list[str]) -> Preset:
    """A table that says whose an engagement is: it changes contacts that were imported before."""
    return Preset(
        name=name,
        source="hubspot",
        object="engagement",
        label=f"HubSpot: whose {object}'s an engagement is",
        kind="interaction",
        signatures=[columns],
        key="engagementid",
        only_update=True,
        references={"customer_id": Reference(column, object)},
        after=("contact", "company", "engagement"),
    )


CONTACTS = Preset(
    name="hubspot-contacts",
    source="hubspot",
    object="contact",
    label="HubSpot contacts",
    kind="customer",
    signatures=[
        ["id", "property_firstname", "property_lastname"],
        ["id", "property_email", "property_lastname"],
        ["id", "properties.firstname", "properties.lastname"],
        ["id", "properties.email", "properties.hs_object_id"],
        ["Record ID", "First Name", "Last Name"],
        ["Record ID - Contact", "First Name", "Last Name"],
    ],
    key="id",
    fields={
        "name": Joined(["firstname", "lastname"], family="lastname"),
        "owner": First(["contactowner", "hubspotownerid"]),
        "language": First(["hslanguage", "preferredlanguage"]),
        "country": First(["country", "countryregion"]),
    },
    addresses={
        "email": ("email", "email1", "hsadditionalemails", "workemail"),
        "phone": ("phone", "phonenumber", "mobilephone", "mobilephonenumber"),
        "fax": ("fax", "faxnumber"),
    },
    references={
        "organization_id": Reference("associatedcompanyid", "company"),
    },
    skip=_DELETED,
    after=("company",),
)
COMPANIES = Preset(
    name="hubspot-companies",
    source="hubspot",
    object="company",
    label="HubSpot companies",
    kind="customer",
    signatures=[
        ["id", "property_name", "is_deleted", "property_createdate"],
        ["id", "property_name", "property_domain"],
        ["id", "properties.name", "properties.domain"],
        ["Record ID", "Company name"],
        ["Record ID - Company", "Company name"],
    ],
    key="id",
    fields={
        "name": First(["name", "companyname", "domain", "companydomainname"]),
        "owner": First(["companyowner", "hubspotownerid"]),
        "country": First(["country", "countryregion"]),
        "timezone": "timezone",
    },
    addresses={
        "phone": ("phone", "phonenumber"),
        "web": ("domain", "companydomainname", "website", "websiteurl"),
    },
    references={"organization_id": Reference("hsparentcompanyid", "company")},
    constants={"type": "organization"},
    skip=_DELETED,
)
ENGAGEMENTS = (
    _engagement(
        "call",
        "HubSpot calls",
        "phone",
        [
            ["engagement_id", "property_hs_call_direction"],
            ["properties.hs_call_direction", "properties.hs_timestamp"],
            ["properties.hs_call_body", "properties.hs_timestamp"],
            ["engagement_id", "property_hs_timestamp", "property_hs_createdate", "type"],
        ],
        subject="hscalltitle",
        body="hscallbody",
        direction=_DIRECTIONS,
        channel=Words("type", {"CALL": "phone", "COMMUNICATION": "chat", "SMS": "sms"}, other="phone"),
    ),
    _engagement(
        "email",
        "HubSpot e-mails",
        "email",
        [
            ["engagement_id", "property_hs_email_subject", "property_hs_email_text", "property_hs_timestamp", "type"],
            ["properties.hs_email_subject", "properties.hs_timestamp"],
        ],
        subject="hsemailsubject",
        body=First(["hsemailtext", "hsemailhtml"]),
        direction=_MAIL_DIRECTIONS,
    ),
    _engagement(
        "meeting",
        "HubSpot meetings",
        "meeting",
        [
            ["engagement_id", "start_time", "end_time", "meeting_outcome", "title"],
            ["properties.hs_meeting_title", "properties.hs_timestamp"],
        ],
        subject=First(["title", "hsmeetingtitle"]),
        body=First(["body", "hsmeetingbody"]),
        outcome=Words("meetingoutcome", _MEETINGS),
    ),
    _engagement(
        "note",
        "HubSpot notes",
        "note",
        [
            ["engagement_id", "property_hs_note_body", "property_hs_timestamp", "type", "property_hs_body_preview"],
            ["properties.hs_note_body", "properties.hs_timestamp"],
        ],
        body=First(["hsnotebody", "hsbodypreview"]),
    ),
    _engagement(
        "communication",
        "HubSpot chats and messages",
        "chat",
        [["properties.hs_communication_body", "properties.hs_timestamp"]],
        body="hscommunicationbody",
    ),
)  # fmt: skip
LINKS = (
    _link("hubspot-engagement-contacts", "contactid", "contact", ["contact_id", "engagement_id"]),
    _link("hubspot-engagement-companies", "companyid", "company", ["company_id", "engagement_id"]),
)
NOT_KEPT = (
    *leftovers("hubspot", _FILE, "deals are not kept by any plugin that is installed", [
        ("deal", "deal_id property_dealname"),
        ("deal_api", "id properties.dealname"),
        ("deal_company", "company_id deal_id"),
        ("deal_contact", "contact_id deal_id"),
        ("deal_pipeline", "pipeline_id display_order label"),
        ("deal_pipeline_stage", "pipeline_id stage_id probability"),
        ("deal_history", "deal_id timestamp name value"),
        ("deal_stage", "deal_id date_entered value"),
        ("merged_deal", "deal_id merged_deal_id"),
        ("engagement_deal", "deal_id engagement_id"),
        ("product", "id properties.price properties.name"),
        ("quote", "id properties.hs_title properties.hs_expiration_date"),
        ("quote_status", "id properties.hs_status properties.hs_createdate"),
        ("product_api", "id properties.hs_sku"),
        ("product_description", "id properties.description properties.price"),
    ]),
    *leftovers("hubspot", _FILE, "tickets are not kept by any plugin that is installed", [
        ("ticket", "id property_hs_pipeline_stage property_subject"),
        ("ticket_api", "id properties.hs_ticket_priority properties.subject"),
        ("ticket_company", "ticket_id company_id"),
        ("ticket_contact", "ticket_id contact_id"),
        ("ticket_deal", "ticket_id deal_id"),
        ("ticket_engagement", "ticket_id engagement_id"),
        ("ticket_pipeline", "pipeline_id display_order label object_type_id"),
        ("ticket_pipeline_stage", "stage_id ticket_state pipeline_id"),
        ("ticket_history", "ticket_id name timestamp_instant value"),
    ]),
    *leftovers("hubspot", _FILE, "users, owners and teams of HubSpot are no customers", [
        ("owner", "owner_id portal_id email"),
        ("owner_team", "owner_id team_id"),
        ("user", "id primary_team_id role_id email"),
        ("role", "id name requires_billing_write"),
        ("team", "id name _fivetran_synced"),
        ("team_user", "user_id team_id is_secondary_user"),
    ]),
    *leftovers("hubspot", _FILE, "what happened to each mail of a campaign is not kept", [
        ("campaign", "id app_id content_id num_included"),
        ("mail_event", "id email_campaign_id portal_id type"),
        ("mail_bounce", "id category status response"),
        ("mail_click", "id referer browser location ip_address url user_agent"),
        ("mail_deferred", "id attempt response _fivetran_synced"),
        ("mail_delivered", "id response smtp_id"),
        ("mail_dropped", "id drop_reason drop_message bcc cc from reply_to subject"),
        ("mail_forward", "id browser ip_address location user_agent"),
        ("mail_open", "id duration browser ip_address location user_agent"),
        ("mail_sent", "id bcc cc from reply_to subject"),
        ("mail_spam_report", "id ip_address user_agent _fivetran_synced"),
        ("mail_status", "id bounced portal_subscription_status"),
    ]),
    *leftovers("hubspot", _FILE, "earlier values of properties are not kept; the latest come with the records", [
        ("contact_history", "contact_id timestamp name value"),
        ("company_history", "company_id timestamp name value"),
        ("contact_merge", "contact_id vid_to_merge"),
    ]),
    *leftovers("hubspot", _FILE, "tasks are no contacts with a customer", [
        ("task", "engagement_id property_hs_task_type property_hs_timestamp property_hs_createdate type"),
    ]),
    *leftovers("hubspot", _FILE, "calls, mails, meetings and notes come from tables of their own", [
        ("engagement", "id type portal_id _fivetran_synced"),
    ]),
    *leftovers("hubspot", _FILE, "settings of HubSpot are not kept", [
        ("form", "guid form_type lead_nurturing_campaign_id"),
        ("form_submission", "form_id contact_id conversion_id"),
        ("list", "id object_type_id processing_type"),
        ("list_member", "contact_id contact_list_id"),
        ("property", "_fivetran_id field_type hubspot_defined"),
        ("property_option", "label property_id display_order value"),
    ]),
)  # fmt: skip
PRESETS = (CONTACTS, COMPANIES, *ENGAGEMENTS, *LINKS, *NOT_KEPT)
