"""HubSpot: its API's objects, its own CSV exports, and the tables that connectors make of it."""

from __future__ import annotations

import attrs

from crmkit_exchange.presets import engagements
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.locales import Language, Zone
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Id, Joined

__all__ = ["PRESETS"]

_FILE = "HubSpot"

CONTACTS = Preset(
    name="hubspot-contacts",
    source="hubspot",
    object="contact",
    label="HubSpot contacts",
    kind="customer",
    signatures=[
        ["id", "property_firstname", "property_lastname"],
        ["id", "property_email", "property_lastname"],
        ["id", "property_email", "_fivetran_synced"],
        ["id", "properties.firstname", "properties.lastname"],
        ["id", "properties.email", "properties.hs_object_id"],
    ],
    key="id",
    fields={
        "name": Joined(["firstname", "lastname"], family="lastname"),
        "owner": First(["contactowner", "hubspotownerid"]),
        "language": Language(First(["hslanguage", "preferredlanguage"])),
        "timezone": Zone("hstimezone"),
        "country": First(["country", "countryregion"]),
    },
    addresses={
        "email": ("email", "email1", "workemail", "hsadditionalemails"),
        "phone": ("phone", "phonenumber", "mobilephone", "mobilephonenumber"),
        "whatsapp": ("hswhatsappphonenumber", "whatsappphonenumber"),
        "fax": ("fax", "faxnumber"),
    },
    references={
        "organization_id": Reference(
            First(["associatedcompanyid", Id("associations.companies.results")]),
            "company",
            Reference(First(["company", "companyname"]), "company"),
        )
    },
    skip=engagements.DELETED,
    ignored=engagements.IGNORED,
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
    ],
    key="id",
    fields={
        "name": First(["name", "companyname", "domain", "companydomainname"]),
        "owner": First(["companyowner", "hubspotownerid"]),
        "timezone": Zone("timezone"),
        "country": First(["country", "countryregion"]),
    },
    addresses={
        "phone": ("phone", "phonenumber"),
        "web": ("domain", "companydomainname", "website", "websiteurl"),
    },
    references={"organization_id": Reference("hsparentcompanyid", "company")},
    constants={"type": "organization"},
    skip=engagements.DELETED,
    ignored=engagements.IGNORED,
)
TABLES = (
    attrs.evolve(
        CONTACTS,
        name="hubspot-contact-table",
        label="HubSpot contacts, exported as a table",
        signatures=[["Record ID", "First Name", "Last Name"]],
        key="Record ID",
        references={
            "organization_id": Reference(
                First(["Primary Associated Company ID", Id("Associated Company IDs")]),
                "company",
                Reference(First(["Company Name", "Associated Company"]), "company"),
            )
        },
    ),
    attrs.evolve(
        COMPANIES,
        name="hubspot-company-table",
        label="HubSpot companies, exported as a table",
        signatures=[["Record ID", "Company name"]],
        key="Record ID",
        references={"organization_id": Reference(Id("Parent Company IDs"), "company")},
    ),
)


