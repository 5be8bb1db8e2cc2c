"""Hand-overs that somebody prepared before leaving: what is open and what was promised, for those who may ask soon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from crmkit_demo.story import Branch, Character, Matter, Staff, Step, Story

from crmkit import Customer, Interaction, Transaction
from crmkit_collaborative.demo.calls import latest
from crmkit_collaborative.demo.parts import some_time, texts
from crmkit_collaborative.handover.packing import packet
from crmkit_collaborative.handover.repeating import BEFORE, WITHIN

__all__ = ["packets"]

DAY = timedelta(days=1)
WRITTEN = {"email", "chat"}
RECENT = 150 * DAY
"""Whoever was in touch since then is handed over in words; for the others their contacts must do."""


def packets(story: Story) -> Iterator[Step]:
    """The steps in which packets are written, in the last evening of those whose customers go to a successor."""
    for branch in story.branches:
        for staff in branch.staff:
            if staff.successor is not None and staff.leaves is not None:
                evening = _last_evening(branch, staff.leaves)
                if branch.opened < evening < story.until:
                    yield from _packed(story, branch, staff, evening)


def _last_evening(branch: Branch, leaves: datetime) -> datetime:
    """When the branch closed on the last working day before a moment."""
    day = branch.hours.day_of(leaves) - DAY
    while not branch.hours.is_working_day(day):
        day -= DAY
    return branch.hours.closing(day)


def _packed(story: Story, branch: Branch, staff: Staff, evening: datetime) -> Iterator[Step]:
    random, words = story.random, texts("ko" if branch.country == "KR" else "en")
    recent = latest(story, evening)
    of_branch = (each for each in story.customers if each.branch is branch)
    for each in of_branch:
        matter = recent.get(each.id)
        theirs = branch.in_charge(each.owner, evening) is staff
        if matter is None or not theirs or matter.opened < evening - RECENT:
            continue
        topic, packet_ = words["topics"][matter.topic], words["packet"]
        said: dict[str, Any] = {
            "id": story.new_id(evening),
            "reason": packet_["reason"],
            "summary": packet_["summary"].format(topic=topic),
            "open_questions": (random.choice(packet_["questions"]).format(topic=topic),),
            "promises": tuple(random.sample(packet_["promises"], random.randrange(2))),
        }
        write = partial(_pack, each.id, staff, said)
        yield Step(evening, write=write, actor=staff.actor)
        if each.quiet is None and matter.opened > evening - BEFORE + DAY and random.random() < 0.5:
            yield from _asked_again(story, each, matter, evening)


def _asked_again(story: Story, of: Character, matter: Matter, since: datetime) -> Iterator[Step]:
    """Somebody says once more what they had said to the one who left: what `crm handover report` looks for."""
    asked = some_time(story, of.branch, since + DAY, since + WITHIN)
    if asked is not None:
        made = {
            "id": story.new_id(asked),
            "customer_id": of.id,
            "happened_at": asked,
            "body": texts(str(of.record.language))["again"],
        }
        yield Step(asked, write=partial(_ask_again, matter.interaction_id, made))


def _ask_again(earlier: str, said: dict[str, Any], tx: Transaction) -> None:
    found = tx.get(Interaction, earlier)
    # What was said on the telephone is in the words of whoever took the call.
    if found.channel in WRITTEN:
        same = {name: found[name] for name in ("identity_id", "channel", "subject")}
        body = f"{said['body']} {found.body}".strip()
        tx.add(Interaction(**{**said, **same, "body": body}))


def _pack(customer: str, leaver: Staff, said: dict[str, Any], tx: Transaction) -> None:
    found = tx.get(Customer, customer)
    # Some were given to others before: those are no longer the leaver's to hand over.
    if found.owner == leaver.id:
        made = packet(tx, found, found.id, leaver.id, leaver.successor, tx.now())
        tx.add(made.evolve(**said))
