"""Zendesk: its API's pages and exports, and the tables that connectors make of it."""

from __future__ import annotations

from collections.abc import Mapping

from crmkit_exchange.presets.deleted import any_of, says, thrown_away
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.locales import Language, Zone
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Items, Made, Row, Words

__all__ = ["PRESETS"]

_DELETED = thrown_away("Zendesk", "_fivetran_deleted", "deleted")
_IGNORED = ("_fivetran_synced", "_fivetran_deleted", "deleted")
_CHANNELS: Mapping[str, str] = {
    "email": "email", "web": "web", "api": "web", "mobile": "web", "mobile_sdk": "web", "web_widget": "web", "help_center": "web",
    "web form": "web", "mail": "email", "chat": "chat", "native_messaging": "chat", "chat_transcript": "chat", "voice": "phone",
    "phone": "phone", "sms": "sms", "facebook": "facebook", "twitter": "twitter", "whatsapp": "whatsapp", "line": "line",
}  # fmt: skip


def _tags(row: Row) -> tuple[str, ...]:
    """The tags of a user; people who work there say so in one of their own."""
    role = str(row.get("role") or "").strip().casefold()
    own = Items("tags")(row) or ()
    return tuple(dict.fromkeys([*own, *([role] if role in {"agent", "admin"} else [])]))


def _of_ticket(column: str) -> Made:
    """The thread of what belongs to a ticket."""

    def find(row: Row) -> str | None:
        found = row.get(column)
        return f"ticket {str(found).strip()}" if found not in (None, "") else None

    return Made(find, [column])


def _comment_channel(row: Row) -> str:
    """How a comment came: one that is not public is a note among colleagues."""
    if _says_no(row.get("public")):
        return "note"
    by_column = {"voice_comment": "phone", "tweet": "twitter", "facebook_comment": "facebook"}
    said = (channel for name, channel in by_column.items() if _says_yes(row.get(name)))
    via = Words(First(["via.channel", "via_channel"]), _CHANNELS, other="web")
    return next(said, None) or str(via(row))


def _comment_direction(row: Row) -> str:
    """A note among colleagues came from no customer."""
    return "out" if _says_no(row.get("public")) else "in"


def _says_yes(given: object) -> bool:
    return str(given).strip().casefold() in {"true", "1"}


def _says_no(given: object) -> bool:
    return str(given).strip().casefold() in {"false", "0"}


USERS = Preset(
    name="zendesk-users",
    source="zendesk",
    object="user",
    label="Zendesk users",
    kind="customer",
    signatures=[
        ["id", "role", "organization_id", "email", "restricted_agent"],
        ["@users", "id", "role", "email"],
    ],
    key="id",
    fields={
        "name": First(["name", "alias"]),
        "language": Language("locale"),
        "timezone": Zone(First(["iana_time_zone", "time_zone"])),
        "tags": Made(_tags, ["role", "tags"]),
    },
    addresses={"email": "email", "phone": "phone"},
    references={"organization_id": Reference("organization_id", "organization")},
    skip=thrown_away("Zendesk", "_fivetran_deleted", "deleted", alive=["active"]),
    ignored=_IGNORED,
    after=("organization",),
)
ORGANIZATIONS = Preset(
    name="zendesk-organizations",
    source="zendesk",
    object="organization",
    label="Zendesk organizations",
    kind="customer",
    signatures=[
        ["id", "name", "shared_tickets", "shared_comments"],
        ["@organizations", "id", "name"],
    ],
    key="id",
    fields={"name": "name", "tags": Items("tags")},
    addresses={"web": "domain_names"},
    constants={"type": "organization"},
    skip=_DELETED,
    ignored=_IGNORED,
)
TICKETS = Preset(
    name="zendesk-tickets",
    source="zendesk",
    object="ticket",
    label="Zendesk tickets",
    kind="interaction",
    signatures=[
        ["id", "requester_id", "subject", "description", "via_channel"],
        ["id", "requester_id", "subject", "description", "via.channel"],
        ["@tickets", "id", "requester_id", "subject"],
    ],
    key="id",
    fields={
        "happened_at": "created_at",
        "subject": First(["subject", "raw_subject"]),
        "body": "description",
        "channel": Words(First(["via_channel", "via.channel"]), _CHANNELS, other="web"),
        "outcome": "status",
        "thread": _of_ticket("id"),
    },
    constants={"direction": "in", "channel": "web"},
    references={
        "customer_id": Reference(
            "requester_id", "user", Reference("organization_id", "organization")
        )
    },
    skip=any_of(says("was deleted in Zendesk", "status", ["deleted"]), _DELETED),
    ignored=_IGNORED,
    after=("user", "organization"),
)
# The table that agents export from a view has labels, times in the account's zone, and no text but the subject.
TICKET_TABLE = Preset(
    name="zendesk-ticket-table",
    source="zendesk",
    object="ticket",
    label="Zendesk tickets, exported as a table",
    kind="interaction",
    signatures=[["Id", "Requester id", "Requester email", "Submitter", "Ticket type"]],
    key="Id",
    fields={
        "happened_at": "Created at",
        "subject": "Subject",
        "channel": Words("Via", _CHANNELS, other="web"),
        "outcome": "Status",
        "thread": _of_ticket("Id"),
    },
    constants={"direction": "in", "channel": "web"},
    references={"customer_id": Reference("Requester id", "user")},
    skip=says("was deleted in Zendesk", "status", ["deleted"]),
    timezone=None,
    after=("user", "organization"),
)
COMMENTS = Preset(
    name="zendesk-comments",
    source="zendesk",
    object="comment",
    label="Zendesk comments",
    kind="interaction",
    signatures=[
        ["id", "ticket_id", "user_id", "body", "public"],
        ["@comments", "id", "author_id", "body"],
    ],
    key="id",
    fields={
        "happened_at": First(["created", "created_at"]),
        "body": First(["plain_body", "body"]),
        "channel": Made(
            _comment_channel,
            ["public", "voice_comment", "tweet", "facebook_comment", "via.channel", "via_channel"],
        ),
        "direction": Made(_comment_direction, ["public"]),
        "thread": _of_ticket("ticket_id"),
    },
    constants={"direction": "in", "channel": "web"},
    references={"customer_id": Reference(First(["user_id", "author_id"]), "user")},
    skip=_DELETED,
    ignored=_IGNORED,
    after=("user", "ticket"),
)
NOT_KEPT = (
    *leftovers("zendesk", "Zendesk", "chats have no time, and their messages no id, by which they could be kept", [
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
    *leftovers("zendesk", "Zendesk", "tags and domains are taken from users and organizations, not from tables of their own", [
        ("user_tag", "user_id tag _fivetran_synced"),
        ("organization_tag", "organization_id tag _fivetran_synced"),
        ("domain_name", "organization_id domain_name index _fivetran_synced"),
    ]),
    *leftovers("zendesk", "Zendesk", "settings of Zendesk are not kept", [
        ("audit_log", "id action actor_id change_description"),
        ("brand", "id brand_url has_help_center"),
        ("daylight_time", "time_zone year daylight_offset"),
        ("group", "id name url updated_at created_at _fivetran_deleted"),
        ("schedule", "id start_time end_time time_zone _fivetran_synced"),
        ("holiday", "id schedule_id start_date end_date"),
        ("time_zone", "time_zone standard_offset _fivetran_synced"),
    ]),
)  # fmt: skip
PRESETS = (USERS, ORGANIZATIONS, TICKETS, TICKET_TABLE, COMMENTS, *NOT_KEPT)