NOT_KEPT = (
    *leftovers("hubspot", _FILE, "deals are not kept by any plugin that is installed", [
        ("deal", "deal_id property_dealname | id properties.dealname properties.dealstage | Record ID, Deal Name"),
        ("deal_company", "company_id deal_id type_id category"),
        ("deal_contact", "contact_id deal_id type_id category"),
        ("deal_pipeline", "pipeline_id display_order label _fivetran_synced"),
        ("deal_pipeline_stage", "pipeline_id stage_id probability display_order label"),
        ("deal_history", "deal_id timestamp name value _fivetran_synced"),
        ("deal_stage", "deal_id date_entered value _fivetran_synced"),
        ("merged_deal", "deal_id merged_deal_id"),
        ("engagement_deal", "deal_id engagement_id"),
        ("product", "id properties.price properties.name | id properties.hs_sku properties.name"),
        ("quote", "id properties.hs_title properties.hs_expiration_date"),
    ]),
    *leftovers("hubspot", _FILE, "tickets are not kept by any plugin that is installed", [
        ("ticket", "id property_hs_pipeline_stage property_subject"
         " | id properties.hs_pipeline_stage properties.hs_ticket_priority"
         " | Ticket ID, Ticket name, Pipeline"),
        ("ticket_company", "ticket_id company_id _fivetran_synced"),
        ("ticket_contact", "ticket_id contact_id _fivetran_synced"),
        ("ticket_deal", "ticket_id deal_id _fivetran_synced"),
        ("ticket_engagement", "ticket_id engagement_id"),
        ("ticket_pipeline", "pipeline_id display_order label object_type_id _fivetran_synced"),
        ("ticket_pipeline_stage", "pipeline_id stage_id ticket_state display_order label"),
        ("ticket_history", "ticket_id name timestamp_instant value"),
    ]),
    *leftovers("hubspot", _FILE, "users, owners and teams of HubSpot are no customers", [
        ("owner", "owner_id portal_id email | id email userId teams archived"),
        ("owner_team", "owner_id team_id"),
        ("user", "id primary_team_id role_id email"),
        ("role", "id name requires_billing_write"),
        ("team", "id name _fivetran_synced"),
        ("team_user", "user_id team_id is_secondary_user"),
    ]),
    *leftovers("hubspot", _FILE, "what happened to each mail of a campaign is not kept", [
        ("campaign", "id app_id content_id num_included"),
        ("mail_event", "id email_campaign_id portal_id type"),
        ("mail_bounce", "id category status response _fivetran_synced"),
        ("mail_click", "id referer browser location ip_address url user_agent _fivetran_synced"),
        ("mail_deferred", "id attempt response _fivetran_synced"),
        ("mail_delivered", "id response smtp_id _fivetran_synced"),
        ("mail_dropped", "id drop_reason drop_message bcc cc from reply_to subject"),
        ("mail_forward", "id browser ip_address location user_agent _fivetran_synced"),
        ("mail_open", "id duration browser ip_address location user_agent _fivetran_synced"),
        ("mail_sent", "id bcc cc from reply_to subject _fivetran_synced"),
        ("mail_spam_report", "id ip_address user_agent _fivetran_synced"),
        ("mail_status", "id bounced portal_subscription_status"),
    ]),
    *leftovers("hubspot", _FILE, "earlier values of properties are not kept; the latest come with the records", [
        ("contact_history", "contact_id timestamp name value source_id _fivetran_synced"),
        ("company_history", "company_id timestamp name value source_id _fivetran_synced"),
        ("contact_merge", "contact_id vid_to_merge"),
    ]),
    *leftovers("hubspot", _FILE, "tasks are no contacts with a customer", [
        ("task", "engagement_id property_hs_timestamp type property_hs_task_type"
         " | engagement_id property_hs_timestamp type property_hs_task_subject"
         " | id properties.hs_timestamp properties.hs_task_subject"
         " | id properties.hs_timestamp properties.hs_task_status"),
    ]),
    *leftovers("hubspot", _FILE, "calls, mails, meetings and notes come from tables of their own", [
        ("engagement", "id type portal_id _fivetran_synced"),
    ]),
    *leftovers("hubspot", _FILE, "settings of HubSpot are not kept", [
        ("form", "guid form_type lead_nurturing_campaign_id"),
        ("form_submission", "form_id contact_id conversion_id portal_id"),
        ("list", "id object_type_id processing_type"),
        ("list_member", "contact_id contact_list_id"),
        ("property", "_fivetran_id field_type hubspot_defined | @results name label fieldType groupName | @results name @alone"),
        ("property_option", "label property_id display_order value _fivetran_synced"),
    ]),
)  # fmt: skip
PRESETS = (CONTACTS, COMPANIES, *TABLES, *engagements.PRESETS, *NOT_KEPT)
