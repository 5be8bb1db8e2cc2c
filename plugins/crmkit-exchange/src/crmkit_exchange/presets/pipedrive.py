"""Pipedrive: its API's objects, alone or as `recents` wraps them, and its own CSV exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit_exchange.presets.leftovers import leftovers
from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Items, Joined, Made, Row, Value, Words

__all__ = ["PRESETS"]

_CHANNELS = {
    "call": "phone",
    "meeting": "meeting",
    "email": "email",
    "lunch": "meeting",
    "task": "note",
    "deadline": "note",
}


def _wrapped(name: str) -> tuple[str, str]:
    """How a column is called in an object that `recents` wraps, and alone."""
    return f"data.{name}", name


def _gone(row: Row) -> str | None:
    """Why a row is none: Pipedrive sends null for what was deleted."""
    if "item" in row and row.get("data.id") is None:
        return "was deleted in Pipedrive"
    active = First(_wrapped("active_flag"))(row)
    return "was deleted in Pipedrive" if active in (False, "false", "0") else None


def _id_of(name: str) -> Made:
    """An id that Pipedrive gives as a number, or within an object."""

    def find(row: Row) -> Any:
        given = First([*_wrapped(name), *_wrapped(f"{name}.value")])(row)
        return given.get("value") if isinstance(given, Mapping) else given

    return Made(find, [*_wrapped(name), *_wrapped(f"{name}.value")])


def _only(kind: str) -> Any:
    """A `skip` that lets through one sort of thing of a page that mixes them."""

    def skip(row: Row) -> str | None:
        if row.get("item") not in (None, kind):
            return f"is a {row['item']}, which is not kept"
        return _gone(row)

    return skip


def _fields(**columns: str | Value) -> dict[str, str | Value]:
    return columns


PRESETS = (
    Preset(
        name="pipedrive-persons",
        source="pipedrive",
        object="person",
        label="Pipedrive persons",
        kind="customer",
        signatures=[
            ["item", "id", "data.first_name", "data.last_name", "data.org_id"],
            ["id", "first_name", "last_name", "org_id", "open_deals_count"],
            ["id", "name", "org_name", "emails", "phones"],
        ],
        key="id",
        fields={
            "name": First(["data.name", "name"]),
            "owner": First(["data.owner_name", "owner_name", "data.owner_id"]),
            "tags": Items("label_names"),
        },
        addresses={"email": ("data.email", "email", "emails"), "phone": ("data.phone", "phone", "phones")},
        references={"organization_id": Reference("data.org_id", "organization")},
        skip=_only("person"),
        after=("organization",),
    ),
    Preset(
        name="pipedrive-person-table",
        source="pipedrive",
        object="person",
        label="Pipedrive persons, exported as a table",
        kind="customer",
        signatures=[["Person - ID", "Person - Name"], ["Person - Name", "Person - Email - Work"]],
        key="Person - ID",
        fields={"name": "Person - Name", "owner": "Person - Owner", "tags": Items("Person - Label")},
        addresses={
            "email": ("Person - Email - Work", "Person - Email - Home", "Person - Email - Other", "Person - Email"),
            "phone": (
                "Person - Phone - Work",
                "Person - Phone - Mobile",
                "Person - Phone - Home",
                "Person - Phone - Other",
                "Person - Phone",
            ),
        },
        references={"organization_id": Reference("Person - Organization", "organization")},
        after=("organization",),
    ),
    Preset(
        name="pipedrive-organizations",
        source="pipedrive",
        object="organization",
        label="Pipedrive organizations",
        kind="customer",
        signatures=[
            ["item", "id", "data.people_count", "data.address"],
            ["id", "name", "people_count", "open_deals_count"],
        ],
        key="id",
        fields={
            "name": First(["data.name", "name"]),
            "owner": First(["data.owner_name", "owner_name"]),
            "country": First(["data.address_country", "address_country", "data.country_code"]),
        },
        constants={"type": "organization"},
        skip=_only("organization"),
    ),
    Preset(
        name="pipedrive-organization-table",
        source="pipedrive",
        object="organization",
        label="Pipedrive organizations, exported as a table",
        kind="customer",
        signatures=[["Organization - ID", "Organization - Name"], ["Organization - Name", "Organization - Address"]],
        key="Organization - ID",
        fields={"name": "Organization - Name", "owner": "Organization - Owner"},
        constants={"type": "organization"},
    ),
    Preset(
        name="pipedrive-activities",
        source="pipedrive",
        object="activity",
        label="Pipedrive activities",
        kind="interaction",
        signatures=[["id", "type", "due_date", "person_id", "subject"], ["item", "data.due_date", "data.subject"]],
        key="id",
        fields={
            "happened_at": Made(
                lambda row: Joined(["due_date", "due_time"])(row) or row.get("add_time"),
                ["due_date", "due_time", "add_time"],
            ),
            "subject": First(["subject", "data.subject"]),
            "body": First(["note", "data.note", "public_description"]),
            "channel": Words("type", _CHANNELS, other="note"),
            "outcome": Words("done", {"true": "done", "1": "done"}),
        },
        constants={"direction": "out", "channel": "note"},
        references={"customer_id": Reference("person_id", ("person", "organization"))},
        skip=_only("activity"),
        after=("person", "organization"),
    ),
    Preset(
        name="pipedrive-notes",
        source="pipedrive",
        object="note",
        label="Pipedrive notes",
        kind="interaction",
        signatures=[["id", "content", "person_id", "add_time"]],
        key="id",
        fields={"happened_at": "add_time", "body": "content"},
        constants={"direction": "out", "channel": "note"},
        references={"customer_id": Reference("person_id", ("person", "organization"))},
        skip=_only("note"),
        after=("person", "organization"),
    ),
    *leftovers("pipedrive", "Pipedrive", "deals are not kept by any plugin that is installed", [
        ("deal", "id title stage_id pipeline_id value"),
        ("deal_table", "Deal - ID|Deal - Title"),
    ]),
)  # fmt: skip
