"""Why deals are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmkit import Money
from crmkit.cli.language import Word
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded, Row
from crmkit_analytical.report.definition import Report
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["REPORT", "answer"]

REPORT = Report(
    name="lost-reasons",
    question=Word("Why do we lose deals?"),
    answer=f"{__name__}:answer",
    kinds={
        "deal": ("stage_id", "amount", "closed_at", "lost_reason_id"),
        "stage": ("category",),
        "lost_reason": ("name",),
    },
    window=Word("deals, by when they were lost"),
    measures=(
        Word("Deals: those in a stage of the category lost, each counted once, under its reason."),
        Word("Share: of all deals lost in the window, with its Wilson interval."),
        Word("Amount: the deals' amounts added up, in each currency by itself."),
    ),
    least=20,
)

COLUMNS = (
    Column("reason", Word("Reason")),
    Column("deals", Word("Deals"), "count"),
    Column("share", Word("Share"), "share"),
    Column("low", Word("From"), "share"),
    Column("high", Word("To"), "share"),
    Column("amount", Word("Amount"), "money"),
)


def answer(ask: Ask) -> Answer:
    """A row for each reason, the most frequent first, of one number by name."""
    deal, stage, reason = ask.table("deal"), ask.table("stage"), ask.table("lost_reason")
    lost = deal.semi_join(stage.filter(stage.category == "lost"), deal.stage_id == stage.id)
    counted = lost.filter(ask.within(lost.closed_at))
    groups = counted.group_by("lost_reason_id", "amount__currency").agg(
        minor=counted.amount.sum(), ids=counted.id.collect()
    )
    names = {each["id"]: each["name"] for each in ask.rows(reason)}
    rows, ids = _by_reason(ask.rows(groups), names)
    total = sum(row["deals"] for row in rows)
    undated = [each["id"] for each in ask.rows(lost.filter(lost.closed_at.isnull()).select("id"))]
    return Answer(
        COLUMNS,
        rows,
        _sentence(rows, total, ask.least),
        ask.explained(
            denominator=_("deals lost in the window"),
            total=total,
            excluded=[
                Excluded(_("nobody knows when they were lost"), len(undated), tuple(undated))
            ],
            ids=ids,
        ),
        Chart("bar", x="reason", y="share", low="low", high="high"),
        is_enough=total >= ask.least,
    )


def _by_reason(
    groups: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> tuple[tuple[Row, ...], dict[str, tuple[str, ...]]]:
    """The rows, and the ids behind each."""
    from crmkit_analytical.statistics.intervals import wilson

    ids: dict[str, list[str]] = {}
    amounts: dict[str, list[Money]] = {}
    for each in sorted(groups, key=lambda each: each["amount__currency"] or ""):
        name = names.get(each["lost_reason_id"] or "", _("no reason"))
        ids.setdefault(name, []).extend(each["ids"])
        if each["amount__currency"] is not None:
            amounts.setdefault(name, []).append(Money(int(each["minor"]), each["amount__currency"]))
    total = sum(map(len, ids.values()))
    rows: list[Row] = []
    for name in sorted(ids, key=lambda name: (-len(ids[name]), name)):
        low, high = wilson(len(ids[name]), total)
        share = len(ids[name]) / total
        money = tuple(amounts.get(name, ()))
        rows.append(
            {
                "reason": name,
                "deals": len(ids[name]),
                "share": share,
                "low": low,
                "high": high,
                "amount": money,
            }
        )
    return tuple(rows), {row["reason"]: tuple(sorted(ids[row["reason"]])) for row in rows}


def _sentence(rows: Sequence[Row], total: int, least: int) -> str:
    if total < least:
        text = _("Only {total} deals were lost; from {least} on this says why.")
        return text.format(total=total, least=least)
    first = rows[0]
    text = _(
        "Of {total} deals lost, {deals} ({share:.1%}, 95 % interval {low:.1%} to {high:.1%}) were lost to {reason}."
    )
    return text.format(total=total, **first)
