"""Commands that show the plugin's share, to be typed after `crm demo`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from crmkit_demo.story import Stop, Story

from crmkit import Customer, Interaction, Reader, where
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
    yield Stop(("directory", "who"), _("who is at work now, by the clock of each"))
    yield from _customers(crm, customer)
    yield from _hand_overs(story, crm)
    yield from _duplicates(story, crm)


def _customers(crm: Reader, customer: Customer | None) -> Iterator[Stop]:
    """How one customer is met, and all that happened with another."""
    waiting = (where[REMEMBER].present(), where[DONE_AT].missing())
    noted = _newest(crm, Interaction, *waiting, order="-happened_at")
    if noted is not None:
        of = noted.customer_id
        yield Stop(("interaction", "notes", of), _("what to remember of a customer"))
        yield Stop(("customer", "stream", of), _("all that happened with that customer"))
    stated = _newest(crm, ChannelPreference, where.source == "stated", order="-since")
    met: str | None = stated.customer_id if stated is not None else customer and customer.id
    if met is not None:
        yield Stop(
            ("contact", "how", met, "--explain"),
            _("on which channels to try a customer, and how that comes about"),
        )


def _hand_overs(story: Story, crm: Reader) -> Iterator[Stop]:
    packed = _newest(crm, Handover, where.reason != "", order="-at")
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
            yield Stop(("merge", "plan", *ids), _("what it would mean to make two of them one"))
            yield Stop(("merge", "apply", *ids), _("doing it; it says how to take that back"))
            return


def _newest(crm: Reader, kind: Any, *conditions: Any, order: str) -> Any:
    return next(iter(crm.find(kind, *conditions, order=order, limit=1)), None)
