"""Who comes when: private people, families, and organizations with people who work there."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import attrs

from crmkit_demo.addresses import Addresses
from crmkit_demo.arrivals import Arrival, employee, organization, private
from crmkit_demo.chance import dice
from crmkit_demo.figures import Figure
from crmkit_demo.names import Firms, person
from crmkit_demo.story import Branch, Staff

__all__ = ["Casting"]

GROWTH = 0.75
"""The exponent by which more customers come in later years: half as many again in the third as in the first."""
LAST = timedelta(days=14)
"""Nobody comes in the last two weeks for the first time, so that everybody is there at the end."""
DAY = timedelta(days=1)


@attrs.define
class Casting:
    """Finds figures for one story. It holds what is taken: names of organizations, numbers, addresses."""

    seed: int
    until: datetime
    branches: tuple[Branch, ...]
    addresses: Addresses
    firms: Firms = attrs.field(factory=Firms)

    def customers(self, count: int) -> list[Figure]:
        """So many customers, in the order in which they come."""
        found: list[Figure] = []
        unit = 0
        while len(found) < count:
            found += self._unit(unit, count - len(found))
            unit += 1
        return sorted(found, key=lambda figure: (figure.joined, figure.key))

    def arrival(self, key: str, branch: Branch, joined: datetime, random: Random) -> Arrival:
        """Somebody comes, who speaks some language and gets an owner."""
        language = _language(branch, random)
        owner = self.owner(branch, language, joined, random)
        return Arrival(key, branch, language, owner, joined, self.until, random)

    def owner(self, branch: Branch, language: str, moment: datetime, random: Random) -> Staff:
        """Who looks after a new customer: in London, Korean is for whoever speaks it."""
        present = branch.present(moment)
        if branch.country != "KR" and language == "ko":
            return next(each for each in present if each.id == "yuna")
        return random.choice(present)

    def _unit(self, number: int, room: int) -> list[Figure]:
        """Customers who belong together, at most so many; the first ones come when the company begins."""
        random = dice(self.seed, "unit", number)
        [branch] = random.choices(self.branches, [6, 4]) if number else self.branches[:1]
        joined = self._joining(branch, random) if number else self._beginning(branch, random)
        [make] = random.choices([self._single, self._family, self._company], [62, 8, 30])
        first = self.arrival(f"unit/{number}", branch, joined, random)
        return make(first, room) if room > 1 else self._single(first, room)

    def _beginning(self, branch: Branch, random: Random) -> datetime:
        return branch.hours.some_time(branch.opened, branch.opened + 3 * DAY, random)

    def _joining(self, branch: Branch, random: Random) -> datetime:
        end = self.until - LAST
        start = branch.opened + random.random() ** GROWTH * (end - branch.opened)
        return branch.hours.some_time(start, min(start + 30 * DAY, end + DAY), random)

    def _single(self, first: Arrival, room: int) -> list[Figure]:
        return [private(first, person(first.language, first.random), self.addresses)]

    def _family(self, first: Arrival, room: int) -> list[Figure]:
        """Two or three people with one telephone; husband and wife share a surname in Britain only."""
        random, language = first.random, first.language
        shared = self.addresses.landline(first.branch.country, random)
        head = person(language, random)
        found = [private(first, head, self.addresses, shared)]
        for place in range(1, min(room, random.choice((2, 2, 3)))):
            is_married_in = language == "ko" and random.random() < 0.5
            name = person(language, random, None if is_married_in else head.last)
            found.append(private(self._later(first, place), name, self.addresses, shared))
        return found

    def _company(self, first: Arrival, room: int) -> list[Figure]:
        """An organization with one to five people; the first comes with it, the others later."""
        random, language = first.random, first.language
        boss = organization(first, self.firms.new(language, random), self.addresses)
        count = min(room - 1, random.choices((1, 2, 3, 4, 5), (35, 30, 18, 10, 7))[0])
        arrivals = [attrs.evolve(first, key=f"{first.key}/0")]
        arrivals += [self._later(first, place) for place in range(1, count)]
        staff = [
            employee(each, person(language, random), boss, self.addresses) for each in arrivals
        ]
        return [boss, *staff]

    def _later(self, first: Arrival, place: int) -> Arrival:
        """Somebody else of the same house comes, a day later at the soonest."""
        end = self.until - LAST + 3 * DAY
        joined = first.branch.hours.some_time(first.joined + DAY, end, first.random)
        owner = first.branch.in_charge(first.owner, joined)
        return attrs.evolve(first, key=f"{first.key}/{place}", joined=joined, owner=owner)


def _language(branch: Branch, random: Random) -> str:
    """What a customer of a branch speaks: mostly what the others do."""
    own, other = ("ko", "en") if branch.country == "KR" else ("en", "ko")
    return other if random.random() < 0.1 else own
