"""Commands that show the shares of sales and service, to be typed after `crm demo`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from crmkit_demo.story import Stop, Story

from crmkit import Reader, where
from crmkit_operational.sales.kinds import Deal, Pipeline
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.words import _

__all__ = ["sales_stops", "service_stops"]

YEAR = timedelta(days=365)
WAITING = ("new", "open", "pending", "on_hold")


def sales_stops(reader: Reader) -> Iterator[Stop]:
    """The board of a pipeline, the way of one deal, and what is expected."""
    for pipeline in reader.find(Pipeline, order="created_at", limit=1):
        board = ("deal", "board", "--pipeline", pipeline.name)
        yield Stop(board, _("the deals of a pipeline by stage, and which of them rot"))
    won = (where["stage_id.category"] == "won", where.closed_at.present())
    for deal in reader.find(Deal, *won, order="-closed_at", limit=1):
        yield Stop(("deal", "history", deal.id), _("on which stages a deal was that was won"))
    yield Stop(("forecast", "show", "--explain"), _("what the open deals are expected to bring"))


def service_stops(story: Story, reader: Reader) -> Iterator[Stop]:
    """What waits, what matters of one ticket, and how fast tickets were solved."""
    yield Stop(("queue",), _("the tickets that wait for somebody, the next one first"))
    urgent = reader.find(Ticket, where.state.in_(WAITING), order="first_response_due", limit=1)
    for ticket in urgent:
        yield Stop(("ticket", "brief", ticket.id), _("what matters now of a ticket"))
    year = (story.until - YEAR).date().isoformat()
    yield Stop(
        ("ticket", "report", "--since", year),
        _("how fast tickets of a year were answered and solved"),
    )
