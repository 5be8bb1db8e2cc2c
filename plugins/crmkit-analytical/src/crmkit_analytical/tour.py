"""Reports that have something to say of the company of `crm demo`, to be typed next."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit_demo.story import Stop

from crmkit import Interaction, Reader, where
from crmkit_analytical.reports import lost_reasons
from crmkit_analytical.reports.channel_use import answering as channel_use
from crmkit_analytical.words import _

__all__ = ["stops"]


def stops(reader: Reader) -> Iterator[Stop]:
    """Why deals are lost, how they move, and where customers are met: each only if there is enough to say it."""
    if {"deal", "stage"} <= {*reader.schema.kinds}:
        lost = reader.count("deal", where["stage_id.category"] == "lost")
        if lost >= lost_reasons.REPORT.least:
            why = _("why deals are lost, and how each figure came about")
            yield Stop(("report", "lost-reasons", "--explain"), why)
        if lost:
            yield Stop(("report", "pipeline", "--show", "stages"), _("where deals get stuck"))
    if reader.count(Interaction) >= 2 * channel_use.REPORT.least:
        yield Stop(("report", "channel-use"), _("on which channels customers answer"))
