"""What follows a cursor, in SQL that an index answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from crmkit_sql.compile import Element, Place

__all__ = ["ordering", "segments"]


def ordering(places: Sequence[Place]) -> list[Any]:
    """What stands behind ORDER BY: missing values first ascending and last descending, as the indexes have them.

    Where nothing is missing nothing is said of it: to PostgreSQL those would be two orders.
    """
    found = []
    for each in places:
        if each.descending:
            found.append(each.value.desc().nulls_last() if each.nullable else each.value.desc())
        else:
            found.append(each.value.asc().nulls_first() if each.nullable else each.value.asc())
    return found


def segments(places: Sequence[Place]) -> list[Element]:
    """Conditions for what is behind the cursor: stretches that follow each other, each one range of an index.

    One comparison of rows does where all go one way and nothing missing comes behind what is there. Otherwise
    stretches: equal in all but the last place and behind it in that, then equal in all but the last two, and so on.
    """
    descending = places[-1].descending
    if all(
        each.cursor is not None
        and each.descending == descending
        and not (descending and each.nullable)
        for each in places
    ):
        here = sa.tuple_(*(each.value for each in places))
        there = sa.tuple_(*(each.cursor for each in places))
        return [here < there if descending else here > there]
    found: list[Element] = []
    for number in range(len(places) - 1, -1, -1):
        equal = [_equal(each) for each in places[:number]]
        found += [sa.and_(*equal, behind) for behind in _behind(places[number])]
    return found


def _equal(place: Place) -> Element:
    return place.value.is_(sa.null()) if place.cursor is None else place.value == place.cursor


def _behind(place: Place) -> list[Element]:
    if place.cursor is None:
        return [] if place.descending else [place.value.is_not(sa.null())]
    if not place.descending:
        return [place.value > place.cursor]
    missing = [place.value.is_(sa.null())] if place.nullable else []
    return [place.value < place.cursor, *missing]
