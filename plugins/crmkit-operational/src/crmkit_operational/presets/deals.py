"""Deals of other products, as the rules here want them: when one was closed, and why it was lost."""

from __future__ import annotations

from datetime import datetime

from crmkit_exchange.presets.preset import Fitting, Preset, Reference
from crmkit_exchange.presets.values import Made, Row, Value

from crmkit import Record
from crmkit_operational.sales.kinds import Deal, LostReason, Stage
from crmkit_operational.words import _

__all__ = ["as_ruled", "lost_note", "lost_reason"]

LONGEST = 60
"""A text of more characters, or of several lines, is no name of a reason but words about one deal."""


def lost_reason(source: str, said: Value) -> Reference:
    """The reason that a deal was lost for, made if it is not here yet; words about one deal are another reason."""

    def name(row: Row) -> str | None:
        text = _text(said, row)
        return (_("Other reason") if _is_words(text) else text) or None

    def wants_note(row: Row) -> bool:
        return _is_words(_text(said, row))

    made = Preset(
        name=f"{source}-lost-reason",
        source=source,
        object="lost_reason",
        label=source,
        kind=LostReason,
        fields={"name": Made(name, said.columns), "wants_note": Made(wants_note, said.columns)},
    )
    return Reference(Made(name, said.columns), "lost_reason", makes=made)


def lost_note(said: Value) -> Value:
    """What was said about one lost deal alone."""

    def note(row: Row) -> str | None:
        text = _text(said, row)
        return text if _is_words(text) else None

    return Made(note, said.columns)


def _text(said: Value, row: Row) -> str:
    given = said(row)
    return "" if given is None else str(given).strip()


def _is_words(text: str) -> bool:
    return len(text) > LONGEST or "\n" in text


# What rules want ------------------------------------------------------------------------------------------------


def as_ruled(it: Fitting) -> tuple[Record, list[str]]:
    """A deal as it can be written: closed and lost just where its stage is.

    Other products keep a closing day of open deals, and reasons of deals that were opened again; some of their lost
    deals have no reason, which is then a reason of its own.
    """
    deal = it.record
    stage = it.get(Stage.__kind__, deal["stage_id"])
    if not isinstance(deal, Deal) or not isinstance(stage, Stage):
        return deal, []
    closed = None if stage.category == "open" else _closed_at(it, deal)
    deal = deal.evolve(closed_at=closed)
    if stage.category == "lost":
        return _lost(it, deal), []
    untaken = [f"lost_reason_id: the deal is not lost in the stage {stage.name!r}"]
    tells = deal.lost_reason_id is not None and deal.lost_reason_id == it.said.get("lost_reason_id")
    return deal.evolve(lost_reason_id=None, lost_note=""), untaken if tells else []


def _closed_at(it: Fitting, deal: Deal) -> datetime | None:
    """When it was closed: as the row says, else when it came into the stage; a bare day is not before it began."""
    before = it.before if isinstance(it.before, Deal) else None
    closed = deal.closed_at
    if before is not None and before.stage_id == deal.stage_id:
        moved_here = it.said.get("stage_id", deal.stage_id) != deal.stage_id
        closed = before.closed_at if moved_here else closed or before.closed_at
    elif closed is None or (before is not None and closed == before.closed_at):
        closed = it.said.get("closed_at") or it.at
    if closed and closed < deal.opened_at and closed.date() == deal.opened_at.date():
        return deal.opened_at
    return closed


def _lost(it: Fitting, deal: Deal) -> Deal:
    id = deal.lost_reason_id or it.said.get("lost_reason_id")
    reason = (
        it.get(LostReason.__kind__, id) if id else it.made(LostReason(name=_("No reason given")))
    )
    note = deal.lost_note or it.said.get("lost_note") or ""
    if isinstance(reason, LostReason) and reason.wants_note and not note:
        note = _("no more was said")
    return deal.evolve(lost_reason_id=reason.id if reason else id, lost_note=note)
