"""Pipedrive: its API's objects, alone or as `recents` wraps them, and its own CSV exports."""

from __future__ import annotations

from typing import Any

import attrs

from crmkit_exchange.presets.deleted import Skip, any_of, says, thrown_away
from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Id, Items, Made, Row, Unmarked, Words

__all__ = ["PRESETS"]

_CHANNELS = {
    "call": "phone",
    "email": "email",
    "meeting": "meeting",
    "lunch": "meeting",
    "demo": "meeting",
    "sms": "sms",
    "whatsapp": "whatsapp",
}
_PLURALS = {"person": "persons", "organization": "organizations", "activity": "activities", "note": "notes"}  # fmt: skip


def _wrapped(*names: str) -> list[str]:
    """How columns are called in an object that `recents` wraps, and alone."""
    return [f"{prefix}{name}" for name in names for prefix in ("data.", "")]


def _id_of(name: str) -> Id:
    """An id that Pipedrive gives as a number, or within an object."""
    return Id(First(_wrapped(name, f"{name}.value")))


def _null(row: Row) -> str | None:
    """Why an item of `recents` is none: what was deleted comes as null."""
    wrapped = "item" in row and row.get("data.id") is None
    return "was deleted in Pipedrive" if wrapped else None


def _another(kind: str) -> Skip:
    """A `skip` of other sorts of things in a page that mixes them."""

    def skip(row: Row) -> str | None:
        item = row.get("item")
        if item in (None, kind):
            return None
        article = "an" if str(item)[:1] in "aeio" else "a"
        taken = f"--preset pipedrive-{_PLURALS[item]} takes" if item in _PLURALS else "is not kept"
        return f"is {article} {item}, which {taken}"

    return skip


def _only(kind: str) -> Skip:
    return any_of(
        _another(kind),
        _null,
        thrown_away(
            "Pipedrive",
            *_wrapped("is_deleted", "deleted"),
            alive=_wrapped("active_flag"),
        ),
    )


def _due(days: list[str], times: list[str]) -> Made:
    """When an activity was due: the day, with the time of day if there is one."""

    def find(row: Row) -> Any:
        day, time = First(days)(row), First(times)(row)
        return f"{day} {time}" if day and time else day

    return Made(find, [*days, *times])


