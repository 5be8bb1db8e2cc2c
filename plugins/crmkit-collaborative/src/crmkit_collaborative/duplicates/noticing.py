"""Customers are looked at as they come: who they might be is kept as `duplicate` records until it is settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from crmkit import Change, Customer, Identity, where
from crmkit.query import any_of
from crmkit_collaborative.duplicates.comparing import Frequencies, values
from crmkit_collaborative.duplicates.finding import as_people, pair
from crmkit_collaborative.duplicates.people import Person
from crmkit_collaborative.duplicates.scoring import Score, score, zone
from crmkit_collaborative.kinds import Duplicate, NotSame
from crmkit_collaborative.settings import Settings

__all__ = ["notice"]

MOST = 50
"""With how many others one customer is compared."""


def notice(tx: Any, changes: Sequence[Change]) -> None:
    """The worker: compare whoever came or changed with those who share an address or the name, and keep what is found.

    Pairs of theirs that were kept and are no longer alike go; those of whom somebody said that they are not the same
    are not kept.
    """
    settings: Settings = tx.settings(Settings)
    ids = _customers(tx, changes)
    for one in _present(tx, ids):
        found = {(each.a, each.b): each for each in _scores(tx, one, settings)}
        mine = any_of(where.a_id == one.id, where.b_id == one.id)
        apart = set(map(pair, tx.find(NotSame, mine)))
        kept: dict[tuple[str, str], Duplicate] = {}
        for each in list(tx.find(Duplicate, mine)):
            if pair(each) not in found or pair(each) in apart or pair(each) in kept:
                tx.delete(each)
            else:
                kept[pair(each)] = each
        for two, made in found.items():
            if two not in apart:
                _keep(tx, kept.get(two), made, settings)


def _keep(tx: Any, known: Duplicate | None, made: Score, settings: Settings) -> None:
    wanted: dict[str, Any] = {
        "score": round(made.value, 4),
        "zone": zone(made, settings.auto, settings.review),
        "parts": {"bits": [[each.of, each.outcome, round(each.weight, 2)] for each in made.parts]},
    }
    if known is None:
        tx.add(Duplicate(a_id=made.a, b_id=made.b, **wanted))
    else:
        tx.update(known.evolve(**wanted))


def _customers(tx: Any, changes: Iterable[Change]) -> list[str]:
    found: dict[str, None] = {}
    for each in changes:
        if each.kind == Customer.__kind__:
            found[each.id] = None
        elif each.action != "delete":
            [identity] = list(tx.find(Identity, where.id == each.id)) or [None]
            if identity is not None and identity.customer_id is not None:
                found[identity.customer_id] = None
    return list(found)


def _present(tx: Any, ids: Sequence[str]) -> list[Customer]:
    return list(tx.find(Customer, where.id.in_(ids))) if ids else []


def _scores(tx: Any, one: Customer, settings: Settings) -> Iterable[Score]:
    [me] = as_people(tx, [one], settings.compare)
    others = _alike(tx, one)
    seen = Frequencies()
    seen.size = tx.count(Customer)
    base: list[Person] = list(as_people(tx, others, settings.compare))
    for each in (me, *base):
        seen.counts.update(values(each))
    for each in base:
        made = score(me, each, seen)
        if zone(made, settings.auto, settings.review) != "no":
            yield made


def _alike(tx: Any, one: Customer) -> list[Customer]:
    """Those with an address or the name of this one, a few at most: what very many share says nothing."""
    found: dict[str, None] = {}
    for own in tx.find(Identity, where.customer_id == one.id):
        same = (where.channel == own.channel, where.normalised == own.normalised)
        for each in tx.find(Identity, *same, limit=MOST):
            found[each.customer_id] = None
    for each in tx.find(Customer, where.name == one.name, limit=MOST):
        found[each.id] = None
    for each in tx.search(one.name, [Customer], limit=MOST) if one.name else ():
        found[each.id] = None
    ids = [each for each in found if each is not None and each != one.id]
    return [each for each in _present(tx, ids) if each.type == one.type]
