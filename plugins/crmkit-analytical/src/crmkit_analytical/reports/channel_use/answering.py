"""The report `channel-use`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crmkit.cli.language import Word
from crmkit_analytical.report.answer import Answer, Chart, Column, Excluded, Row
from crmkit_analytical.report.definition import Parameter, Report
from crmkit_analytical.reports.channel_use.contacts import (
    AUTOMATIC,
    INTERNAL,
    PURPOSE,
    Customs,
    contacts,
    customs,
    judged,
)
from crmkit_analytical.reports.period import period
from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["REPORT", "answer"]

BY = ("type", "country", "purpose", "direction")
LISTED = 1_000
"""So many ids of contacts that do not count are named."""

REPORT = Report(
    name="channel-use",
    question=Word("On which channels do we meet customers, and where do they answer?"),
    answer=f"{__name__}:answer",
    kinds={
        "interaction": ("customer_id", "channel", "direction", "happened_at", "outcome", "thread"),
        "customer": ("type", "country"),
    },
    extras={"interaction": (AUTOMATIC, INTERNAL, PURPOSE)},
    window=Word("contacts, by when they happened; answers to them may come later"),
    measures=(
        Word("Contacts: interactions with a customer, those that came in and those that went out; each counts once."),
        Word("Share: of all contacts in the window; with its Wilson interval in JSON."),
        Word("Answered: the share of what we sent that the customer answered within so many days, with its Wilson interval; of several messages in a row the newest is the answered one. A reply is the next contact of the same customer, channel and thread, if it came in. Where people talk, as on the telephone, the outcome says it."),
        Word("Only what is at least so many days old is in that share: of newer messages only the answered would be known."),
        Word("Median and 90 %: within what time half of the answers that come at all came, and nine of ten; messages still open count by Kaplan-Meier (1958) for as long as they are open."),
        Word("By us: the share of what came in that we answered within so many days on the same channel and thread, of what is that old; its Wilson interval is in JSON."),
    ),
    parameters=(
        Parameter("by", Word("A row for each channel and each of what."), "text", "type", BY),
        Parameter("days", Word("Within how many days an answer is one."), "days", 7.0),
    ),
    least=30,
)  # fmt: skip

COLUMNS = (
    Column("group", Word("Contact type")),
    Column("channel", Word("Channel")),
    Column("incoming", Word("In"), "count"),
    Column("outgoing", Word("Out"), "count"),
    Column("customers", Word("Customers"), "count"),
    Column("share", Word("Share"), "share"),
    Column("replied", Word("Answered"), "share"),
    Column("low", Word("From"), "share"),
    Column("high", Word("To"), "share"),
    Column("median", Word("Median"), "duration"),
    Column("most", Word("90 %"), "duration"),
    Column("seen_to", Word("By us"), "share"),
)


def answer(ask: Ask) -> Answer:
    """A row for each sort of customer and channel: sorts and channels with most contacts first."""
    known = customs(ask.crm)
    every = contacts(ask)
    groups = ask.rows(_summed(judged(ask, every.filter(every.why.isnull()), known)))
    left = {each["why"]: each for each in ask.rows(_left(ask, every))}
    total = sum(len(each["ids"]) for each in groups)
    rows = _rows(groups, total, ask.parameters["days"])
    return Answer(
        COLUMNS,
        rows,
        _sentence(ask, rows, total, left.get(None, {}).get("customers", 0)),
        ask.explained(
            denominator=_("contacts with customers in the window"),
            total=total,
            excluded=[*_excluded(left), _too_young(ask, groups)],
            ids={_name(each): tuple(each["ids"]) for each in _sorted(groups)},
            parameters=_parameters(known),
        ),
        Chart("bar", x="group", y="replied", series="channel", low="low", high="high"),
        is_enough=total >= ask.least,
    )


def _parameters(known: Customs) -> Mapping[str, Any]:
    return {"live": known.live, "nobody_reached": known.unanswered}


# What the engine adds up ----------------------------------------------------------------------------------------


def _summed(found: Any) -> Any:
    """One row for each group and channel: how many, how long answers took, and the ids."""
    sent, came = ~found.is_in, found.is_in
    return found.group_by("group", "channel").agg(
        incoming=came.sum().cast("int64"),
        customers=found.customer_id.nunique(),
        tried=(sent & found.is_known).sum().cast("int64"),
        replied=(sent & found.is_known & found.is_answered).sum().cast("int64"),
        asked=(came & found.is_known).sum().cast("int64"),
        seen_to=(came & found.is_known & found.is_answered).sum().cast("int64"),
        young=(sent & ~found.is_known).sum().cast("int64"),
        silent=(found.is_written & found.is_known & ~found.is_answered).sum().cast("int64"),
        took=found.took.collect(where=found.took.notnull()),
        open=found.open.collect(where=found.open.notnull()),
        ids=found.id.collect(order_by=found.id),
    )


def _left(ask: Ask, every: Any) -> Any:
    """Why contacts of the window do not count, and how many; those that do are under None."""
    inside = every.filter(ask.within(every["at"]))
    return inside.group_by("why").agg(
        count=inside.count(),
        customers=inside.customer_id.nunique(),
        ids=inside.id.collect(where=inside.why.notnull(), order_by=inside.id),
    )


def _excluded(left: Mapping[Any, Mapping[str, Any]]) -> list[Excluded]:
    reasons = {
        "nobody's": _("contacts with nobody who is known"),
        "internal": _("what was said among colleagues"),
        "automatic": _("what programs wrote"),
        "to come": _("contacts that have yet to happen"),
    }
    return [
        Excluded(text, left[why]["count"], tuple(left[why]["ids"][:LISTED]))
        for why, text in reasons.items()
        if why in left
    ]


def _too_young(ask: Ask, groups: Iterable[Mapping[str, Any]]) -> Excluded:
    text = _("messages of ours of the last {days:g} days: in the numbers, not in the shares")
    return Excluded(text.format(days=ask.parameters["days"]), sum(each["young"] for each in groups))


# Rows -----------------------------------------------------------------------------------------------------------


def _sorted(groups: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    sizes: dict[Any, int] = {}
    for each in groups:
        sizes[each["group"]] = sizes.get(each["group"], 0) + len(each["ids"])
    return sorted(
        groups,
        key=lambda each: (
            -sizes[each["group"]],
            each["group"] or "",
            -len(each["ids"]),
            each["channel"],
        ),
    )


def _rows(groups: Sequence[Mapping[str, Any]], total: int, days: float) -> tuple[Row, ...]:
    return tuple(_row(each, total, days) for each in _sorted(groups))


def _row(found: Mapping[str, Any], total: int, days: float) -> Row:
    from crmkit_analytical.statistics.intervals import wilson

    contacts = len(found["ids"])
    share_low, share_high = wilson(contacts, total)
    replied, low, high = _share(found["replied"], found["tried"])
    seen_to, seen_to_low, seen_to_high = _share(found["seen_to"], found["asked"])
    median, most = _waits(found, days)
    return {
        "group": _group(found["group"]),
        "channel": found["channel"],
        "incoming": found["incoming"],
        "outgoing": contacts - found["incoming"],
        "customers": found["customers"],
        "share": contacts / total,
        "replied": replied,
        "low": low,
        "high": high,
        "median": median,
        "most": most,
        "seen_to": seen_to,
        "share_low": share_low,
        "share_high": share_high,
        "attempts": found["tried"],
        "replies": found["replied"],
        "asked": found["asked"],
        "seen_to_low": seen_to_low,
        "seen_to_high": seen_to_high,
    }


def _share(hits: int, of: int) -> tuple[float | None, float | None, float | None]:
    from crmkit_analytical.statistics.intervals import wilson

    return (hits / of, *wilson(hits, of)) if of else (None, None, None)


def _waits(found: Mapping[str, Any], days: float) -> tuple[timedelta | None, timedelta | None]:
    """Within what time half and nine tenths came of the answers that come in time; what never does bounds nothing."""
    import numpy as np

    from crmkit_analytical.statistics.survival import survival

    took, still = (np.asarray(found[each] or [], dtype=np.float64) for each in ("took", "open"))
    if not len(took):
        return None, None
    span = timedelta(days=days) / timedelta(microseconds=1)
    times = np.concatenate((took, still, [span]))
    reached = np.concatenate((np.ones(len(took)), np.zeros(len(still) + 1)))
    left = np.concatenate((np.zeros(len(took)), np.ones(len(still)), [found["silent"]]))
    curve = survival(times, reached, left)
    ever = 1 - float(curve.chance[-1])
    median, most = (curve.quantile(ever * share) for share in (0.5, 0.9))
    return _duration(median), _duration(most)


def _duration(microseconds: float | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=round(microseconds))


def _group(value: str | None) -> str:
    names = {
        None: _("not known"),
        "person": _("person"),
        "organization": _("organization"),
        "in": _("in"),
        "out": _("out"),
    }
    return names.get(value, str(value))


def _name(found: Mapping[str, Any]) -> str:
    return f"{_group(found['group'])}, {found['channel']}"


# In words -------------------------------------------------------------------------------------------------------


def _sentence(ask: Ask, rows: Sequence[Row], total: int, customers: int) -> str:
    when = period(ask)
    if total < ask.least:
        text = _("Only {total} contacts {when}; from {least} on this says where customers are met.")
        return text.format(total=total, when=when, least=ask.least)
    first = max(rows, key=lambda row: row["share"])
    text = _(
        "Of {total} contacts with {customers} customers {when}, {share:.1%} (95 % interval {share_low:.1%} to "
        "{share_high:.1%}) were by {channel} ({group})"
    )
    said = text.format(**{**first, "total": f"{total:,}", "customers": f"{customers:,}"}, when=when)
    if not first["attempts"]:
        return f"{said}."
    text = _(
        "{said}; of {attempts:,} messages sent there, {replied:.1%} ({low:.1%} to {high:.1%}) were answered within "
        "{days:g} days."
    )
    return text.format(said=said, days=ask.parameters["days"], **first)
