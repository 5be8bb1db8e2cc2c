"""`crm doctor`: tickets that wait so long that ageing has put all that come now behind them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from crmkit import CRM, Finding, where
from crmkit_operational.routing.queue import TOP, WAITING
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.settings import Settings

__all__ = ["left_waiting"]


def left_waiting(crm: CRM) -> Iterator[Finding]:
    """Tickets that wait for more than `TOP` + 1 times the `ageing`: nothing that comes now passes them."""
    minutes = crm.settings(Settings).ageing * (TOP + 1)
    count = crm.count(Ticket, WAITING, where.queued_at < crm.now() - timedelta(minutes=minutes))
    if count:
        yield Finding(
            f"tickets that wait for somebody for more than {minutes} minutes: {count}",
            "`crm queue` says why; come online, raise a capacity, or `crm route assign --over`",
            "warning",
        )
