"""Tickets with lives of their own, for the reports on how they are solved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st

from crmkit import CRM, Customer, Interaction

kinds = pytest.importorskip(
    "crmkit_operational.service.kinds", reason="crmkit-operational is not installed"
)

DAYS = ("mon", "tue", "wed", "thu", "fri")
PRIORITIES = ("low", "normal", "high", "urgent")
TOPICS = (None, "환불", "delivery")


@attrs.frozen
class Life:
    """A ticket: after how long it is opened, and what happens to it, each after a while."""

    wait: timedelta
    priority: str
    topic: str | None
    customer: int | None
    steps: Sequence[tuple[timedelta, str]]
    events: Sequence[tuple[timedelta, str, str]]


WAITS = st.timedeltas(timedelta(), timedelta(days=9))
STEPS = st.tuples(
    WAITS,
    st.sampled_from(
        ["reply", "ask", "pending", "on_hold", "open", "solved", "solved", "closed", "withdrawn"]
    ),
)
EVENTS = st.tuples(
    st.integers(-2, 3).map(lambda days: timedelta(days=days)),
    st.sampled_from(["first_response", "resolution", "requester_wait", "agent_work"]),
    st.sampled_from(["activate", "pause", "fulfill", "cancel", "cancel"]),
)
"""What histories that are brought in may hold: in no order, and of one moment."""

LIVES = st.lists(
    st.builds(
        Life,
        WAITS,
        st.sampled_from(PRIORITIES),
        st.sampled_from(TOPICS),
        st.none() | st.integers(0, 1),
        st.lists(STEPS, max_size=5),
        st.just(()) | st.lists(EVENTS, max_size=5),
    ),
    min_size=2,
    max_size=7,
)


@attrs.define
class Desk:
    """A company with promises, in which tickets live."""

    crm: CRM
    clock: Any
    customers: list[Customer] = attrs.field(factory=list)

    def promise(self) -> None:
        """Hours in zones that change their clocks, with holidays; a promise on the wall; nothing for the normal."""
        with self.crm.transaction() as tx:
            for place, (priority, zone, country) in enumerate(
                [
                    ("high", "Europe/Berlin", "DE"),
                    ("urgent", "America/New_York", None),
                    ("low", None, None),
                ]
            ):
                calendar = None
                if zone:
                    hours = {day: ["09:00-12:00", "13:00-17:30"] for day in DAYS}
                    hours["sat"] = ["22:00-06:00"]
                    made = kinds.Calendar(name=zone, hours=hours, timezone=zone, country=country)
                    calendar = tx.add(made).id
                    tx.add(kinds.Holiday(calendar_id=calendar, day=date(2026, 3, 12)))
                tx.add(
                    kinds.Policy(
                        name=priority,
                        position=place,
                        priorities=(priority,),
                        calendar_id=calendar,
                        first_response=240,
                        next_reply=300,
                        resolution=1500,
                    )
                )
            self.customers = [tx.add(Customer(name=name)) for name in ("김하늘", "Lee")]

    def live(self, lives: Sequence[Life]) -> None:
        """Let all of this happen."""
        for each in lives:
            self.clock.tick(seconds=each.wait.total_seconds())
            ticket = self.open(each)
            # Later ones are opened while this one lives: their clocks run on, not back.
            for wait, what in each.steps:
                self.clock.tick(seconds=wait.total_seconds())
                self.happen(ticket, what)
            with self.crm.transaction() as tx:
                tx.add_all(
                    kinds.MetricEvent(
                        ticket_id=ticket, metric=metric, type=type, at=self.crm.now() + shift
                    )
                    for shift, metric, type in each.events
                )

    def open(self, life: Life) -> str:
        """Open a ticket."""
        from crmkit_operational.service.opening import open_ticket

        with self.crm.transaction() as tx:
            found = None if life.customer is None else self.customers[life.customer].id
            return str(
                open_ticket(tx, "?", customer_id=found, priority=life.priority, topic=life.topic).id
            )

    def happen(self, id: str, what: str) -> None:
        """Let something happen to a ticket, unless it is closed: then the customer may write, no more."""
        from crmkit_operational.service.opening import reply, set_state
        from crmkit_operational.service.talk import heard

        with self.crm.transaction() as tx:
            ticket = tx.get(kinds.Ticket, id)
            if what == "ask":
                said = {"happened_at": self.crm.now(), "thread": ticket.thread}
                contact = tx.add(
                    Interaction(channel="email", customer_id=ticket.customer_id, **said)
                )
                after = heard(ticket, contact)
                if after is not ticket:
                    tx.update(after)
            elif ticket.state == "closed":
                return
            elif what == "reply":
                reply(tx, ticket, "!")
            elif what == "withdrawn":
                tx.update(ticket.evolve(state="closed", unsolved=True))
            elif ticket.state != what:
                set_state(tx, ticket, what)


Keep = Callable[[Any], bool]
"""Which tickets a plain recomputation is of."""


def of_priority(wanted: str) -> Keep:
    """Those of one priority."""
    return lambda ticket: bool(ticket.priority == wanted)
