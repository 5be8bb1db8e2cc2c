"""Customers who were entered a second time, which nobody has noticed yet: what `crm duplicates find` is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs
from crmkit_demo.story import Character, Step, Story

from crmkit import Customer, Direction, Identity, Interaction
from crmkit_collaborative.demo.parts import some_time, texts

__all__ = ["Entry", "entries", "twice"]

DAY = timedelta(days=1)
SHARE, ENOUGH, FEWEST = 0.02, 20, 2
"""So many of the customers are there twice; from `ENOUGH` customers on, `FEWEST` at least."""
LATELY = 90 * DAY
"""They were entered again in the last three months."""


@attrs.frozen
class Entry:
    """The second record of a customer, with the address and the enquiry with which it came."""

    of: Character
    record: Customer
    identity: Identity
    enquiry: Interaction

    @property
    def at(self) -> datetime:
        """When it came."""
        return self.enquiry.happened_at


def twice(story: Story) -> Iterator[Step]:
    """The steps in which customers are entered again, by whoever is there."""
    for each in entries(story):
        staff = next(one for one in each.of.branch.staff if one.id == each.record.owner)
        yield Step(each.at, [each.record, each.identity, each.enquiry], actor=staff.actor)


def entries(story: Story) -> list[Entry]:
    """The second entries, in the order in which they come."""
    shared = Counter(one.value for each in story.customers for one in each.identities)
    able = [each for each in story.customers if _address(each, shared) and _is_plain(each)]
    count = len(story.customers)
    wanted = max(round(SHARE * count), FEWEST if count >= ENOUGH else 0)
    drawn = story.random.sample(able, len(able))
    found = (_entry(story, each, shared) for each in drawn)
    kept = [each for each, _ in zip(filter(None, found), range(wanted), strict=False)]
    return sorted(kept, key=lambda each: each.at)


def _address(of: Character, shared: Counter[str]) -> Identity | None:
    """An address that is the customer's alone: what families and colleagues share tells nobody apart."""
    own = [each for each in of.identities if shared[each.value] == 1]
    return next((each for each in own if each.channel in {"email", "phone"}), None)


def _is_plain(of: Character) -> bool:
    """Whether the name is one that can be written otherwise."""
    name = of.record.name
    is_korean = len(name) == 3 and all("가" <= each <= "힣" for each in name)
    return of.record.type == "organization" or is_korean or len(name.split()) == 2


def _entry(story: Story, of: Character, shared: Counter[str]) -> Entry | None:
    random, address = story.random, _address(of, shared)
    start = max(of.since + 30 * DAY, story.until - LATELY)
    moment = some_time(story, of.branch, start, min(of.quiet or story.until, story.until - DAY))
    if moment is None or address is None:
        return None
    record = of.record.evolve(
        id=story.new_id(moment),
        name=_otherwise(story, of),
        owner=random.choice(of.branch.present(moment)).id,
        tags=(),
    )
    value = _typed(story, address) if address.channel == "email" else address.value
    identity = Identity(
        id=story.new_id(moment),
        customer_id=record.id,
        channel=address.channel,
        value=value,
        first_seen_at=moment,
        last_seen_at=moment,
    )
    enquiry = Interaction(
        id=story.new_id(moment),
        customer_id=record.id,
        identity_id=identity.id,
        channel=address.channel,
        direction=Direction.IN,
        happened_at=moment,
        body=random.choice(texts(str(of.record.language))["enquiries"]),
    )
    return Entry(of, record, identity, enquiry)


def _otherwise(story: Story, of: Character) -> str:
    """The name as somebody else writes it."""
    name, random = of.record.name, story.random
    if of.record.type == "organization":
        bare = name.removeprefix("(주)")
        return f"주식회사 {bare}" if of.record.language == "ko" else f"{bare} Ltd"
    if " " not in name:
        return random.choice([f"{name[0]} {name[1:]}", f"{name[1:]} {name[0]}"])
    first, last = name.split()
    return random.choice([name.lower(), f"{last}, {first}", f"{first[0]}. {last}"])


def _typed(story: Story, address: Identity) -> str:
    """The address with a slip of the pen, or in large letters."""
    local, _, domain = address.value.partition("@")
    place = story.random.randrange(1, max(2, len(local) - 1))
    slip = local[:place] + local[place : place + 2][::-1] + local[place + 2 :]
    return story.random.choice([f"{slip}@{domain}", address.value.upper()])
