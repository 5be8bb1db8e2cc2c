"""Commands that show the plugin's share, to be typed after `crm demo`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from crmkit_demo.story import Stop, Story

from crmkit import Customer, Interaction, Reader, Record, where
from crmkit_collaborative.demo.parts import parted
from crmkit_collaborative.demo.twice import entries
from crmkit_collaborative.interactions.fields import DONE_AT, REMEMBER
from crmkit_collaborative.kinds import ChannelPreference, Handover
from crmkit_collaborative.words import _

__all__ = ["stops"]

YEAR = timedelta(days=365)


def stops(story: Story, crm: Reader, customer: Customer | None) -> Iterator[Stop]:
    """What to type, nobody in it whom the reader may not see."""
    yield Stop(("directory", "show"), _("departments, teams, and who is in them today"))
    yield Stop(
        ("directory", "who", "--language", "ko", "--at", _at_work(story)),
        _("who speaks Korean and is at work then, by the clock of each"),
    )
    yield from _customers(crm, customer)
    yield from _hand_overs(story, crm)
    yield from _duplicates(story, crm)


def _at_work(story: Story) -> str:
    """An hour after the first branch opens on the next working day, on its clock."""
    hours = story.branches[0].hours
    moment = hours.opening(hours.working_day(story.until)) + timedelta(hours=1)
    return moment.astimezone(hours.zone).isoformat(timespec="minutes")


def _customers(crm: Reader, customer: Customer | None) -> Iterator[Stop]:
    """All that happened with one customer, and how another one is met."""
    waiting = (where[REMEMBER].present(), where[DONE_AT].missing(), where.customer_id.present())
    noted = _known_longest(crm, Interaction, *waiting, order="-happened_at")
    if noted is not None:
        yield Stop(("interaction", "notes", noted), _("what to remember of a customer"))
        yield Stop(("customer", "stream", noted), _("all that happened with that customer"))
    said = (where.source == "stated", where.purpose == "any")
    stated = _known_longest(crm, ChannelPreference, *said, order="-since")
    shown = customer.id if customer is not None else None
    if met := stated or shown:
        yield Stop(
            ("contact", "how", met, "--explain"),
            _("on which channels to try a customer, and how that comes about"),
        )


def _known_longest(crm: Reader, kind: type[Record], *conditions: Any, order: str) -> str | None:
    """The customer of whom there is most to tell, among those of the newest records of a kind."""
    newest = crm.find(kind, *conditions, order=order, limit=20)
    ids = sorted({str(each["customer_id"]) for each in newest})
    count = {id: crm.count(Interaction, where.customer_id == id) for id in ids}
    return max(ids, key=count.__getitem__, default=None)


def _hand_overs(story: Story, crm: Reader) -> Iterator[Stop]:
    """What was handed over in words, and how that went."""
    packed = next(iter(crm.find(Handover, where.reason != "", order="-at", limit=1)), None)
    if packed is not None:
        yield Stop(
            ("handover", "show", packed.id),
            _("what somebody who left wrote for whoever came next"),
        )
    year = (story.until - YEAR).date().isoformat()
    yield Stop(
        ("handover", "report", "--since", year),
        _("how often customers changed hands in a year"),
    )


def _duplicates(story: Story, crm: Reader) -> Iterator[Stop]:
    """The pairs that nobody has noticed yet, and what to do about one of them."""
    yield Stop(("duplicates", "find", "--zone", "auto"), _("customers who are there twice"))
    for each in entries(parted(story)("twice")):
        ids = each.of.id, each.record.id
        if all(one is not None for one in crm.get_many(Customer, ids)):
            merged = (*ids, "--take", "name=keep")
            yield Stop(("merge", "plan", *merged), _("what it would mean to make two of them one"))
            yield Stop(("merge", "apply", *merged), _("doing it; it says how to take that back"))
            return
