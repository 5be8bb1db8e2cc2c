"""What the clinic keeps: visits, and two fields of its own on customers."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from crmkit import Customer, FieldSpec, Money, Record, field, kind

CHART_NO = "clinic.chart_no"
BRANCH = "clinic.branch"

FIELDS = (
    FieldSpec(on=Customer, name=CHART_NO, type=int | None, index=True, label="Chart number"),
    FieldSpec(on=Customer, name=BRANCH, type=str | None, index=True, label="Branch"),
)


class VisitStatus(Enum):
    """How far a visit has come."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    DONE = "done"
    MISSED = "missed"


@kind(
    "visit",
    label="Visit",
    timeline="at",
    title="note",
    indexes=(("branch", "at"), ("doctor", "at"), ("status", "at")),
)
class Visit(Record):
    """A patient's appointment with a doctor, at one of the branches.

    `reason` is medical and for doctors only; `note` is what the reception writes down.
    """

    customer_id: str = field(refers_to=Customer, label="Patient")
    at: datetime = field(label="Time")
    doctor: str = field(label="Doctor")
    branch: str = field(default="", label="Branch")
    note: str = field(default="", search=True, personal=True, label="Note")
    reason: str = field(default="", search=True, personal=True, label="Medical reason")
    fee: Money | None = field(default=None, label="Fee")
    status: VisitStatus = field(default=VisitStatus.BOOKED, label="Status")
