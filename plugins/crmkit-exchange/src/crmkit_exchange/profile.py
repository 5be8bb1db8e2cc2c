"""What a customer's profile says of imports: the columns that no field takes, word for word."""

from __future__ import annotations

from datetime import datetime

from crmkit import Customer, Handle, Section, where
from crmkit_exchange.kinds import ExternalId

__all__ = ["came_with"]


def came_with(crm: Handle, customer: Customer, as_of: datetime | None) -> Section | None:
    """The details of a customer's rows, by source; nothing if there are none."""
    mine = (where.record_kind == Customer.__kind__, where.record_id == customer.id)
    rows = [
        (name, value)
        for external in crm.find(ExternalId, *mine, as_of=as_of)
        for name, value in _details(external).items()
    ]
    return Section("details", "Details", rows) if rows else None


def _details(external: ExternalId) -> dict[str, object]:
    return external.details if isinstance(external.details, dict) else {}
