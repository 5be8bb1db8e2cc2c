"""The section of a patient's profile that shows the visits."""

from __future__ import annotations

from datetime import datetime

from clinic.kinds import CHART_NO, Visit, VisitStatus
from clinic.settings import local
from clinic.words import _
from crmkit import Customer, Handle, Section, where


def visits(crm: Handle, customer: Customer, as_of: datetime | None) -> Section:
    """Chart number, last and next visit, and how many were missed, as they were at `as_of`."""
    moment = as_of or crm.now()
    mine = where.customer_id == customer.id
    here = mine, where.status != VisitStatus.MISSED
    before = crm.page(Visit, *here, where.at < moment, order="-at", limit=1, as_of=as_of)
    after = crm.page(Visit, *here, where.at >= moment, order="at", limit=1, as_of=as_of)
    missed = crm.count(Visit, mine, where.status == VisitStatus.MISSED, as_of=as_of)
    rows: list[tuple[str, object]] = [(_("Chart number"), customer[CHART_NO])]
    for label, page in ((_("Last visit"), before), (_("Next visit"), after)):
        rows += [(label, f"{local(v.at, crm.company):%Y-%m-%d %H:%M} {v.doctor}") for v in page]
    return Section("visits", _("Visits"), [*rows, (_("Missed visits"), missed)])
