"""What the studio keeps of its own: projects."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum

from crmkit_operational.sales.kinds import Deal

from crmkit import Customer, Record, field, kind


class State(Enum):
    """How far a project has come."""

    PLANNED = "planned"
    DRAFTS = "drafts"
    REVISIONS = "revisions"
    DELIVERED = "delivered"


@kind(
    "project", label="Project", timeline="begun_at", title="title", indexes=(("state", "begun_at"),)
)
class Project(Record):
    """What is made for a customer once a deal is won; `approved_on` is when they said yes to it."""

    customer_id: str | None = field(default=None, refers_to=Customer, label="Customer")
    deal_id: str | None = field(default=None, refers_to=Deal, on_delete="clear", label="Deal")
    title: str = field(search=True, label="Title")
    state: State = field(default=State.PLANNED, label="State")
    lead: str | None = field(default=None, label="Led by")
    begun_at: datetime = field(label="Begun at")
    approved_on: date | None = field(default=None, label="Approved on")
