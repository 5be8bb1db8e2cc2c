"""`crm queue`: the tickets that wait for somebody, next first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from crmkit import where
from crmkit.cli.app import App
from crmkit.cli.command import SKIP, define, limit
from crmkit.cli.output import document, note, show
from crmkit_operational.routing.kinds import RoutingDecision
from crmkit_operational.routing.queue import LEVELS, WAITING, breach, effective
from crmkit_operational.service.kinds import Ticket
from crmkit_operational.service.settings import Settings
from crmkit_operational.terminal.reading import said
from crmkit_operational.terminal.reasons import why_queued
from crmkit_operational.words import _, word

__all__ = ["queue"]


@define(
    "queue",
    limit(20),
    SKIP,
    click.Option(["--explain"], is_flag=True, help="Say what the order is made of."),
)
def queue(app: App, limit: int, after: str | None, explain: bool) -> None:
    """The tickets that wait for somebody, next first: those that you may read."""
    page = app.handle.page(Ticket, WAITING, order="queue_key", limit=limit, after=after)
    why = _reasons(app, [each.id for each in page])
    now = app.crm.clock()
    rows = [_row(app, each, now, why.get(each.id)) for each in page]
    columns = {"level": _("Level"), "priority": _("Priority"), "breach": _("Due")}
    columns |= {"queued_at": _("Waits since"), "subject": _("Subject"), "why": _("Why it waits")}
    columns |= {"id": _("Id")}
    if explain:
        columns |= {
            "priority_level": _("Of priority"),
            "gained": _("Gained"),
            "queue_key": _("Key"),
        }
    show(app, rows, columns, empty=_("no ticket waits for somebody"))
    if explain:
        _explain(app, now)
    if page.after is not None:
        note(_("go on with --after {cursor}").format(cursor=page.after))


def _reasons(app: App, ids: Sequence[str]) -> dict[str, str]:
    """Why each was left in the queue when routing decided last."""
    found = (
        app.handle.find(RoutingDecision, where.ticket_id.in_(tuple(ids)), order="at") if ids else ()
    )
    return {each.ticket_id: each.reason for each in found}


def _row(app: App, ticket: Ticket, now: datetime, why: str | None) -> dict[str, Any]:
    level = effective(ticket, now, app.crm.settings(Settings).ageing)
    base = LEVELS[ticket.priority]
    own: dict[str, Any] = {
        "level": level,
        "priority_level": base,
        "gained": level - base,
        "breach": breach(ticket),
    }
    is_csv = app.format == "csv"  # which has no column for the reason itself
    own |= {"reason": why or "", "why": why or "" if is_csv else why_queued(why or "")}
    if app.format == "table":  # times are shown in the company's zone there
        own |= {"queued_at": ticket.queued_at, "priority": said(app, ticket.priority)}
    return document(app.kind("ticket"), ticket) | own


def _explain(app: App, now: datetime) -> None:
    settings = app.crm.settings(Settings)
    note(_("Order: level, highest first; due, earliest first, none last; waiting longest; id. This is what the key sorts by.").format())  # fmt: skip
    levels = ", ".join(f"{word(name)} {level}" for name, level in LEVELS.items())
    text = _("Level: that of the priority ({levels}) and one more for each step of {ageing} minutes that ended since it waits; steps are counted from 0001-01-01 00:00 UTC ([plugin.service] ageing).")  # fmt: skip
    note(text.format(levels=levels, ageing=settings.ageing))
    note(_("Due: the earliest of first response due, next reply due and resolution due. As of {now}.").format(now=app.local(now)))  # fmt: skip
