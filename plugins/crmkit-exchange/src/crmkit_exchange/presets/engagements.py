"""HubSpot's contacts with people: calls, e-mails, meetings, notes, messages, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from crmkit_exchange.presets.deleted import thrown_away
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Id, Unmarked, Value, Words

__all__ = ["DELETED", "IGNORED", "PRESETS"]

DELETED = thrown_away("HubSpot", "_fivetran_deleted", "is_deleted", "archived")
"""A `skip` of what HubSpot has thrown away."""
IGNORED = ("_fivetran_synced", "_fivetran_deleted", "is_deleted", "archived")
"""Columns of connectors and the API that say nothing of a thing itself."""
# HubSpot keeps the outcome of a call as an id; these are the ones that every account begins with.
_CALLS = {
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "busy",
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "connected",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "left live message",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "left voicemail",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "no answer",
    "17b47fee-58de-441e-a44c-c6300d46f273": "wrong number",
}
_MEETINGS = {
    "SCHEDULED": "scheduled",
    "COMPLETED": "completed",
    "RESCHEDULED": "rescheduled",
    "NO_SHOW": "no show",
    "CANCELED": "canceled",
}
_MESSAGES = {
    "SMS": "sms",
    "WHATS_APP": "whatsapp",
    "LINKEDIN_MESSAGE": "linkedin",
    "PHYSICAL_MAIL": "letter",
}
_TYPES = {"CALL": "phone", "EMAIL": "email", "MEETING": "meeting", "NOTE": "note", **_MESSAGES}


def _engagement(
    object: str,
    label: str,
    channel: str | Value,
    tells: Iterable[str],
    older: Iterable[Iterable[str]] = (),
    **fields: str | Value,
) -> Iterator[Preset]:
    """One sort of contact, from a connector's tables and from the API; any of the properties `tells` it from others.

    Whose a contact is stands in tables of their own, or in the API's associations.
    """
    in_table = Preset(
        name=f"hubspot-{object}s",
        source="hubspot",
        object="engagement",
        label=label,
        kind="interaction",
        signatures=[
            *(["engagement_id", "property_hs_timestamp", "type", f"property_{n}"] for n in tells),
            *older,
        ],
        key="engagement_id",
        fields={
            "happened_at": First(["hs_timestamp", "start_time"]),
            **({"channel": channel} if isinstance(channel, Value) else {}),
            **fields,
        },
        constants={"channel": channel if isinstance(channel, str) else "chat", "direction": "out"},
        skip=DELETED,
        ignored=IGNORED,
        after=("contact", "company"),
    )
    yield in_table
    yield attrs.evolve(
        in_table,
        name=f"hubspot-{object}s-api",
        label=f"{label}, from the API",
        signatures=[["id", "properties.hs_timestamp", f"properties.{name}"] for name in tells],
        key="id",
        references={
            "customer_id": Reference(
                Id("associations.contacts.results"),
                "contact",
                Reference(Id("associations.companies.results"), "company"),
            )
        },
    )


ENGAGEMENTS = (
    *_engagement(
        "call",
        "HubSpot calls",
        "phone",
        ["hs_call_title", "hs_call_body", "hs_call_direction", "hs_call_disposition"],
        subject="hs_call_title",
        body=Unmarked("hs_call_body"),
        direction=Words("hs_call_direction", {"INBOUND": "in"}, other="out"),
        outcome=First([Words("hs_call_disposition", _CALLS), "hs_call_status"]),
    ),
    *_engagement(
        "email",
        "HubSpot e-mails",
        "email",
        ["hs_email_subject", "hs_email_text", "hs_email_html", "hs_email_direction"],
        subject="hs_email_subject",
        body=First(["hs_email_text", Unmarked("hs_email_html")]),
        direction=Words("hs_email_direction", {"INCOMING_EMAIL": "in"}, other="out"),
        outcome="hs_email_status",
        thread="hs_email_thread_id",
    ),
    *_engagement(
        "meeting",
        "HubSpot meetings",
        "meeting",
        ["hs_meeting_title", "hs_meeting_body", "hs_meeting_start_time", "hs_meeting_outcome"],
        older=[["engagement_id", "start_time", "end_time", "meeting_outcome", "title"]],
        happened_at=First(["hs_meeting_start_time", "start_time", "hs_timestamp"]),
        subject=First(["hs_meeting_title", "title"]),
        body=Unmarked(First(["hs_meeting_body", "hs_internal_meeting_notes", "body"])),
        outcome=Words(First(["hs_meeting_outcome", "meeting_outcome"]), _MEETINGS),
    ),
    *_engagement(
        "note",
        "HubSpot notes",
        "note",
        ["hs_note_body"],
        body=Unmarked(First(["hs_note_body", "hs_body_preview"])),
    ),
    *_engagement(
        "communication",
        "HubSpot chats and messages",
        Words("hs_communication_channel_type", _MESSAGES, other="chat"),
        ["hs_communication_body", "hs_communication_channel_type"],
        body=Unmarked("hs_communication_body"),
    ),
)
# A connector that was told to leave the contents away leaves tables that are all alike.
BARE = Preset(
    name="hubspot-engagements",
    source="hubspot",
    object="engagement",
    label="HubSpot calls and messages without their contents",
    kind="interaction",
    signatures=[["engagement_id", "property_hs_timestamp", "type"]],
    key="engagement_id",
    fields={"happened_at": "hs_timestamp", "channel": Words("type", _TYPES, other="chat")},
    constants={"channel": "chat", "direction": "out"},
    skip=DELETED,
    ignored=IGNORED,
    after=("contact", "company"),
)


def _link(name: str, column: str, object: str, after: Iterable[str] = ()) -> Preset:
    """A table that says whose an engagement is: it completes contacts that were imported before."""
    return Preset(
        name=name,
        source="hubspot",
        object="engagement",
        label=f"HubSpot: whose {object}'s an engagement is",
        kind="interaction",
        signatures=[[column, "engagement_id"]],
        key="engagement_id",
        only_update=True,
        references={"customer_id": Reference(column, object)},
        skip=DELETED,
        after=("contact", "company", "engagement", *after),
    )


# A person says more than the company: theirs come first, and the company's only add where there is nobody.
LINKS = (
    _link("hubspot-engagement-contacts", "contact_id", "contact"),
    _link("hubspot-engagement-companies", "company_id", "company", ["hubspot-engagement-contacts"]),
)
PRESETS = (*ENGAGEMENTS, BARE, *LINKS)
