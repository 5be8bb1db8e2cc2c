"""Scenes: what people want of a coffee roaster, on which channel, and what is said turn by turn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from random import Random
from typing import Any

import attrs

from crmkit import Direction
from crmkit_demo.texts import texts

__all__ = ["Goods", "Scene", "Turn", "goods_of", "scenes_for"]


@attrs.frozen
class Turn:
    """One message of a scene, or the notes of a call or a meeting; `wait` is how many hours it takes to come."""

    way: Direction
    says: str
    wait: tuple[float, float] | None


@attrs.frozen(eq=False)
class Scene:
    """Something that somebody wants, and how it goes on.

    `who` is whose it is, `first` whether one may begin with it, `months` when it happens if not always, `group`
    whether others are in it. A chat has no subjects: its messages are short enough.
    """

    topic: str
    channel: str
    who: str
    goods: tuple[str, ...]
    weight: int
    turns: tuple[Turn, ...]
    subjects: tuple[str, ...]
    outcome: str | None
    first: bool
    months: frozenset[int]
    group: bool


@attrs.frozen
class Goods:
    """Something that is sold: its sort, its name by language, its price in whole won and in pence."""

    sort: str
    names: dict[str, str]
    won: int
    pence: int


@cache
def _scenes(language: str) -> tuple[Scene, ...]:
    return tuple(map(_scene, texts(language)["scene"]))


def _scene(table: dict[str, Any]) -> Scene:
    return Scene(
        table["topic"],
        table["channel"],
        table["who"],
        tuple(table["goods"]),
        table["weight"],
        tuple(map(_turn, table["turn"])),
        tuple(table.get("subject", ())),
        table.get("outcome"),
        table.get("first", False),
        frozenset(table.get("months", range(1, 13))),
        table.get("group", False),
    )


def _turn(table: dict[str, Any]) -> Turn:
    says = " ".join(table["says"].split())
    shortest, longest = table.get("wait", (0, 0))
    return Turn(Direction(table["way"]), says, (shortest, longest) if longest else None)


@cache
def scenes_for(language: str, role: str) -> tuple[Scene, ...]:
    """The scenes that somebody may have."""
    anybody = role in {"person", "business", "organization"}
    return tuple(
        each for each in _scenes(language) if each.who == role or (anybody and each.who == "any")
    )


@cache
def _goods() -> tuple[Goods, ...]:
    rows = texts("goods")["goods"]
    return tuple(
        Goods(row["sort"], {"ko": row["ko"], "en": row["en"]}, row["won"], row["pence"])
        for row in rows
    )


def goods_of(sorts: Collection[str], but: Sequence[Goods], random: Random) -> Goods:
    """One of the goods of these sorts; not one of those that were talked of lately, if there is a choice."""
    able = [each for each in _goods() if each.sort in sorts]
    return random.choice([each for each in able if each not in but] or able)
