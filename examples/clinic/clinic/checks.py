"""Checks for `crm doctor`: what goes wrong in a clinic without anybody noticing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from clinic.kinds import Visit, VisitStatus
from clinic.settings import Settings
from clinic.words import _
from crmkit import CRM, Finding, where


def overdue_visits(crm: CRM) -> Iterator[Finding]:
    """Booked visits of more than a day ago: the worker that marks them does not run."""
    yesterday = crm.now() - timedelta(days=1)
    count = crm.count(Visit, where.status == VisitStatus.BOOKED, where.at < yesterday)
    if count:
        text = _("{count} visits are booked for a time more than a day ago, and nobody is called")
        fix = _("keep `crm work` running, or run `crm work --once` every few minutes")
        yield Finding(text.format(count=count), fix)


def unknown_staff(crm: CRM) -> Iterator[Finding]:
    """Visits to come with doctors, or at branches, that the settings do not have."""
    settings = crm.settings(Settings)
    to_come = (where.at >= crm.now(), where.status == VisitStatus.BOOKED)
    for field, names in (("doctor", settings.doctors), ("branch", settings.branches)):
        for total in crm.totals(Visit, *to_come, by=field) if names else ():
            [name] = total.group
            if name not in names:
                text = _(
                    "{count} visits to come are booked with {name}, whom crm.toml does not name"
                )
                fix = _("move them, or add {name} to [plugin.clinic] in crm.toml")
                yield Finding(
                    text.format(count=total.count, name=name), fix.format(name=name), "warning"
                )
