"""HubSpot: tickets as they began, what became of them, as they are now, and whose they are."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import attrs
from crmkit_exchange.dates import parse_moment
from crmkit_exchange.presets.engagements import DELETED, IGNORED
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import History, Preset, Reference
from crmkit_exchange.presets.values import First, Id, Made, Row, Words, is_blank

from crmkit import ValueRefused
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

_STAGE = First(["hs_pipeline_stage", "Ticket status"])
_CLOSED_AT = First(["closed_date", "Close date"])
_CREATED_AT = First(["createdate", "Create date"])
_TOUCHED_AT = First(["hs_lastmodifieddate", "Last modified date"])
# Those that every account begins with. A ticket that is closed there comes back when the customer writes, as one that is
# solved does here; one that is closed here does not.
_STAGES = {
    "1": "new",
    "2": "pending",
    "3": "open",
    "4": "solved",
    "new": "new",
    "waiting on contact": "pending",
    "waiting on us": "open",
    "closed": "solved",
}
_CHANNELS = {
    "EMAIL": "email",
    "CHAT": "chat",
    "FORM": "web",
    "PHONE": "phone",
    "CUSTOMER_PORTAL": "web",
    "FEEDBACK_FORM": "web",
}
_priority = of_words(PRIORITIES, "priority")


def _stage(given: object) -> str | None:
    """The state that a stage stands for; None for one that an account has made for itself."""
    return _STAGES.get(str(given or "").strip().casefold())


def _state(row: Row) -> str:
    """The state of the stage; of an account's own one whether there is a time at which it was closed."""
    own = "open" if is_blank(_CLOSED_AT(row)) else "solved"
    return _stage(_STAGE(row)) or own


def _now(row: Row) -> str:
    """The state; raises `ValueRefused` where the times contradict it."""
    state = _state(row)
    closed, created = _moment(_CLOSED_AT(row)), _moment(_CREATED_AT(row))
    if state == "solved" and closed and created and closed < created:
        raise ValueRefused(
            "says that it was closed before it was created: one of its times is wrong"
        )
    return state


def _moment(given: object) -> datetime | None:
    """A time as HubSpot writes it, only compared with its like; None for anything else."""
    with suppress(ValueRefused):
        return parse_moment(str(given), None, UTC)
    return None


def _since(row: Row) -> object:
    """Since when a ticket is as it is: since it was closed, else since somebody last touched it, else all the time."""
    times = (_TOUCHED_AT(row), _CREATED_AT(row))
    known = [each for each in times if not is_blank(each)]
    closed = _CLOSED_AT(row) if _state(row) == "solved" else None
    return closed if not is_blank(closed) else next(iter(known), None)


BEGUN = Preset(
    name="hubspot-ticket",
    source="hubspot",
    object="ticket",
    label="HubSpot: tickets",
    kind=Ticket,
    signatures=[
        ["id", "property_hs_pipeline_stage", "property_subject"],
        ["id", "properties.hs_pipeline_stage", "properties.hs_ticket_priority"],
    ],
    key="id",
    fields={
        "subject": subject("subject", "Ticket name", body="content", id="id"),
        "body": First(["content", "Ticket description"]),
        "channel": Words(First(["source_type", "Source"]), _CHANNELS),
        "opened_at": _CREATED_AT,
        "external_id": "id",
    },
    constants={"source": "hubspot"},
    references={
        "customer_id": Reference(
            Id("associations.contacts.results"),
            "contact",
            Reference(Id("associations.companies.results"), "company"),
        )
    },
    skip=DELETED,
    ignored=IGNORED,
    after=("contact", "company"),
    history=History(_CREATED_AT, since=SINCE),
    again="hubspot-ticket-now",
)
NOW = Preset(
    name="hubspot-ticket-now",
    source="hubspot",
    object="ticket_now",
    label="HubSpot: the same tickets as they are now",
    kind=Ticket,
    key="id",
    fields={
        "state": Made(_now, [*_STAGE.columns, *_CLOSED_AT.columns, *_CREATED_AT.columns]),
        "priority": Made(
            lambda row: _priority(First(["hs_ticket_priority", "Priority"])(row)),
            ["hs_ticket_priority", "Priority"],
        ),
        "topic": First(["hs_ticket_category", "Category"]),
        "assignee": First(["hubspot_owner_id", "Ticket owner"]),
        "answered_at": First(["first_agent_reply_date", "First agent email response date"]),
    },
    references=BEGUN.references,
    skip=DELETED,
    ignored=(*taken(BEGUN), *_TOUCHED_AT.columns),
    after=("ticket", "ticket_change"),
    history=History(
        Made(_since, [*_STAGE.columns, *_CLOSED_AT.columns, *_CREATED_AT.columns]),
        of="ticket",
        since=SINCE,
        yields_to="ticket_change",
    ),
)
# The table has the names of stages and the times of the account's zone.
TABLES = (
    attrs.evolve(
        BEGUN,
        name="hubspot-ticket-table",
        label="HubSpot: tickets, exported as a table",
        signatures=[["Ticket ID", "Ticket name", "Pipeline"]],
        key="Ticket ID",
        fields={
            **BEGUN.fields,
            "subject": subject("Ticket name", body="Ticket description", id="Ticket ID"),
            "external_id": "Ticket ID",
        },
        timezone=None,
        again="hubspot-ticket-table-now",
    ),
    attrs.evolve(
        NOW,
        name="hubspot-ticket-table-now",
        label="HubSpot: the same tickets as they are now, from the table",
        key="Ticket ID",
        ignored=(*NOW.ignored, "Ticket name", "Ticket description"),
        timezone=None,
    ),
)
_TOLD = {
    "hs_pipeline_stage": ("state", _stage),
    "hs_ticket_priority": ("priority", _priority),
    "hs_ticket_category": ("topic", emptied),
    "hubspot_owner_id": ("assignee", emptied),
}
"""Their property -> our field, and how its value is read."""


