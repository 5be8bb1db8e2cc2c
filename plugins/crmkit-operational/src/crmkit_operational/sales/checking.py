"""What `crm doctor` looks at: rules that two writers at once could break between them."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit import CRM, Finding, where
from crmkit_operational.sales.kinds import Deal

__all__ = ["untrue_deals"]

FIX = "move each to the stage that is right with `crm deal move`"


def untrue_deals(crm: CRM) -> Iterator[Finding]:
    """Open deals with a closing time, and closed ones without: a stage changed its category while a deal came in."""
    is_open = where["stage_id.category"] == "open"
    is_closed = where["stage_id.category"] != "open"
    if open_ones := crm.count(Deal, is_open, where.closed_at.present()):
        yield Finding(f"{open_ones} open deals have a closing time", FIX)
    if closed := crm.count(Deal, is_closed, where.closed_at.missing()):
        yield Finding(f"{closed} deals that were won or lost have no closing time", FIX)
