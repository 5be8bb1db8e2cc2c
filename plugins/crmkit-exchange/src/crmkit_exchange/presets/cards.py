"""Contacts on vCards, and messages of mail, as records."""

from __future__ import annotations

from typing import Any

from crmkit_exchange.presets.preset import Preset, Reference
from crmkit_exchange.presets.values import First, Items, Made, Row

__all__ = ["MAIL", "VCARD"]


def _attachments(row: Row) -> tuple[Any, ...] | None:
    """Name, type, size and hash of each; what a table has in a column of that name is none."""
    given = row.get("attachments")
    return tuple(given) or None if isinstance(given, list | tuple) else None


def _employer(row: Row) -> Any:
    """The organization of a person; that of an organization's own card is itself."""
    return None if row.get("type") == "organization" else row.get("organization")


VCARD = Preset(
    name="vcard",
    source="vcard",
    object="contact",
    label="vCards (2.1, 3.0, 4.0)",
    kind="customer",
    key="uid",
    fields={"name": First(["name", "organization"]), "type": "type", "tags": Items("categories")},
    addresses={
        "email": "emails",
        "phone": "phones",
        "fax": "faxes",
        "web": "urls",
        "messenger": "messengers",
    },
    references={"organization_id": Reference(Made(_employer, ["organization"]), "contact")},
    timezone=None,
)
MAIL = Preset(
    name="mail",
    source="mail",
    object="message",
    label="E-mail (.eml, mbox, Maildir)",
    kind="interaction",
    key="message_id",
    fields={
        "happened_at": "date",
        "subject": "subject",
        "body": "body",
        "thread": "thread",
        "source": Made(lambda row: "mail", ()),
        "external_id": "message_id",
        "exchange.attachments": Made(_attachments, ["attachments"]),
    },
    constants={"channel": "email"},
)
