"""Who is there for a while only: duplicates until they are merged, people who leave, and strangers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from crmkit_demo.arrivals import Arrival, identities
from crmkit_demo.cast import Casting
from crmkit_demo.chance import dice
from crmkit_demo.figures import Figure
from crmkit_demo.names import otherwise, person

__all__ = ["Duplicate", "duplicates", "leavers", "strangers"]

DAY = timedelta(days=1)
ENOUGH = 20
"""A company of so many customers has one of each sort at least."""


@attrs.frozen
class Duplicate:
    """A second record of a customer, by another name and address, until both are merged."""

    of: Figure
    figure: Figure


def _count(share: float, customers: int) -> int:
    return max(round(share * customers), int(customers >= ENOUGH))


def duplicates(casting: Casting, customers: Sequence[Figure]) -> list[Duplicate]:
    """Some customers who are taken for new ones when they write from another address."""
    random = dice(casting.seed, "duplicates")
    able = [
        each
        for each in customers
        if each.name and each.joined + 60 * DAY < min(each.end, casting.until - 120 * DAY)
    ]
    count = min(len(able), _count(0.03, len(customers)))
    return [_duplicate(casting, each) for each in random.sample(able, count)]


def _duplicate(casting: Casting, of: Figure) -> Duplicate:
    key = f"{of.key}/again"
    random = dice(casting.seed, key)
    assert of.name is not None
    assert of.record is not None
    last = min(of.end, casting.until - 90 * DAY)
    joined = of.branch.hours.some_time(of.joined + 30 * DAY, last, random)
    owner = casting.owner(of.branch, of.language, joined, random)
    arrival = Arrival(key, of.branch, of.language, owner, joined, casting.until, random)
    home = {"country": of.record.country, "timezone": of.record.timezone}
    record = arrival.record(name=otherwise(of.name, random), **home)
    channels = [("email", casting.addresses.email(of.name, random))]
    figure = Figure(
        key=key,
        role="person",
        language=of.language,
        branch=of.branch,
        owner=owner,
        joined=joined,
        end=joined + random.randrange(20, 70) * DAY,
        record=record,
        identities=identities(record.id, channels, joined, random),
        name=of.name,
    )
    return Duplicate(of, figure)


def leavers(casting: Casting, count: int) -> list[Figure]:
    """Customers who one day want everything about them deleted, with so many others who stay."""
    return [_leaver(casting, number) for number in range(_count(0.015, count))]


def _leaver(casting: Casting, number: int) -> Figure:
    arrival = _arrival(casting, f"leaver/{number}", casting.until - 200 * DAY)
    random, joined = arrival.random, arrival.joined
    name = person(arrival.language, random)
    record = arrival.record(name=name.full)
    channels = [("email", casting.addresses.email(name, random))]
    return Figure(
        key=arrival.key,
        role="person",
        language=arrival.language,
        branch=arrival.branch,
        owner=arrival.owner,
        joined=joined,
        end=joined + random.randrange(60, 150) * DAY,
        record=record,
        identities=identities(record.id, channels, joined, random),
        name=name,
    )


def strangers(casting: Casting, count: int) -> list[Figure]:
    """People who write or ring once, and whom nobody knows."""
    return [_stranger(casting, number) for number in range(_count(0.08, count))]


def _stranger(casting: Casting, number: int) -> Figure:
    arrival = _arrival(casting, f"stranger/{number}", casting.until)
    random, addresses = arrival.random, casting.addresses
    name = person(arrival.language, random)
    phone = addresses.mobile(arrival.branch.country, random) if random.random() < 0.4 else None
    email = None if phone else addresses.email(name, random)
    channels = [("phone", phone), ("email", email)]
    return Figure(
        key=arrival.key,
        role="stranger",
        language=arrival.language,
        branch=arrival.branch,
        owner=arrival.owner,
        joined=arrival.joined,
        end=casting.until,
        record=None,
        identities=identities(None, channels, arrival.joined, random),
        name=name,
    )


def _arrival(casting: Casting, key: str, last: datetime) -> Arrival:
    """Somebody who comes before some moment."""
    random = dice(casting.seed, key)
    branch = random.choice(casting.branches)
    joined = branch.hours.some_time(branch.opened, last, random)
    return casting.arrival(key, branch, joined, random)
