"""What people and organizations are called: Korean names by how common they are, and British ones."""

from __future__ import annotations

from functools import cache
from random import Random

import attrs

from crmkit_demo.texts import texts

__all__ = ["FirmName", "Firms", "PersonName", "person"]


@attrs.frozen
class PersonName:
    """A person's name. `first` and `last` are in its own script, `letters` the same two in small Latin ones.

    `first_seen` is how it was taken down at first, if that was not quite right.
    """

    first: str
    last: str
    letters: tuple[str, str]
    language: str
    first_seen: str | None = None

    @property
    def full(self) -> str:
        """The whole name, in the order of its language."""
        return f"{self.last}{self.first}" if self.language == "ko" else f"{self.first} {self.last}"

    @property
    def spoken(self) -> str:
        """What one calls the person in a letter."""
        return self.full if self.language == "ko" else self.first


@cache
def _surnames(language: str) -> tuple[list[list[str]], list[int]]:
    rows = [each.split(":") for each in texts("names")[language]["surnames"].split()]
    return [row[:-1] for row in rows], [int(row[-1]) for row in rows]


@cache
def _given(language: str) -> tuple[list[str], list[str]]:
    found = texts("names")[language]
    return found["women"].split(), found["men"].split()


@cache
def _pairs(language: str, of: str) -> dict[str, str]:
    return dict(each.split(":") for each in texts("names")[language][of].split())


def person(language: str, random: Random, last: str | None = None) -> PersonName:
    """A new person; of a family, with its surname."""
    surnames, weights = _surnames(language)
    [row] = random.choices(surnames, weights)
    if last is not None:
        row = next(each for each in surnames if each[0] == last)
    first = random.choice(_given(language)[random.randrange(2)])
    given = first.lower()
    if language == "ko":
        given = "".join(_pairs("ko", "syllables")[syllable] for syllable in first)
    return PersonName(first, row[0], (given, row[-1].lower()), language)


MISHEARD = {
    "현": "헌", "혜": "해", "재": "제", "세": "새", "정": "전", "은": "운", "연": "언", "준": "중", "민": "미", "영": "연",
}  # fmt: skip
"""Syllables that are taken for others on the telephone."""


def misheard(name: PersonName, random: Random) -> PersonName:
    """The same person, whose name was taken down hastily at first: misheard, shortened, or in small letters."""
    if name.language == "ko":
        seen = "".join(MISHEARD.get(each, each) for each in name.first)
        first_seen = f"{name.last}{seen}" if seen != name.first else f"{name.last} 고객님"
    else:
        short = _pairs("en", "short").get(name.first, name.first[0])
        first_seen = random.choice([f"{short} {name.last}", name.full.lower()])
    return attrs.evolve(name, first_seen=first_seen)


def otherwise(name: PersonName, random: Random) -> str:
    """How somebody else writes the same name: the way in which duplicates come about."""
    given, last = name.letters
    if name.language == "ko":
        return random.choice([f"{name.last} {name.first}", f"{given.title()} {last.title()}"])
    short = _pairs("en", "short").get(name.first)
    other = f"{short} {name.last}" if short else f"{name.first[0]}. {name.last}"
    return random.choice([other, name.full.lower(), f"{name.last}, {name.first}"])


@attrs.frozen
class FirmName:
    """An organization's name, what it is renamed to if it ever is, and the word that its addresses bear."""

    name: str
    later: str
    letters: str


@attrs.define
class Firms:
    """Makes up organizations; no two have one name or one domain."""

    _taken: set[str] = attrs.field(factory=set)
    _domains: dict[str, int] = attrs.field(factory=dict)

    def new(self, language: str, random: Random) -> FirmName:
        """An organization that is not there yet."""
        made = self._korean(random) if language == "ko" else self._english(random)
        if made.name in self._taken:
            place = random.choice(texts("firms")[language]["places"])
            more = f" {place}" if language == "ko" else f", {place}"
            made = attrs.evolve(made, name=made.name + more, later=made.later + more)
        number = 2
        while made.name in self._taken:
            made = attrs.evolve(made, name=f"{made.name.rstrip(' 0123456789')} {number}")
            number += 1
        self._taken.add(made.name)
        count = self._domains[made.letters] = self._domains.get(made.letters, 0) + 1
        return made if count == 1 else attrs.evolve(made, letters=f"{made.letters}{count}")

    def _korean(self, random: Random) -> FirmName:
        words = texts("firms")["ko"]
        stem, letters = random.choice(words["names"].split()).split(":")
        later = random.choice(words["renamed"])
        if random.random() < 0.3:
            name = random.choice(words["before"]) + stem
            return FirmName(name, f"{stem} {later}", letters)
        name = stem + random.choice(words["after"])
        form = "(주)" if random.random() < 0.4 else ""
        return FirmName(f"{form}{name}", f"{form}{name}{later}", letters)

    def _english(self, random: Random) -> FirmName:
        words = texts("firms")["en"]
        stem = random.choice(words["names"].split())
        later = random.choice(words["renamed"])
        if random.random() < 0.15:
            name = random.choice(words["before"][1:]) + stem
        else:
            the = words["before"][0] if random.random() < 0.25 else ""
            name = f"{the}{stem} {random.choice(words['after'])}"
        return FirmName(name, f"{stem} {later}", stem.lower())