PERSONS = Preset(
    name="pipedrive-persons",
    source="pipedrive",
    object="person",
    label="Pipedrive persons",
    kind="customer",
    signatures=[
        ["item", "id", "data.first_name", "data.last_name", "data.org_id"],
        ["id", "first_name", "last_name", "open_deals_count", "activities_count"],
        ["id", "first_name", "last_name", "owner_id", "visible_to", "label_ids"],
        ["id", "name", "org_name", "emails", "phones"],
    ],
    key="id",
    fields={
        "name": First(_wrapped("name")),
        "owner": First(_wrapped("owner_name", "owner_id.email", "owner_id.name", "owner_id")),
        "tags": Items("label_names"),
    },
    addresses={
        "email": _wrapped("email", "emails"),
        "phone": _wrapped("phone", "phones"),
        "messenger": _wrapped("im", "ims"),
    },
    references={"organization_id": Reference(_id_of("org_id"), "organization")},
    skip=_only("person"),
    after=("organization",),
)
ORGANIZATIONS = Preset(
    name="pipedrive-organizations",
    source="pipedrive",
    object="organization",
    label="Pipedrive organizations",
    kind="customer",
    signatures=[
        ["item", "id", "data.people_count", "data.address", "data.owner_id"],
        ["id", "name", "people_count", "open_deals_count"],
        ["@data", "id", "name", "owner_id", "visible_to", "label_ids"],
    ],
    key="id",
    fields={
        "name": First(_wrapped("name")),
        "owner": First(_wrapped("owner_name", "owner_id.email", "owner_id.name", "owner_id")),
        "country": First(_wrapped("address_country", "address.country", "country_code")),
    },
    constants={"type": "organization"},
    skip=_only("organization"),
)
_WITH = Reference(_id_of("person_id"), "person", Reference(_id_of("org_id"), "organization"))
_NOT_DONE = "is still to be done"
ACTIVITIES = Preset(
    name="pipedrive-activities",
    source="pipedrive",
    object="activity",
    label="Pipedrive activities",
    kind="interaction",
    signatures=[
        ["item", "id", "data.due_date", "data.subject", "data.type"],
        ["id", "type", "due_date", "subject", "done"],
    ],
    key="id",
    fields={
        "happened_at": First([_due(_wrapped("due_date"), _wrapped("due_time")), *_wrapped("add_time")]),
        "subject": First(_wrapped("subject")),
        "body": Unmarked(First(_wrapped("note", "public_description"))),
        "channel": Words(First(_wrapped("type")), _CHANNELS, other="note"),
    },
    constants={"direction": "out", "channel": "note", "outcome": "done"},
    references={"customer_id": _WITH},
    skip=any_of(_only("activity"), *(says(_NOT_DONE, name, ["false", "0"]) for name in _wrapped("done"))),
    after=("person", "organization"),
)  # fmt: skip
NOTES = Preset(
    name="pipedrive-notes",
    source="pipedrive",
    object="note",
    label="Pipedrive notes",
    kind="interaction",
    signatures=[
        ["item", "id", "data.content", "data.person_id", "data.add_time"],
        ["id", "content", "person_id", "add_time"],
    ],
    key="id",
    fields={
        "happened_at": First(_wrapped("add_time")),
        "body": Unmarked(First(_wrapped("content"))),
    },
    constants={"direction": "out", "channel": "note"},
    references={"customer_id": _WITH},
    skip=_only("note"),
    after=("person", "organization"),
)
_KINDS_OF = ("Work", "Mobile", "Home", "Other")
TABLES = (
    attrs.evolve(
        PERSONS,
        name="pipedrive-person-table",
        label="Pipedrive persons, exported as a table",
        signatures=[
            ["Person - ID", "Person - Name"],
            ["Person - Name", "Person - Email - Work"],
            ["Person - Name", "Person - Organization"],
        ],
        key="Person - ID",
        fields={
            "name": "Person - Name",
            "owner": "Person - Owner",
            "tags": Items(First(["Person - Labels", "Person - Label"])),
        },
        addresses={
            "email": ["Person - Email", *(f"Person - Email - {each}" for each in _KINDS_OF)],
            "phone": ["Person - Phone", *(f"Person - Phone - {each}" for each in _KINDS_OF)],
            "messenger": "Person - Instant messenger",
        },
        references={
            "organization_id": Reference(
                First(["Organization - ID", "Person - Organization ID"]),
                "organization",
                Reference("Person - Organization", "organization"),
            )
        },
        skip=None,
    ),
    attrs.evolve(
        ORGANIZATIONS,
        name="pipedrive-organization-table",
        label="Pipedrive organizations, exported as a table",
        signatures=[
            ["Organization - ID", "Organization - Name"],
            ["Organization - Name", "Organization - Address"],
            ["Organization - Name", "Organization - Owner"],
        ],
        key="Organization - ID",
        fields={
            "name": "Organization - Name",
            "owner": "Organization - Owner",
            "country": "Organization - Country of Address",
            "tags": Items(First(["Organization - Labels", "Organization - Label"])),
        },
        skip=None,
    ),
    attrs.evolve(
        ACTIVITIES,
        name="pipedrive-activity-table",
        label="Pipedrive activities, exported as a table",
        signatures=[["Activity - Subject", "Activity - Due date", "Activity - Done"]],
        key="Activity - ID",
        fields={
            "happened_at": First(
                [
                    _due(["Activity - Due date"], ["Activity - Due time"]),
                    "Activity - Add time",
                ]
            ),
            "subject": "Activity - Subject",
            "body": Unmarked(First(["Activity - Note", "Activity - Public description"])),
            "channel": Words("Activity - Type", _CHANNELS, other="note"),
        },
        references={
            "customer_id": Reference(
                "Person - ID", "person", Reference("Activity - Organization", "organization")
            )
        },
        skip=says(_NOT_DONE, "Activity - Done", ["to do", "no", "false", "0"]),
        timezone=None,
    ),
)
NOT_KEPT = (
    *leftovers("pipedrive", "Pipedrive", "deals are not kept by any plugin that is installed", [
        ("deal", "id title stage_id pipeline_id value | item id data.title data.stage_id data.pipeline_id"
         " | Deal - ID, Deal - Title | Deal - ID, Deal - Title, Deal - Status | Deal - Title, Deal - Value, Deal - Owner"
         " | Deal - Title, Person - Name, Person - Email - Work"),
    ]),
)  # fmt: skip
PRESETS = (PERSONS, ORGANIZATIONS, ACTIVITIES, NOTES, *TABLES, *NOT_KEPT)
