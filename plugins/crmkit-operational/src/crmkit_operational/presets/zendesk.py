"""Zendesk: tickets as they began, what became of them, and as they are now."""

from __future__ import annotations

import attrs
from crmkit_exchange.presets.deleted import any_of, says, thrown_away
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import History, Preset, Reference
from crmkit_exchange.presets.values import First, Made, Row, Words, is_blank

from crmkit_operational.presets.tickets import (
    PRIORITIES,
    SINCE,
    changed,
    emptied,
    of_words,
    subject,
    taken,
)
from crmkit_operational.service.kinds import Ticket

__all__ = ["PRESETS"]

# Not `ticket`: under that the exchange plugin keeps the contacts that it makes of the same tickets.
_OBJECT, _CHANGE, _NOW = "service_ticket", "service_ticket_change", "service_ticket_now"
_IGNORED = ("_fivetran_synced", "_fivetran_deleted", "deleted")
_DELETED = any_of(
    says("was deleted in Zendesk", "status", ["deleted"]),
    thrown_away("Zendesk", "_fivetran_deleted", "deleted"),
)
_STATES = {
    "new": "new",
    "open": "open",
    "pending": "pending",
    "hold": "on_hold",
    "on-hold": "on_hold",
    "on hold": "on_hold",
    "solved": "solved",
    "closed": "closed",
}
_CHANNELS = {
    "email": "email", "mail": "email", "web": "web", "web form": "web", "api": "web", "mobile": "web", "mobile_sdk": "web",
    "web_widget": "web", "help_center": "web", "chat": "chat", "native_messaging": "chat", "chat_transcript": "chat",
    "voice": "phone", "phone": "phone", "sms": "sms", "facebook": "facebook", "twitter": "twitter", "whatsapp": "whatsapp",
    "line": "line",
}  # fmt: skip
_SOLVED_AT = First(["solved_at", "metric_set.solved_at"])

_state = of_words(_STATES, "state")
_priority = of_words(PRIORITIES, "priority")


def _thread(row: Row) -> str | None:
    """The thread in which the exchange plugin's comments of a ticket are."""
    return None if is_blank(row.get("id")) else f"ticket {str(row['id']).strip()}"


def _since(row: Row) -> object:
    """Since when a ticket is as it is: where it says when it was solved since then, else since somebody last touched it."""
    is_solved = str(row.get("status") or "").strip().casefold() in {"solved", "closed"}
    solved = _SOLVED_AT(row) if is_solved else None
    return row.get("updated_at") if is_blank(solved) else solved


BEGUN = Preset(
    name="zendesk-service-tickets",
    source="zendesk",
    object=_OBJECT,
    label="Zendesk: tickets with their states",
    kind=Ticket,
    signatures=[
        ["id", "requester_id", "subject", "description", "via_channel"],
        ["id", "requester_id", "subject", "description", "via.channel"],
        ["@tickets", "id", "requester_id", "subject"],
    ],
    key="id",
    fields={
        "subject": subject("subject", "raw_subject", body="description", id="id"),
        "body": "description",
        "channel": Words(First(["via_channel", "via.channel", "via"]), _CHANNELS, other="web"),
        "opened_at": "created_at",
        "thread": Made(_thread, ["id"]),
        "external_id": "id",
    },
    constants={"source": "zendesk"},
    references={
        "customer_id": Reference(
            "requester_id", "user", Reference("organization_id", "organization")
        )
    },
    skip=_DELETED,
    ignored=_IGNORED,
    after=("user", "organization"),
    history=History("created_at", since=SINCE),
    again="zendesk-service-tickets-now",
)
NOW = Preset(
    name="zendesk-service-tickets-now",
    source="zendesk",
    object=_NOW,
    label="Zendesk: the same tickets as they are now",
    kind=Ticket,
    key="id",
    fields={
        "state": Made(lambda row: _state(row.get("status")), ["status"]),
        "priority": Made(lambda row: _priority(row.get("priority")), ["priority"]),
        "assignee": First(["assignee_id", "assignee"]),
        "team": First(["group_id", "group"]),
        "topic": First(["type", "ticket_type"]),
    },
    references={"parent_id": Reference("problem_id", _OBJECT), **BEGUN.references},
    skip=_DELETED,
    ignored=(*taken(BEGUN), "updated_at", *_SOLVED_AT.columns),
    after=(_OBJECT, _CHANGE),
    history=History(
        Made(_since, ["updated_at", "status", *_SOLVED_AT.columns]),
        of=_OBJECT,
        since=SINCE,
        yields_to=_CHANGE,
    ),
)
# The table that agents export from a view has labels and times in the account's zone.
TABLES = (
    attrs.evolve(
        BEGUN,
        name="zendesk-service-ticket-table",
        label="Zendesk: tickets with their states, exported as a table",
        signatures=[["Id", "Requester id", "Requester email", "Submitter", "Ticket type"]],
        timezone=None,
        again="zendesk-service-ticket-table-now",
    ),
    attrs.evolve(
        NOW,
        name="zendesk-service-ticket-table-now",
        label="Zendesk: the same tickets as they are now, from the table",
        timezone=None,
    ),
)
_TOLD = {
    "status": ("state", _state),
    "priority": ("priority", _priority),
    "assignee_id": ("assignee", emptied),
    "group_id": ("team", emptied),
    "type": ("topic", emptied),
}
"""Their field -> ours, and how its value is read."""


def _tells_of_nothing(row: Row) -> str | None:
    """Why a change is left out: it is of a field that is not followed."""
    name = str(row.get("field_name") or "").strip()
    if name.casefold() in {*_TOLD, "requester_id"}:
        return None
    return f"tells of {name!r:.60}, which is not taken from the history of tickets"


CHANGES = Preset(
    name="zendesk-ticket-history",
    source="zendesk",
    object=_CHANGE,
    label="Zendesk: what became of tickets",
    kind=Ticket,
    signatures=[["field_name", "ticket_id", "updated", "value"]],
    key="ticket_id",
    fields={ours: changed("field_name", theirs, read) for theirs, (ours, read) in _TOLD.items()},
    references={
        "customer_id": Reference(changed("field_name", "requester_id", lambda given: given), "user")
    },
    skip=_tells_of_nothing,
    # Who changed a field is another's actor, and would make a change of rows that say what is known.
    ignored=(*_IGNORED, "user_id", "field_name", "value"),
    after=(_OBJECT, "user"),
    history=History("updated", of=_OBJECT, since=SINCE, yields_to=_NOW),
)
NOT_KEPT = tuple(
    leftovers("zendesk", "Zendesk", "tags, forms, schedules and promises of tickets are not kept", [
        ("ticket_schedule", "ticket_id schedule_id created_at"),
        ("ticket_sla", "ticket_id sla_policy_id policy_applied_at"),
        ("ticket_tag", "ticket_id tag _fivetran_synced"),
        ("ticket_form", "id display_name end_user_visible"),
        ("sla_policy", "sla_policy_id metric priority target"),
    ])
)  # fmt: skip
PRESETS = (BEGUN, NOW, *TABLES, CHANGES, *NOT_KEPT)
