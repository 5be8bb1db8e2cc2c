"""Checks for `crm doctor`: what goes wrong in a clinic without anybody noticing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from clinic.kinds import Visit, VisitStatus
from clinic.settings import Settings
from crmkit import CRM, Finding, where


def overdue_visits(crm: CRM) -> Iterator[Finding]:
    """Booked visits of more than a day ago: the worker that marks them does not run."""
    yesterday = crm.now() - timedelta(days=1)
    count = crm.count(Visit, where.status == VisitStatus.BOOKED, where.at < yesterday)
    if count:
        yield Finding(
            f"{count} visits are booked for a time more than a day ago, and nobody is called",
            "keep `crm work` running, or run `crm work --once` from cron",
        )


def unknown_staff(crm: CRM) -> Iterator[Finding]:
    """Visits to come with doctors, or at branches, that the settings do not have."""
    settings = crm.settings(Settings)
    known = {"doctor": settings.doctors, "branch": settings.branches}
    for field, names in known.items():
        to_come = (where.at >= crm.now(), where.status == VisitStatus.BOOKED)
        totals = crm.totals(Visit, *to_come, by=field) if names else ()
        for total in totals:
            [name] = total.group
            if name not in names:
                yield Finding(
                    f"{total.count} visits to come are booked for the {field} {name!r}, which crm.toml does not have",
                    f"move them, or add {name!r} to `{field}s` in [plugin.clinic]",
                    "warning",
                )
