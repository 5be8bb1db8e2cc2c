"""Who is there for a while only: duplicates until they are merged, people who leave, and strangers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs

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
    home = {"language": of.language, "country": of.record.country, "timezone": of.record.timezone}
    name = otherwise(of.name, random)
    record = casting.record(joined, random, name=name, owner=owner.id, **home)
    channels = [("email", casting.addresses.email(of.name, random))]
    end = joined + random.randrange(20, 70) * DAY
    figure = attrs.evolve(
        of,
        key=key,
        role="person",
        owner=owner,
        joined=joined,
        end=end,
        record=record,
        identities=casting.identities(record.id, channels, joined, random),
        employer=None,
        brings=None,
        unknown=False,
        rename=None,
    )
    return Duplicate(of, figure)


def leavers(casting: Casting, count: int) -> list[Figure]:
    """Customers who one day want everything about them deleted, with so many others who stay."""
    return [_leaver(casting, number) for number in range(_count(0.015, count))]


def _leaver(casting: Casting, number: int) -> Figure:
    key = f"leaver/{number}"
    random = dice(casting.seed, key)
    branch = random.choice(casting.branches)
    last = casting.until - 200 * DAY
    joined = branch.hours.some_time(branch.opened, last, random)
    name = person(casting.language(branch, random), random)
    figure = casting.private(key, branch, joined, name, random)
    record = figure.record
    assert record is not None
    address = casting.addresses.email(name, random)
    return attrs.evolve(
        figure,
        end=joined + random.randrange(60, 150) * DAY,
        record=record.evolve(name=name.full),
        identities=casting.identities(record.id, [("email", address)], joined, random),
        unknown=False,
        rename=None,
    )


def strangers(casting: Casting, count: int) -> list[Figure]:
    """People who write or ring once, and whom nobody knows."""
    return [_stranger(casting, number) for number in range(_count(0.08, count))]


def _stranger(casting: Casting, number: int) -> Figure:
    key = f"stranger/{number}"
    random = dice(casting.seed, key)
    branch = random.choice(casting.branches)
    joined = branch.hours.some_time(branch.opened, casting.until, random)
    name = person(casting.language(branch, random), random)
    phone = casting.addresses.mobile(branch.country, random) if random.random() < 0.4 else None
    email = None if phone else casting.addresses.email(name, random)
    channels = [("phone", phone), ("email", email)]
    owner = casting.owner(branch, name.language, joined, random)
    return Figure(
        key,
        "stranger",
        name.language,
        branch,
        owner,
        joined,
        casting.until,
        None,
        casting.identities(None, channels, joined, random),
        name,
    )
