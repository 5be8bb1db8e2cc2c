"""The share of service: hours and policies of each branch, who takes tickets, and a ticket for each complaint or request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from crmkit_demo.story import Branch, Character, Matter, Step, Story

from crmkit import Interaction, Transaction
from crmkit_operational.clock.kinds import Calendar
from crmkit_operational.demo.parts import spoken
from crmkit_operational.routing.kinds import Agent
from crmkit_operational.service.kinds import Policy, Ticket
from crmkit_operational.service.opening import open_ticket, solve
from crmkit_operational.service.recording import SOLVED

__all__ = ["share"]

DAYS = ("mon", "tue", "wed", "thu", "fri")
PRIORITIES = {"complaint": "urgent", "refund": "high"}
"""By topic; whatever is not here is normal."""
HOUR = 60
"""Minutes, as targets are given."""
FRESH = timedelta(days=5)
"""What came so shortly before the story's end waits for somebody to take it."""


def share(story: Story) -> Iterator[Step]:
    """The steps of all branches."""
    for branch in story.branches:
        yield Step(branch.opened, _desk(story, branch), actor=branch.staff[0].actor)
        for staff in branch.staff:
            agent = Agent(
                id=story.new_id(staff.since),
                actor=staff.id,
                name=staff.names["ko" if branch.country == "KR" else "en"],
                status="online",
                team=branch.name,
            )
            yield Step(staff.since, [agent], actor=staff.actor)
            if staff.leaves is not None and staff.leaves < story.until:
                yield Step(staff.leaves, write=partial(_leave, agent.id), actor=staff.actor)
    customers = {each.id: each for each in story.customers}
    for matter in story.matters:
        customer = customers[matter.customer_id]
        if matter.topic in spoken(customer.branch)["subjects"]:
            yield from _ticket(story, customer, matter)


def _desk(story: Story, branch: Branch) -> list[Any]:
    """The branch's hours, and what it promises."""
    words, at = spoken(branch), branch.opened
    hours = f"{branch.hours.opens:%H:%M}-{branch.hours.closes:%H:%M}"
    calendar = Calendar(
        id=story.new_id(at),
        name=words["calendar"].format(branch=branch.name),
        timezone=branch.timezone,
        hours={day: [hours] for day in DAYS},
        country=branch.country,
    )
    first = 1 if branch is story.branches[0] else 3
    urgent = Policy(
        id=story.new_id(at),
        name=words["urgent"].format(branch=branch.name),
        position=first,
        priorities=("high", "urgent"),
        teams=(branch.name,),
        first_response=2 * HOUR,
        next_reply=4 * HOUR,
        resolution=24 * HOUR,
        calendar_id=calendar.id,
    )
    usual = Policy(
        id=story.new_id(at),
        name=words["usual"].format(branch=branch.name),
        position=first + 1,
        teams=(branch.name,),
        first_response=8 * HOUR,
        next_reply=8 * HOUR,
        resolution=40 * HOUR,
        calendar_id=calendar.id,
    )
    return [calendar, urgent, usual]


def _ticket(story: Story, customer: Character, matter: Matter) -> Iterator[Step]:
    """A ticket, opened with the contact that it is about, and what became of it before the story's end."""
    id, at = story.new_id(matter.opened), matter.opened
    is_fresh = at > story.until - FRESH
    said: Mapping[str, Any] = {
        "id": id,
        "customer_id": customer.id,
        "subject": spoken(customer.branch)["subjects"][matter.topic],
        "topic": matter.topic,
        "team": customer.branch.name,
        "priority": PRIORITIES.get(matter.topic, "normal"),
        "opened_at": at,
        "assignee": None if is_fresh else matter.staff.id,
        "state": "new" if is_fresh else "open",
    }
    open = partial(_open, matter.interaction_id, said)
    yield Step(at, write=open, actor=matter.staff.actor)
    if not is_fresh and matter.closed is not None and matter.closed < story.until:
        yield Step(matter.closed, write=partial(_solve, id), actor=matter.staff.actor)


def _open(contact: str, said: Mapping[str, Any], tx: Transaction) -> None:
    open_ticket(tx, contact=tx.get(Interaction, contact), **said)


def _solve(ticket: str, tx: Transaction) -> None:
    found = tx.get(Ticket, ticket)
    if found.answered_at is None:  # whoever solved it told the customer so
        found = tx.update(found.evolve(answered_at=max(tx.now(), found.opened_at)))
    if found.state not in SOLVED:
        solve(tx, found)


def _leave(agent: str, tx: Transaction) -> None:
    tx.update(tx.get(Agent, agent).evolve(status="offline"))
