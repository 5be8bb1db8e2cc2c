"""What customers said of being contacted: channels they prefer, consents, withdrawals, and no more contact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from crmkit_demo.story import Character, Step, Story

from crmkit import Record
from crmkit_collaborative.demo.parts import some_time, texts
from crmkit_collaborative.kinds import ChannelPreference, ContactRule

__all__ = ["wishes"]

DAY = timedelta(days=1)
MARKETING = "marketing"

Said = Callable[[datetime], Record]
"""The record of what was said at a moment."""


def wishes(story: Story) -> Iterator[Step]:
    """The steps in which it is written down what customers want, in the moment when they say it."""
    for each in story.customers:
        yield from _preferred(story, each)
        yield from _marketing(story, each)
        yield from _forbidden(story, each)


def _said(
    story: Story, of: Character, start: datetime, end: datetime, said: Said
) -> Iterator[Step]:
    moment = some_time(story, of.branch, start, end)
    if moment is not None:
        staff = of.branch.in_charge(of.owner, moment)
        yield Step(moment, [said(moment)], actor=staff.actor)


def _preferred(story: Story, of: Character) -> Iterator[Step]:
    """One in five says on which channel they want to be met; for organizations the company decides of its news."""
    random, words = story.random, texts(str(of.record.language))
    channels = sorted({each.channel for each in of.identities} & words["prefer"].keys())
    is_firm = of.record.type == "organization"
    if not channels or random.random() >= 0.2 or (is_firm and "email" not in channels):
        return
    channel = "email" if is_firm else random.choice(channels)
    note = random.choice(words["policy"] if is_firm else words["prefer"][channel])
    wanted: dict[str, Any] = {
        "purpose": MARKETING if is_firm else random.choice(("any", "any", "service")),
        "source": "policy" if is_firm else "stated",
        "channel": channel,
        "note": note,
    }

    def said(at: datetime) -> Record:
        return ChannelPreference(id=story.new_id(at), customer_id=of.id, since=at, **wanted)

    yield from _said(story, of, of.since + DAY, of.quiet or story.until, said)


def _rule(story: Story, of: Character, **rule: Any) -> Said:
    return lambda at: ContactRule(id=story.new_id(at), customer_id=of.id, since=at, **rule)


def _marketing(story: Story, of: Character) -> Iterator[Step]:
    """One in three wants to hear of news; one in four of those has enough of it one day."""
    random, words = story.random, texts(str(of.record.language))
    if random.random() >= 0.35:
        return
    consent = random.choice(words["consent"])
    agreed = _rule(story, of, verdict="consent", purpose=MARKETING, reason=consent)
    for step in _said(story, of, of.since, of.since + 60 * DAY, agreed):
        yield step
        if random.random() < 0.25:
            reason = random.choice(words["withdrawn"])
            took = _rule(story, of, verdict="withdrawn", purpose=MARKETING, reason=reason)
            yield from _said(story, of, step.at + 30 * DAY, of.quiet or story.until, took)


def _forbidden(story: Story, of: Character) -> Iterator[Step]:
    """Some of those who went quiet want no contact at all any more; a few others no calls."""
    random, words = story.random, texts(str(of.record.language))
    if of.quiet is not None and random.random() < 0.12:
        reason = random.choice(words["forbidden"])
        rule = _rule(story, of, verdict="do_not_contact", reason=reason)
        yield from _said(story, of, of.quiet + 15 * DAY, of.quiet + 90 * DAY, rule)
    elif of.quiet is None and random.random() < 0.03:
        reason = random.choice(words["no_phone"])
        rule = _rule(story, of, verdict="do_not_contact", channel="phone", reason=reason)
        yield from _said(story, of, of.since + DAY, story.until, rule)
