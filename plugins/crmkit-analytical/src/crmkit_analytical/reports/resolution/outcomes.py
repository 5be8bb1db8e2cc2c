"""What became of each ticket and of each promise, asked of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from crmkit import ValueRefused
from crmkit_analytical.report.asking import naive
from crmkit_analytical.reports.resolution.folding import endings, opened
from crmkit_analytical.reports.resolution.groups import microseconds
from crmkit_analytical.statistics.arrays import Booleans, Floats, Integers

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["PROMISED", "Outcomes", "Promises", "outcomes"]

PROMISED = ("first_response", "next_reply", "resolution")
"""The metrics that are promised, in the order of rows."""

SECOND = 1e6
MOST_DAYS = 36_525


@attrs.frozen(eq=False)
class Promises:
    """One metric's instances, arrays of one length: the `place` of each one's ticket, and what was promised of it.

    What neither `is_kept` nor `is_broken` is promised nothing, or `is_promised` and it is not known.
    """

    place: Integers
    is_promised: Booleans
    is_kept: Booleans
    is_broken: Booleans


@attrs.frozen(eq=False)
class Outcomes:
    """What became of tickets, arrays in the order of their places; `promises` by metric.

    `is_told` have events of their resolution; the others have nothing but False. Of those that `is_first` are asked
    about, `is_fixed` were solved by the first contact; `is_early` are solved too recently to tell. `age` is how many
    seconds each has been there.
    """

    is_told: Booleans
    is_solved: Booleans
    is_open: Booleans
    was_solved: Booleans
    is_again: Booleans
    has_customer: Booleans
    is_early: Booleans
    is_followed: Booleans
    age: Floats
    promises: Mapping[str, Promises]

    @property
    def is_judged(self) -> Booleans:
        """Those of which it is known whether the first contact solved them."""
        return np.asarray(self.was_solved & self.has_customer & ~self.is_early)

    @property
    def is_first(self) -> Booleans:
        """Those that the first contact solved."""
        return np.asarray(self.is_judged & ~self.is_again & ~self.is_followed)


def outcomes(ask: Ask) -> Outcomes:
    """What became of the tickets opened in the window."""
    tickets = opened(ask)
    # Asked twice: of the promises, and of the tickets.
    with endings(ask, tickets, PROMISED).cache() as ended:
        promises = ask.arrow(ended.select("place", "metric", "is_promised", "verdict"))
        found = ask.arrow(_lives(ask, tickets, ended))
    flag = {
        name: _flags(found[name])
        for name in found.column_names
        if name.startswith(("is_", "was_", "has_"))
    }
    made = found["opened_at"].cast("int64").to_numpy()
    age = np.maximum(microseconds(ask.now) - made, 0) / SECOND
    return Outcomes(**flag, age=age, promises=_by_metric(promises))


def _lives(ask: Ask, tickets: Any, ended: Any) -> Any:
    """A row for each ticket, in the order of their places: how it was solved, and whether the customer came back."""
    import ibis

    whole = ended.filter(ended.metric == "resolution", ended.instance == 1).drop(
        "metric", "instance"
    )
    found = tickets.left_join(whole, "place").select(
        "place", "opened_at", "customer_id", "topic", "thread", "is_again", "first_done_at", "done_at",
        "is_cancelled",
        # One that was solved before it was opened does not follow itself.
        solved_at=ibis.ifelse(
            whole.first_done_at.notnull(), ibis.greatest(whole.first_done_at, tickets.opened_at), None
        ),
    )  # fmt: skip
    later = _next_contact(ask, _next_ticket(ask, found))
    judged_from = later.solved_at + ibis.literal(_days(ask))
    return later.select(
        "place",
        "opened_at",
        is_told=later.is_again.notnull(),
        is_solved=later.done_at.notnull(),
        is_open=later.is_again.notnull() & later.done_at.isnull() & ~later.is_cancelled,
        was_solved=later.solved_at.notnull(),
        is_again=later.is_again,
        has_customer=later.customer_id.notnull(),
        is_early=later.solved_at.isnull() | (judged_from > naive(ask.now)),
        is_followed=(later.next_ticket_at <= judged_from) | (later.next_contact_at <= judged_from),
    ).order_by("place")


def _days(ask: Ask) -> timedelta:
    days = float(ask.parameters["days"])
    if days > MOST_DAYS:
        raise ValueRefused(
            f"{days:g} days are more than anyone remembers; give at most {MOST_DAYS}"
        )
    return timedelta(days=days)


def _next_ticket(ask: Ask, found: Any) -> Any:
    """With `next_ticket_at`: when the same customer opened the next ticket of the same topic, in or out of the window."""
    ticket = ask.table("ticket")
    # What has no topic is of one: "none" of one customer is what they ask without saying about what.
    others = ticket.filter(ticket.customer_id.notnull()).select(
        whose=ticket.customer_id, about=ticket.topic.fill_null(""), next_ticket_at=ticket.opened_at
    )
    own = found.mutate(said=found.topic.fill_null(""))
    return own.asof_join(
        others,
        own.solved_at < others.next_ticket_at,
        [own.customer_id == others.whose, own.said == others.about],
    )


def _next_contact(ask: Ask, found: Any) -> Any:
    """With `next_contact_at`: when the customer said something more in the ticket's thread."""
    contact = ask.table("interaction")
    inbound = contact.filter(contact.direction == "in", contact.thread.notnull()).select(
        in_thread=contact.thread, next_contact_at=contact.happened_at
    )
    return found.asof_join(
        inbound, found.solved_at < inbound.next_contact_at, [found.thread == inbound.in_thread]
    )


def _by_metric(table: Any) -> dict[str, Promises]:
    import pyarrow.compute as pc

    found = {}
    for metric in PROMISED:
        own = table.filter(pc.field("metric") == metric)
        verdict = own["verdict"]
        found[metric] = Promises(
            own["place"].to_numpy(),
            _flags(own["is_promised"]),
            _flags(pc.equal(verdict, "kept")),
            _flags(pc.equal(verdict, "broken")),
        )
    return found


def _flags(column: Any) -> Booleans:
    return np.asarray(column.fill_null(False).to_numpy(), bool)
