"""What follows a cursor, in SQL that an index answers."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit_sqlite.compile import Place

__all__ = ["ordering", "segments"]


def ordering(places: Sequence[Place]) -> str:
    """What stands behind ORDER BY: SQLite, too, has missing values first ascending and last descending."""
    return ", ".join(f"{each.sql}{' DESC' if each.descending else ''}" for each in places)


def segments(places: Sequence[Place]) -> list[str]:
    """Conditions for what is behind the cursor: stretches that follow each other, each one range of an index.

    One comparison of rows does where all go one way and nothing missing comes behind what is there. Otherwise
    stretches: equal in all but the last place and behind it in that, then equal in all but the last two, and so on.
    """
    descending = places[-1].descending
    if all(
        each.parameter is not None
        and each.descending == descending
        and not (descending and each.nullable)
        for each in places
    ):
        here = ", ".join(each.sql for each in places)
        there = ", ".join(str(each.parameter) for each in places)
        return [f"({here}) {'<' if descending else '>'} ({there})"]
    found: list[str] = []
    for number in range(len(places) - 1, -1, -1):
        equal = [_equal(each) for each in places[:number]]
        found += [" AND ".join([*equal, behind]) for behind in _behind(places[number])]
    return found


def _equal(place: Place) -> str:
    return f"{place.sql} IS NULL" if place.parameter is None else f"{place.sql} = {place.parameter}"


def _behind(place: Place) -> list[str]:
    if place.parameter is None:
        return [] if place.descending else [f"{place.sql} IS NOT NULL"]
    if not place.descending:
        return [f"{place.sql} > {place.parameter}"]
    missing = [f"{place.sql} IS NULL"] if place.nullable else []
    return [f"{place.sql} < {place.parameter}", *missing]
