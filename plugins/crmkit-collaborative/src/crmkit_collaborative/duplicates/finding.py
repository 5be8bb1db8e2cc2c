"""The duplicates of a whole base, as far as a reader may see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from crmkit import MASKED, Customer, Identity, where
from crmkit.storage import Progress
from crmkit_collaborative.duplicates.blocking import Blocks
from crmkit_collaborative.duplicates.comparing import Frequencies
from crmkit_collaborative.duplicates.people import Person, person, plain
from crmkit_collaborative.duplicates.scoring import Score, Zone, score, zone
from crmkit_collaborative.kinds import Duplicate, NotSame
from crmkit_collaborative.settings import Settings

__all__ = ["Duplicates", "Found", "as_people", "find", "pair", "people", "ruled_out"]

PHONES = frozenset({"phone", "mobile", "fax", "sms"})
"""The channels whose addresses are telephone numbers."""

IMPORTED = "external_id"
"""The kind of the exchange plugin that says what came with an import; where that plugin is not, nothing did."""

COMPARED = frozenset({"text", "date", "whole", "choice"})
"""The types of added fields that are compared if no setting says which."""


@attrs.frozen
class Found:
    """Two customers who seem to be one."""

    score: Score
    zone: Zone


@attrs.frozen
class Duplicates:
    """What was found, `auto` before `review` and the likeliest first, and what it was found in.

    `size` customers were read and `compared` pairs compared; `skipped` are keys that more customers share than are
    compared with each other, with how many do.
    """

    found: tuple[Found, ...]
    size: int
    compared: int
    skipped: dict[tuple[str, ...], int]


def find(crm: Any, settings: Settings, told: Progress | None = None) -> Duplicates:
    """Compare all customers whom the reader may see; pairs that somebody ruled out are left out."""
    say = told or (lambda done, total: None)
    base = list(people(crm, settings.compare, say))
    seen = Frequencies.of(base)
    apart = ruled_out(crm)
    blocks, kept, compared = Blocks(base, seen), list[Found](), 0
    for i, j in blocks:
        compared += 1
        made = score(base[i], base[j], seen)
        where_ = zone(made, settings.auto, settings.review)
        if where_ != "no" and (made.a, made.b) not in apart:
            kept.append(Found(made, where_))
    kept.sort(key=lambda each: (each.zone, -each.score.bits, each.score.a, each.score.b))
    return Duplicates(tuple(kept), len(base), compared, blocks.skipped)


def ruled_out(crm: Any) -> set[tuple[str, str]]:
    """The pairs of which somebody said that they are not the same."""
    return set(map(pair, crm.find(NotSame)))


def pair(of: NotSame | Duplicate) -> tuple[str, str]:
    """The ids of a pair, the smaller one first; after a merge they may stand the other way round."""
    a, b = sorted((of.a_id, of.b_id))
    return a, b


def people(crm: Any, compared: Sequence[str], told: Progress) -> Iterator[Person]:
    """All customers as they are compared, by id."""
    total = crm.count(Customer)
    batch: list[Customer] = []
    done = 0
    for each in crm.find(Customer, order="id"):
        batch.append(each)
        if len(batch) == 500:
            yield from as_people(crm, batch, compared)
            done += len(batch)
            told(min(done, total), total)
            batch = []
    yield from as_people(crm, batch, compared)
    told(total, total)


def as_people(crm: Any, customers: Sequence[Customer], compared: Sequence[str]) -> Iterator[Person]:
    """Customers with their addresses, as they are compared; what is masked is not there."""
    ids = [each.id for each in customers]
    addresses: dict[str, list[Identity]] = defaultdict(list)
    for each in crm.find(Identity, where.customer_id.in_(ids)) if ids else ():
        addresses[each.customer_id].append(each)
    fields = _compared(crm, compared)
    told = {} if compared else _told(crm, ids)
    for one in customers:
        own = addresses[one.id]
        name = "" if one.name is MASKED else one.name
        details = {path: value for path in fields if (value := _seen(one[path])) is not None}
        emails = _values(own, lambda channel: channel == "email")
        phones = _values(own, PHONES.__contains__)
        yield person(one.id, one.type, name, emails, phones, details, told.get(one.id))


def _told(crm: Any, ids: Sequence[str]) -> dict[str, dict[str, object]]:
    """The columns that no field took when customers were imported, as the exchange plugin keeps them."""
    found: dict[str, dict[str, object]] = defaultdict(dict)
    if ids and IMPORTED in crm.schema.kinds and not crm.schema[IMPORTED].opaque:
        mine = (where.record_kind == Customer.__kind__, where.record_id.in_(ids))
        for each in crm.find(IMPORTED, *mine, order="id"):
            for name, value in () if each.details is MASKED else each.details.items():
                if isinstance(value, str | int | float):
                    found[each.record_id].setdefault(f"details.{plain(name)}", value)
    return found


def _values(addresses: Iterable[Identity], wanted: Any) -> list[str]:
    return [
        each.normalised
        for each in addresses
        if wanted(each.channel) and each.normalised is not MASKED and each.normalised
    ]


def _seen(value: Any) -> Any:
    return None if value is MASKED else value


def _compared(crm: Any, wanted: Sequence[str]) -> list[str]:
    kind = crm.schema[Customer.__kind__]
    if wanted:
        return [kind.field(path).name for path in wanted]
    added = [
        each.name for each in kind.fields.values() if each.added and each.type.name in COMPARED
    ]
    return ["country", "organization_id", *sorted(added)]