def _tells_of_nothing(row: Row) -> str | None:
    """Why a change is left out: it is of a property that is not followed, or to a stage that means nothing here."""
    name = str(row.get("name") or "").strip()
    if name.casefold() not in _TOLD:
        return f"tells of {name!r:.60}, which is not taken from the history of tickets"
    if name.casefold() == "hs_pipeline_stage" and _stage(row.get("value")) is None:
        stage = str(row.get("value") or "")
        return f"tells of the stage {stage!r:.60}, which the account has made: what state that is is not known"
    return None


CHANGES = Preset(
    name="hubspot-ticket-history",
    source="hubspot",
    object="ticket_change",
    label="HubSpot: what became of tickets",
    kind=Ticket,
    signatures=[["ticket_id", "name", "timestamp_instant", "value"]],
    key="ticket_id",
    fields={ours: changed("name", theirs, read) for theirs, (ours, read) in _TOLD.items()},
    skip=_tells_of_nothing,
    ignored=(
        *IGNORED,
        "_fivetran_start",
        "_fivetran_end",
        "_fivetran_active",
        "source",
        "source_id",
    ),
    after=("ticket",),
    history=History("timestamp_instant", of="ticket", since=SINCE, yields_to="ticket_now"),
)


def _link(object: str, label: str, after: tuple[str, ...] = ()) -> Preset:
    """A table that says whose a ticket is: it completes tickets that were imported before."""
    column = f"{object}_id"
    return Preset(
        name=f"hubspot-ticket-{object}",
        source="hubspot",
        object="ticket",
        label=label,
        kind=Ticket,
        signatures=[["ticket_id", column, "_fivetran_synced"]],
        key="ticket_id",
        only_update=True,
        references={"customer_id": Reference(column, object)},
        skip=DELETED,
        ignored=(*IGNORED, "type_id", "category"),
        after=("ticket", object, *after),
    )


# Somebody wrote a ticket: that person says more than the company.
LINKS = (
    _link("contact", label="HubSpot: whose contact's a ticket is"),
    _link(
        "company",
        label="HubSpot: whose company's a ticket is",
        after=("hubspot-ticket-contact",),
    ),
)
NOT_KEPT = (
    *leftovers("hubspot", "HubSpot", "a ticket has no deal and no stage here; its state is read off the stage's id and the time of closing", [
        ("ticket_deal", "ticket_id deal_id _fivetran_synced"),
        ("ticket_pipeline", "pipeline_id display_order label object_type_id _fivetran_synced"),
        ("ticket_pipeline_stage", "pipeline_id stage_id ticket_state display_order label"),
    ]),
    *leftovers("hubspot", "HubSpot", "calls and mails belong to customers, and not to one of their tickets", [
        ("ticket_engagement", "ticket_id engagement_id"),
    ]),
)  # fmt: skip
PRESETS = (BEGUN, NOW, *TABLES, CHANGES, *LINKS, *NOT_KEPT)
