"""What the demo tells other plugins of its company, and what they give back: `Story` and `Step`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

import attrs

from crmkit import Actor, Customer, Identity, Record
from crmkit_demo.chance import id_at
from crmkit_demo.hours import Hours

if TYPE_CHECKING:
    from crmkit import Transaction

__all__ = ["DEMO", "VIA", "Branch", "Character", "Matter", "Staff", "Step", "Stop", "Story"]

VIA = "demo"
"""Through what everybody acts in the story, as the journal has it."""

DEMO = Actor("demo", "bot", VIA)
"""Who does what nobody else does."""


@attrs.frozen
class Staff:
    """Somebody who works at a branch `since` then, until `leaves`; `successor` is the id of who takes over.

    `names` is what people are called, by language.
    """

    id: str
    names: Mapping[str, str]
    since: datetime
    leaves: datetime | None = None
    successor: str | None = None

    @property
    def actor(self) -> Actor:
        """The one who acts when they write something down."""
        return Actor(self.id, "person", VIA)

    def works_at(self, moment: datetime) -> bool:
        """Whether they have begun and not yet left."""
        return self.since <= moment and (self.leaves is None or moment < self.leaves)


@attrs.frozen
class Branch:
    """A branch of the company: when it is open, and who works there; the first is its head."""

    name: str
    country: str
    timezone: str
    currency: str
    opened: datetime
    hours: Hours
    staff: tuple[Staff, ...]

    def present(self, moment: datetime) -> tuple[Staff, ...]:
        """Who works there at a moment."""
        return tuple(each for each in self.staff if each.works_at(moment))

    def in_charge(self, of: Staff, moment: datetime) -> Staff:
        """Who looks after somebody's customers at a moment: they, or whoever took over from them."""
        named = {each.id: each for each in self.staff}
        while of.successor and of.leaves and of.leaves <= moment:
            of = named[of.successor]
        return of


@attrs.frozen
class Character:
    """A customer of the story: `record` as it is first written.

    From `since` on it is there to be referred to, until the end: customers that are merged away or deleted are not in
    the story. From `quiet` on, if that is given, nothing is heard of it. `owner` is the first one. `identities` are the
    addresses that it has from `since` on.
    """

    record: Customer
    branch: Branch
    owner: Staff
    since: datetime
    quiet: datetime | None = None
    identities: tuple[Identity, ...] = ()

    @property
    def id(self) -> str:
        """The customer's id."""
        return self.record.id


@attrs.frozen
class Matter:
    """What a customer wanted: `topic` is one of order, delivery, refund, exchange, complaint, thanks, subscription,
    quote, contract, service, invoice, review, check-in and invitation.

    It was `opened` by the interaction `interaction_id`, and `closed` with an `outcome` if it came to an end; `staff`
    is who dealt with it.
    """

    topic: str
    customer_id: str
    interaction_id: str
    staff: Staff
    opened: datetime
    closed: datetime | None = None
    outcome: str | None = None


@attrs.frozen
class Step:
    """Something that is written at a moment of the story: records to add, then whatever `write` does.

    `at` is aware. `adds` may be an iterator, which is gone through when the moment has come. The steps of one plugin
    and one actor on one day share a transaction, if no other actor's are in between: what they add goes first, those
    that are referred to before those that refer, then `write` of each is called. A day is one of UTC; the demo's own
    steps of a day come before those of plugins.
    """

    at: datetime
    adds: Iterable[Record] = ()
    write: Callable[[Transaction], object] | None = None
    actor: Actor = DEMO


@attrs.frozen
class Stop:
    """A stop of the tour: a command to type next, as the `words` behind `crm`, and `why`: what it shows.

    It works as it stands. `why` is a short line in the language of the terminal.
    """

    words: tuple[str, ...]
    why: str


@attrs.frozen
class Story:
    """The company, as a plugin is told it: who its customers are, and what they wanted.

    `random` is the plugin's own: seeded by the demo's seed and the plugin's name. `matters` is in order of time,
    `customers` in the order in which they come.
    """

    random: Random
    since: datetime
    until: datetime
    branches: tuple[Branch, ...]
    customers: tuple[Character, ...]
    matters: tuple[Matter, ...]

    def new_id(self, moment: datetime) -> str:
        """An id for a record that is made at a moment; to be given as `id=`, for all else would not be repeated."""
        return id_at(moment, self.random)
