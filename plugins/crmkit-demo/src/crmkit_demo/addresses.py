"""Addresses that are nobody's: telephone numbers kept for fiction or assigned to none, and e-mail under example domains.

Ofcom keeps 07700 900xxx, 020 7946 0xxx and some numbers of other towns for drama. Korea keeps none; 010-0 and 02-0
begin no number that was ever assigned.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

import attrs

from crmkit_demo.chance import dice
from crmkit_demo.names import PersonName

__all__ = ["Addresses"]

DOMAINS = {
    "ko": ("mail.example", "example.kr", "example.com", "post.example"),
    "en": ("mail.example", "example.com", "example.org", "example.net"),
}
TOWNS = (
    "020 7946 0",
    "0117 496 0",
    "0121 496 0",
    "0131 496 0",
    "0161 496 0",
    "0113 496 0",
    "0141 496 0",
)
"""Beginnings of British numbers for drama, three digits short."""


@attrs.define
class Addresses:
    """Gives out addresses, each once; the British telephone numbers come to an end."""

    _mobiles: list[str]
    _landlines: list[str]
    _taken: set[str] = attrs.field(factory=set)

    @classmethod
    def new(cls, seed: int) -> Addresses:
        """All addresses, none of them taken."""
        mobiles = [f"07700 900{number:03}" for number in range(1000)]
        landlines = [f"{town}{number:03}" for town in reversed(TOWNS) for number in range(1000)]
        dice(seed, "mobiles").shuffle(mobiles)
        for start in range(0, len(landlines), 1000):
            part = landlines[start : start + 1000]
            dice(seed, "landlines", start).shuffle(part)
            landlines[start : start + 1000] = part
        return cls(mobiles, landlines)

    def mobile(self, country: str, random: Random) -> str | None:
        """A mobile number as somebody types it; None where there are no more."""
        if country == "KR":
            number = self._korean("010", random)
            plain, abroad = number.replace("-", ""), f"+82 {number[1:]}"
            return random.choices([number, plain, abroad], [8, 1, 1])[0]
        if country != "GB" or not self._mobiles:
            return None
        number = self._mobiles.pop()
        return random.choices([number, f"+44 {number[1:]}"], [8, 2])[0]

    def landline(self, country: str, random: Random) -> str | None:
        """The number of a switchboard or of a family; None where there are no more."""
        if country == "KR":
            return self._korean("02", random)
        return self._landlines.pop() if country == "GB" and self._landlines else None

    def _korean(self, start: str, random: Random) -> str:
        return self._new(
            lambda: f"{start}-0{random.randrange(1000):03}-{random.randrange(10_000):04}"
        )

    def email(self, name: PersonName, random: Random) -> str:
        """A private address."""
        domain = random.choice(DOMAINS[name.language])
        return self._new(lambda: f"{_local(name, random)}@{domain}")

    def work_email(self, name: PersonName, domain: str) -> str:
        """An address at work."""
        given, last = name.letters
        numbers = itertools.chain([""], map(str, itertools.count(2)))
        return self._new(lambda: f"{given}.{last}{next(numbers)}@{domain}")

    def chat(self, name: PersonName, random: Random) -> str:
        """What somebody is called in a chat."""
        given, last = name.letters
        return self._new(
            lambda: f"{given}_{last[0]}{random.randrange(random.choice((100, 10_000)))}"
        )

    def _new(self, make: Callable[[], str]) -> str:
        while (found := make()) in self._taken:
            pass
        self._taken.add(found)
        return found


def _local(name: PersonName, random: Random) -> str:
    given, last = name.letters
    year, number = f"{random.randrange(60, 105) % 100:02}", random.randrange(10_000)
    return random.choice(
        [
            f"{given}.{last}",
            f"{given}{last}",
            f"{last}{given}",
            f"{given}{year}",
            f"{given[0]}{last}{year}",
            f"{given}.{last}{number}",
        ]
    )
