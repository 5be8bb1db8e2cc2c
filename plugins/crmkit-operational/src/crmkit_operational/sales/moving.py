"""Moving deals: to a stage, to where they are won or lost, and back."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from crmkit import NotFound, Reader, Transaction, TransactionError, ValueRefused
from crmkit_operational.sales.finding import stages_of
from crmkit_operational.sales.history import stage_history
from crmkit_operational.sales.kinds import Deal, LostReason, Pipeline, Stage
from crmkit_operational.words import _

__all__ = ["lose", "move", "past", "reopen", "win"]


def past(reader: Reader, at: datetime | None) -> None:
    """Refuse a time that is still to come, with `ValueRefused`: for what people say has happened.

    `move` takes any time: a plan or a history that is brought in may have one.
    """
    if at is not None and at > reader.now():
        text = _("{time} is still to come; give the time when it happened, or leave it out for now")
        local = at.astimezone(ZoneInfo(reader.company.timezone))
        raise ValueRefused(text.format(time=f"{local:%Y-%m-%d %H:%M}"))


def move(tx: Transaction, deal: Deal, stage: Stage, at: datetime | None = None) -> Deal:
    """Move a deal to a stage; `at` is when, if it is won or lost there. Raises `InvalidRecords`."""
    closing = {"closed_at": at} if at is not None and stage.category != "open" else {}
    return tx.update(deal.evolve(stage_id=stage.id, **closing))


def win(tx: Transaction, deal: Deal, at: datetime | None = None) -> Deal:
    """Move a deal to the stage of its pipeline where deals are won."""
    return move(tx, deal, _first(tx, deal, "won"), at)


def lose(
    tx: Transaction, deal: Deal, reason: LostReason, note: str = "", at: datetime | None = None
) -> Deal:
    """Move a deal to the stage of its pipeline where deals are lost, with the reason."""
    why = deal.evolve(lost_reason_id=reason.id, lost_note=note)
    return move(tx, why, _first(tx, deal, "lost"), at)


def reopen(tx: Transaction, deal: Deal, stage: Stage | None = None) -> Deal:
    """Move a deal that was won or lost to an open stage: the last one that it was in, if none is named."""
    if tx.get(Stage, deal.stage_id).category == "open":
        raise TransactionError(f"deal {deal.id} is open; `crm deal move` moves it to another stage")
    if stage is None:
        been = [each.stage for each in reversed(stage_history(tx, deal.id))]
        open_ones = [each for each in been if each is not None and each.category == "open"]
        stage = open_ones[0] if open_ones else _first(tx, deal, "open")
    if stage.category != "open":
        raise TransactionError(
            f"a deal is reopened into an open stage, and {stage.name!r} is none; choose another one"
        )
    return move(tx, deal, stage)


def _first(tx: Transaction, deal: Deal, category: str) -> Stage:
    pipeline = tx.get(Pipeline, tx.get(Stage, deal.stage_id).pipeline_id)
    for stage in stages_of(tx, pipeline):
        if stage.category == category:
            return stage
    raise NotFound(
        "stage", category, f"pipeline {pipeline.name!r} has no stage where deals are {category}; "
        "add one with `crm pipeline stage add`",
    )  # fmt: skip
