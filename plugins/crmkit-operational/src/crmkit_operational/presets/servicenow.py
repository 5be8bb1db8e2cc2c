"""ServiceNow: the audit log of its incidents, in which each row is the state of one after a change."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from crmkit_exchange.presets.preset import History, Preset, Reference
from crmkit_exchange.presets.values import Joined, Made, Row, Words

from crmkit_operational.service.kinds import Ticket

__all__ = ["PRESETS"]

_STATES = {
    "New": "new",
    "Active": "open",
    "In Progress": "open",
    "Awaiting User Info": "pending",
    "Awaiting Problem": "on_hold",
    "Awaiting Vendor": "on_hold",
    "Awaiting Evidence": "on_hold",
    "On Hold": "on_hold",
    "Resolved": "solved",
    "Closed": "closed",
    "Canceled": "closed",
}
_PRIORITIES = {"1 - Critical": "urgent", "2 - High": "high", "3 - Moderate": "normal"}
_CHANNELS = {"Phone": "phone", "Email": "email", "Self service": "web", "Direct opening": "web"}
_OF_INCIDENTS = [
    "number",
    "incident_state",
    "active",
    "reassignment_count",
    "reopen_count",
    "sys_mod_count",
    "made_sla",
    "opened_by",
    "opened_at",
    "sys_created_by",
    "sys_created_at",
    "sys_updated_by",
    "sys_updated_at",
    "contact_type",
    "location",
    "category",
    "subcategory",
    "u_symptom",
    "cmdb_ci",
    "impact",
    "urgency",
    "priority",
    "assignment_group",
    "assigned_to",
    "knowledge",
    "u_priority_confirmation",
    "notify",
    "problem_id",
    "rfc",
    "vendor",
    "caused_by",
    "closed_code",
    "resolved_by",
    "resolved_at",
    "closed_at",
    "short_description",
    "description",
]
"""Columns that say nothing of who called."""
_FORMS = ("%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
_RESOLVED = frozenset({"Resolved", "Closed"})


def _lacks_its_time(row: Row) -> bool:
    """Whether the log knows no time of a solution, and says so."""
    return "resolved_at" in row and str(row["resolved_at"] or "").strip(" ?") == ""


def _state(row: Row) -> str:
    """The state; what is called resolved without a time of it still waits for who called."""
    given = str(row.get("incident_state") or "")
    is_waiting = given == "Resolved" and _lacks_its_time(row)
    return "pending" if is_waiting else _STATES.get(given, "open")


def _is_unsolved(row: Row) -> bool:
    """Whether it was closed and never resolved."""
    given = row.get("incident_state")
    return given == "Canceled" or (given == "Closed" and _lacks_its_time(row))


def _solved(row: Row) -> str | None:
    """When it was resolved; exports say that in every row, also where it was not yet."""
    return row.get("resolved_at") if row.get("incident_state") in _RESOLVED else None


def _contradicts_itself(row: Row) -> str | None:
    """Why a row is left out that says it is not resolved yet, at a time after it was resolved for good."""
    seen, resolved = _moment(row.get("sys_updated_at")), _moment(row.get("resolved_at"))
    if (
        row.get("incident_state") in _RESOLVED
        or seen is None
        or resolved is None
        or seen <= resolved
    ):
        return None
    return "says that it is not resolved, after it was resolved for good: one of its times is wrong"


def _moment(given: object) -> datetime | None:
    """A time as ServiceNow writes it; None for anything else."""
    for form in _FORMS:
        with suppress(ValueError):
            return datetime.strptime(str(given).strip(), form)  # only compared with its like
    return None


def _subject(row: Row) -> str:
    """The short description; of a log without texts what the incident is called."""
    return str(row.get("short_description") or row.get("number") or "").strip()


INCIDENTS = Preset(
    name="servicenow",
    source="servicenow",
    object="incident",
    label="ServiceNow: the audit log of incidents",
    kind=Ticket,
    signatures=[["number", "incident_state", "sys_updated_at", "opened_at"]],
    key="number",
    fields={
        "subject": Made(_subject, ["short_description", "number"]),
        "body": "description",
        "state": Made(_state, ["incident_state"]),
        "priority": Words("priority", _PRIORITIES, other="low"),
        "topic": "category",
        "channel": Words("contact_type", _CHANNELS),
        "assignee": "assigned_to",
        "team": "assignment_group",
        "opened_at": "opened_at",
        "unsolved": Made(_is_unsolved, ["incident_state"]),
        "solved_at": Made(_solved, ["incident_state"]),
        "external_id": "number",
    },
    constants={"source": "servicenow"},
    references={"customer_id": Reference("caller_id", "caller")},
    skip=_contradicts_itself,
    after=("caller",),
    history=History("sys_updated_at", since={"state_since": "state"}),
)
CALLERS = Preset(
    name="servicenow-callers",
    source="servicenow",
    object="caller",
    label="ServiceNow: who called, from the audit log of incidents",
    kind="customer",
    key="caller_id",
    fields={"name": Joined(["caller_id"])},
    ignored=_OF_INCIDENTS,
)
PRESETS = (INCIDENTS, CALLERS)
