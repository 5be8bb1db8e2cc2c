"""Zendesk: its API's pages, and the tables that connectors make of it."""

from __future__ import annotations

from collections.abc import Mapping

from crmkit_exchange.presets.deleted import thrown_away
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Items, Made, Row, Words

__all__ = ["PRESETS"]

_DELETED = thrown_away("Zendesk", "_fivetran_deleted", "deleted")
_CHANNELS: Mapping[str, str] = {
    "email": "email", "web": "web", "api": "web", "mobile": "web", "mobile_sdk": "web", "chat": "chat", "voice": "phone",
    "phone": "phone", "sms": "sms", "facebook": "facebook", "twitter": "twitter", "native_messaging": "chat",
}  # fmt: skip
# Zendesk names zones as Ruby on Rails does, after cities; these are the ones whose name is not that of the zone.
_ZONES: Mapping[str, str] = {
    "Pacific Time (US & Canada)": "America/Los_Angeles", "Mountain Time (US & Canada)": "America/Denver",
    "Central Time (US & Canada)": "America/Chicago", "Eastern Time (US & Canada)": "America/New_York",
    "Seoul": "Asia/Seoul", "Tokyo": "Asia/Tokyo", "Osaka": "Asia/Tokyo", "Beijing": "Asia/Shanghai", "Hong Kong": "Asia/Hong_Kong",
    "Singapore": "Asia/Singapore", "London": "Europe/London", "Edinburgh": "Europe/London", "Dublin": "Europe/Dublin",
    "Berlin": "Europe/Berlin", "Paris": "Europe/Paris", "Madrid": "Europe/Madrid", "Rome": "Europe/Rome", "Sydney": "Australia/Sydney",
    "UTC": "UTC",
}  # fmt: skip


def _language(row: Row) -> str | None:
    return str(row.get("locale") or "")[:2].lower() or None


def _zone(row: Row) -> str | None:
    """The zone by its IANA name; one that Rails calls otherwise and is not known here is left out."""
    return row.get("ianatimezone") or _ZONES.get(str(row.get("timezone") or ""))


def _role(row: Row) -> tuple[str, ...]:
    """The tags of a user; people who work there say so in one of their own."""
    role = str(row.get("role") or "").strip()
    own = Items("tags")(row) or ()
    return (*own, *([role] if role in {"agent", "admin"} else []))


def _ticket_thread(row: Row) -> str | None:
    found = row.get("ticket_id") or row.get("id")
    return f"ticket {found}" if found else None


def _ticket_left(row: Row) -> str | None:
    if str(row.get("status") or "").casefold() == "deleted":
        return "was deleted in Zendesk"
    return _DELETED(row)


PRESETS = (
    Preset(
        name="zendesk-users",
        source="zendesk",
        object="user",
        label="Zendesk users",
        kind="customer",
        signatures=[["id", "role", "organization_id", "email", "restricted_agent"], ["@users", "id", "role", "email"]],
        key="id",
        fields={
            "name": First(["name", "alias"]),
            "language": Made(_language, ["locale"]),
            "timezone": Made(_zone, ["timezone", "ianatimezone"]),
            "tags": Made(_role, ["role", "tags"]),
        },
        addresses={"email": "email", "phone": ("phone",)},
        references={"organization_id": Reference("organizationid", "organization")},
        skip=_DELETED,
        after=("organization",),
    ),
    Preset(
        name="zendesk-organizations",
        source="zendesk",
        object="organization",
        label="Zendesk organizations",
        kind="customer",
        signatures=[["id", "name", "shared_tickets", "shared_comments"], ["@organizations", "id", "name"]],
        key="id",
        fields={"name": "name", "tags": Items("tags")},
        addresses={"web": "domainnames"},
        constants={"type": "organization"},
        skip=_DELETED,
    ),
    Preset(
        name="zendesk-tickets",
        source="zendesk",
        object="ticket",
        label="Zendesk tickets",
        kind="interaction",
        signatures=[
            ["id", "requester_id", "subject", "description", "via_channel"],
            ["@tickets", "id", "requester_id", "subject"],
        ],
        key="id",
        fields={
            "happened_at": "createdat",
            "subject": First(["subject", "rawsubject"]),
            "body": "description",
            "channel": Words("via_channel", _CHANNELS, other="web"),
            "outcome": "status",
            "thread": Made(_ticket_thread, ["id"]),
        },
        constants={"direction": "in", "channel": "web"},
        references={"customer_id": Reference("requesterid", "user")},
        skip=_ticket_left,
        after=("user", "organization"),
    ),
    Preset(
        name="zendesk-comments",
        source="zendesk",
        object="comment",
        label="Zendesk comments",
        kind="interaction",
        signatures=[["id", "ticket_id", "user_id", "body", "public"], ["@comments", "id", "author_id", "body"]],
        key="id",
        fields={
            "happened_at": First(["created", "createdat"]),
            "body": First(["plainbody", "body"]),
            "thread": Made(_ticket_thread, ["ticketid"]),
        },
        constants={"direction": "in", "channel": "web"},
        references={"customer_id": Reference("userid", "user")},
        skip=_DELETED,
        after=("user", "ticket"),
    ),
    *leftovers("zendesk", "Zendesk", "chats are not kept without their texts", [
        ("chat", "chat_id conversation_id ticket_id initiator"),
        ("chat_event", "chat_id chat_index message message_id"),
    ]),
    *leftovers("zendesk", "Zendesk", "the states of tickets are not kept by any plugin that is installed", [
        ("ticket_history", "field_name ticket_id updated value"),
        ("ticket_schedule", "ticket_id schedule_id created_at"),
        ("ticket_sla", "ticket_id sla_policy_id policy_applied_at"),
        ("ticket_tag", "ticket_id tag _fivetran_synced"),
        ("ticket_form", "id display_name end_user_visible"),
        ("sla_policy", "sla_policy_id metric priority target"),
    ]),
    *leftovers("zendesk", "Zendesk", "tags come with users and organizations", [
        ("user_tag", "user_id tag _fivetran_synced"),
        ("organization_tag", "organization_id tag"),
        ("domain_name", "organization_id domain_name index"),
    ]),
    *leftovers("zendesk", "Zendesk", "settings of Zendesk are not kept", [
        ("audit_log", "id action actor_id change_description"),
        ("brand", "id brand_url has_help_center"),
        ("daylight_time", "time_zone year daylight_offset"),
        ("group", "id name url updated_at created_at _fivetran_deleted"),
        ("schedule", "id start_time end_time time_zone"),
        ("holiday", "id schedule_id start_date end_date"),
        ("time_zone", "time_zone standard_offset"),
    ]),
)  # fmt: skip
