"""Calls after something came to an end, and what they left to remember; what colleagues said among themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from crmkit_demo.story import Character, Matter, Step, Story

from crmkit import Direction, Interaction, Transaction
from crmkit_collaborative.demo.colleagues import CARE, WHOLESALE, Teams
from crmkit_collaborative.demo.parts import some_time, texts
from crmkit_collaborative.interactions.fields import INTERNAL, PURPOSE, REMEMBER, TEAM
from crmkit_collaborative.interactions.remembering import mark_done

__all__ = ["calls", "latest"]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SHARE = 0.25
"""So many customers are rung up after the last thing that they wanted, if they have a telephone."""


def calls(story: Story, teams: Teams) -> Iterator[Step]:
    """The steps in which calls and talks among colleagues are recorded, an hour after they began."""
    ended = latest(story, story.until)
    for each in story.customers:
        matter = ended.get(each.id)
        if matter is not None and matter.closed is not None:
            yield from _called(story, each, matter, teams)
            if each.record.type == "organization" or each.record.organization_id:
                yield from _among_colleagues(story, each, matter.closed, teams)


def latest(story: Story, before: datetime) -> dict[str, Matter]:
    """The last matter of each customer that came to an end before a moment, if there is a word for what it was."""
    words = texts("en")["topics"]
    return {
        each.customer_id: each
        for each in story.matters
        if each.closed is not None and each.closed < before and each.topic in words
    }


def _called(story: Story, of: Character, matter: Matter, teams: Teams) -> Iterator[Step]:
    random, words = story.random, texts(str(of.record.language))
    phone = next((each for each in of.identities if each.channel == "phone"), None)
    start = matter.closed or matter.opened
    moment = some_time(story, of.branch, start + DAY, min(start + 9 * DAY, story.until - HOUR))
    if phone is None or moment is None or random.random() >= SHARE:
        return
    is_reached = random.random() < 0.8
    subject = words["call"]["subject"].format(topic=words["topics"][matter.topic])
    call = _contact(story, of, moment, teams).evolve(
        identity_id=phone.id,
        channel="phone",
        subject=subject,
        body=random.choice(words["call"]["reached" if is_reached else "missed"]),
        outcome="reached" if is_reached else "no_answer",
    )
    call = call.set(PURPOSE, "service")
    if is_reached and random.random() < 0.7:
        call = call.set(REMEMBER, random.choice(words["remember"]))
        yield from _seen_to(story, of, call)
    staff = of.branch.in_charge(matter.staff, moment)
    yield Step(moment + HOUR, [call], actor=staff.actor)


def _seen_to(story: Story, of: Character, call: Interaction) -> Iterator[Step]:
    """A third of what is to be remembered is seen to within two months."""
    if story.random.random() < 0.33:
        begin = call.happened_at + 2 * DAY
        moment = some_time(story, of.branch, begin, begin + 60 * DAY)
        if moment is not None:
            staff = of.branch.in_charge(of.owner, moment)
            yield Step(moment, write=partial(_done, call.id, moment), actor=staff.actor)


def _done(id: str, at: datetime, tx: Transaction) -> None:
    mark_done(tx, id, at)


def _among_colleagues(story: Story, of: Character, ended: datetime, teams: Teams) -> Iterator[Step]:
    """Some customers of the wholesale are talked over by those who look after them."""
    moment = some_time(story, of.branch, ended + DAY, min(ended + 9 * DAY, story.until - HOUR))
    if moment is None or story.random.random() >= 0.12:
        return
    said = story.random.choice(texts(_home(of))["colleagues"])
    talk = _contact(story, of, moment, teams).evolve(channel="meeting", subject=said)
    staff = of.branch.in_charge(of.owner, moment)
    yield Step(moment + HOUR, [talk.set(INTERNAL, True)], actor=staff.actor)


def _contact(story: Story, of: Character, moment: datetime, teams: Teams) -> Interaction:
    """A contact that somebody of the company began, as the work of a team."""
    trade: Any = of.record.type == "organization" or of.record.organization_id
    team = teams[of.branch.name, WHOLESALE if trade else CARE]
    made = Interaction(
        id=story.new_id(moment),
        customer_id=of.id,
        channel="meeting",
        direction=Direction.OUT,
        happened_at=moment,
    )
    return made.set(TEAM, team)


def _home(of: Character) -> str:
    """What colleagues at the branch speak with each other."""
    return "ko" if of.branch.country == "KR" else "en"
