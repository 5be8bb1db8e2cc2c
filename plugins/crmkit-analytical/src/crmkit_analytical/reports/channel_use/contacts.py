"""The contacts that count, and what became of each: the same as the collaborative plugin observes of one customer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from crmkit import ValueRefused

if TYPE_CHECKING:
    from crmkit import CRM
    from crmkit_analytical.report.asking import Ask

__all__ = ["AUTOMATIC", "INTERNAL", "PURPOSE", "Customs", "contacts", "customs", "judged"]

AUTOMATIC = "operational.automatic"
INTERNAL = "collaborative.internal"
PURPOSE = "collaborative.purpose"


@attrs.frozen
class Customs:
    """What the collaborative plugin knows: on which channels people talk at the same time, and which outcomes say that
    nobody was reached. Nothing without it: then only replies count.
    """

    live: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


def customs(crm: CRM) -> Customs:
    """Those of this company."""
    if PURPOSE not in crm.schema["interaction"].fields:
        return Customs()
    from crmkit_collaborative.channels.registry import channels
    from crmkit_collaborative.preference.contacts import UNANSWERED

    live = (name for name, each in channels(crm).items() if each.channel.live)
    return Customs(tuple(live), tuple(sorted(UNANSWERED)))


def contacts(ask: Ask) -> Any:
    """Each interaction with its `group`, and `why` it does not count, None if it does.

    Those of customers who may not be seen are not there at all.
    """
    import ibis

    from crmkit_analytical.report.asking import naive

    made, customer = ask.table("interaction"), ask.table("customer")
    whose = customer.select(whose=customer.id, type=customer.type, country=customer.country)
    joined = made.left_join(whose, made.customer_id == whose.whose)
    seen = joined.filter(joined.customer_id.isnull() | joined.whose.notnull())
    return seen.select(
        seen.id,
        seen.customer_id,
        seen.channel,
        seen.thread,
        seen.outcome,
        at=seen.happened_at,
        is_in=seen.direction == "in",
        group=_group(ask, seen),
        why=ibis.cases(
            (seen.happened_at > naive(ask.now), "to come"),
            (seen.customer_id.isnull(), "nobody's"),
            (_is_marked(ask, seen, INTERNAL), "internal"),
            (_is_marked(ask, seen, AUTOMATIC), "automatic"),
            else_=ibis.null("string"),
        ),
    )


def _group(ask: Ask, seen: Any) -> Any:
    by = ask.parameters["by"]
    if by != "purpose":
        return seen[by]
    column = _column(ask, PURPOSE)
    if column is None:
        raise ValueRefused("no plugin says what contacts are for; ask --by type or country")
    return seen[column]


def _is_marked(ask: Ask, seen: Any, field: str) -> Any:
    import ibis

    column = _column(ask, field)
    return ibis.literal(False) if column is None else seen[column].fill_null(False)


def _column(ask: Ask, field: str) -> str | None:
    kind = ask.crm.schema["interaction"]
    return kind.fields[field].column if field in kind.fields else None


def judged(ask: Ask, counted: Any, known: Customs) -> Any:
    """The contacts of the window, judged by all: `is_live`, `is_known` (whether it is certain by now if an answer came),
    `is_answered`, and for a message of ours how long its answer `took` or has been `open`, in microseconds.

    A message is answered by the very next one of the same customer, channel and thread, if that came in: of several
    attempts the newest was enough. What came in is answered by any of ours behind it.
    """
    import ibis

    from crmkit_analytical.report.asking import naive

    now = naive(ask.now)
    span = timedelta(days=ask.parameters["days"])
    within = ibis.interval(microseconds=span // timedelta(microseconds=1))
    same = {"group_by": ["customer_id", "channel", "thread"], "order_by": ["at", "id"]}
    order = ibis.window(**same)
    rest = ibis.window(**same, preceding=0, following=None)
    ours = ibis.ifelse(counted.is_in, ibis.null("timestamp(6)"), counted["at"])
    found = counted.mutate(
        next_at=counted["at"].lead().over(order),
        next_is_in=counted.is_in.lead().over(order),
        ours_at=ours.min().over(rest),
        is_live=counted.channel.isin(known.live),
        is_missed=counted.outcome.isin(known.unanswered).fill_null(False),
    )
    found = found.filter(ask.within(found["at"]))
    is_replied = found.next_is_in & (found.next_at <= found["at"] + within) & ~found.is_missed
    is_seen_to = found.ours_at <= found["at"] + within
    found = found.mutate(
        is_known=found.is_live | (found["at"] <= now - within),
        is_answered=ibis.ifelse(
            found.is_live,
            ~found.is_missed,
            ibis.ifelse(found.is_in, is_seen_to, is_replied).fill_null(False),
        ),
    )
    is_written = ~found.is_in & ~found.is_live
    took = found.next_at.delta(found["at"], unit="microsecond")
    waits = now.delta(found["at"], unit="microsecond")
    nothing = ibis.null("int64")
    return found.mutate(
        is_written=is_written,
        took=ibis.ifelse(is_written & found.is_answered, took, nothing),
        open=ibis.ifelse(is_written & ~found.is_answered & ~found.is_known, waits, nothing),
    )
