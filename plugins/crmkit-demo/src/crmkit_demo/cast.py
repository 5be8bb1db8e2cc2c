"""Who the customers are: private people, families, and organizations with people who work there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

import attrs

from crmkit import Customer, Identity
from crmkit_demo.addresses import Addresses
from crmkit_demo.chance import dice, id_at
from crmkit_demo.figures import Figure, Rename
from crmkit_demo.names import FirmName, Firms, PersonName, misheard, person
from crmkit_demo.story import Branch, Staff

__all__ = ["Casting"]

GROWTH = 0.75
"""The exponent by which more customers come in later years: half as many again in the third as in the first."""
LAST = timedelta(days=14)
"""Nobody comes in the last two weeks for the first time, so that everybody is there at the end."""
DAY = timedelta(days=1)
ABROAD = {
    "KR": (("JP", "Asia/Tokyo"), ("SG", "Asia/Singapore")),
    "GB": (("IE", "Europe/Dublin"), ("FR", "Europe/Paris"), ("NL", "Europe/Amsterdam")),
}
TAGS = {
    "ko": {"organization": "도매", "business": "거래처", "person": "지인소개"},
    "en": {"organization": "wholesale", "business": "trade", "person": "referral"},
}


@attrs.define
class Casting:
    """Finds figures for one story. It holds what is taken: names of organizations, numbers, addresses."""

    seed: int
    since: datetime
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

    def _unit(self, number: int, room: int) -> list[Figure]:
        """Customers who belong together, at most so many."""
        random = dice(self.seed, "unit", number)
        [branch] = random.choices(self.branches, [6, 4]) if number else self.branches[:1]
        joined = self._joining(branch, random) if number else self._beginning(branch, random)
        make: Callable[..., list[Figure]]
        [make] = random.choices([self._single, self._family, self._company], [62, 8, 30])
        if room < 2:
            make = self._single
        return make(f"unit/{number}", branch, joined, room, random)

    def _beginning(self, branch: Branch, random: Random) -> datetime:
        return branch.hours.some_time(branch.opened, branch.opened + 3 * DAY, random)

    def _joining(self, branch: Branch, random: Random) -> datetime:
        end = self.until - LAST
        start = branch.opened + random.random() ** GROWTH * (end - branch.opened)
        return branch.hours.some_time(start, min(start + 30 * DAY, end + DAY), random)

    def later(self, than: datetime, branch: Branch, random: Random) -> datetime:
        """A moment at least a day later, at which somebody may still come."""
        return branch.hours.some_time(than + DAY, self.until - LAST + 3 * DAY, random)

    def language(self, branch: Branch, random: Random) -> str:
        """What a customer of a branch speaks: mostly what the others do."""
        own, other = ("ko", "en") if branch.country == "KR" else ("en", "ko")
        return other if random.random() < 0.1 else own

    def owner(self, branch: Branch, language: str, moment: datetime, random: Random) -> Staff:
        """Who looks after a new customer: in London, Korean is for whoever speaks it."""
        present = branch.present(moment)
        if branch.country != "KR" and language == "ko":
            return next(each for each in present if each.id == "yuna")
        return random.choice(present)

    # Private people --------------------------------------------------------------------------------------------

    def _single(
        self, key: str, branch: Branch, joined: datetime, room: int, random: Random
    ) -> list[Figure]:
        name = person(self.language(branch, random), random)
        return [self.private(key, branch, joined, name, random)]

    def _family(
        self, key: str, branch: Branch, joined: datetime, room: int, random: Random
    ) -> list[Figure]:
        """Two or three people with one telephone; husband and wife share a surname in Britain only."""
        language = self.language(branch, random)
        shared = self.addresses.landline(branch.country, random)
        first = person(language, random)
        names = [first]
        for _ in range(min(room, random.choice((2, 2, 3))) - 1):
            is_married_in = language == "ko" and random.random() < 0.5
            names.append(person(language, random, None if is_married_in else first.last))
        found: list[Figure] = []
        for place, name in enumerate(names):
            moment = self.later(joined, branch, random) if place else joined
            made = self.private(f"{key}/{place}", branch, moment, name, random, shared)
            found.append(made)
        return found

    def private(
        self,
        key: str,
        branch: Branch,
        joined: datetime,
        name: PersonName,
        random: Random,
        shared: str | None = None,
    ) -> Figure:
        """A private person, who may share a telephone."""
        if random.random() < 0.05:
            name = misheard(name, random)
        country, timezone = self._home(branch, random)
        mobile = self.addresses.mobile(country, random) if random.random() < 0.72 else None
        has_email = random.random() < 0.78 or not (mobile or shared)
        email = self.addresses.email(name, random) if has_email else None
        chat = self.addresses.chat(name, random) if random.random() < 0.5 else None
        owner = self.owner(branch, name.language, joined, random)
        record = self.record(
            joined,
            random,
            name=name.first_seen or name.full,
            owner=owner.id,
            language=name.language,
            timezone=timezone,
            country=country,
            tags=self._tags(name.language, "person", 0.12, random),
        )
        channels = [("email", email), ("phone", mobile), ("phone", shared), ("chat", chat)]
        return Figure(
            key,
            "person",
            name.language,
            branch,
            owner,
            joined,
            self._end(joined, random),
            record,
            self.identities(record.id, channels, joined, random),
            name,
            unknown=email is not None and random.random() < 0.06,
            rename=self._correction(name, branch, joined, random),
        )

    def _home(self, branch: Branch, random: Random) -> tuple[str, str]:
        if random.random() < 0.06:
            return random.choice(ABROAD[branch.country])
        return branch.country, branch.timezone

    def _tags(self, language: str, of: str, share: float, random: Random) -> tuple[str, ...]:
        return (TAGS[language][of],) if random.random() < share else ()

    def _end(self, joined: datetime, random: Random) -> datetime:
        """When somebody is heard of for the last time: one in three goes quiet one day."""
        if random.random() < 0.35:
            return min(self.until, joined + (20 + random.expovariate(1 / 220)) * DAY)
        return self.until

    def _correction(
        self, name: PersonName, branch: Branch, joined: datetime, random: Random
    ) -> Rename | None:
        """The moment at which a name that was taken down wrong is mended."""
        if name.first_seen is None:
            return None
        at = branch.hours.some_time(joined + DAY, joined + 10 * DAY, random)
        return Rename(at, name.full)

    # Organizations ---------------------------------------------------------------------------------------------

    def _company(
        self, key: str, branch: Branch, joined: datetime, room: int, random: Random
    ) -> list[Figure]:
        """An organization with one to five people; the first comes with it, the others later."""
        language = self.language(branch, random)
        firm = self.firms.new(language, random)
        owner = self.owner(branch, language, joined, random)
        boss = self._organization(key, branch, joined, firm, owner, language, random)
        count = min(room - 1, random.choices((1, 2, 3, 4, 5), (35, 30, 18, 10, 7))[0])
        staff = [self._employee(f"{key}/0", boss, joined, random, boss)]
        for place in range(1, count):
            moment = self.later(joined, branch, random)
            staff.append(self._employee(f"{key}/{place}", boss, moment, random, None))
        return [boss, *staff]

    def _organization(
        self,
        key: str,
        branch: Branch,
        joined: datetime,
        firm: FirmName,
        owner: Staff,
        language: str,
        random: Random,
    ) -> Figure:
        record = self.record(
            joined,
            random,
            name=firm.name,
            type="organization",
            owner=owner.id,
            language=language,
            timezone=branch.timezone,
            country=branch.country,
            tags=self._tags(language, "organization", 0.8, random),
        )
        desk = random.choice(("accounts", "office", "info"))
        phone = self.addresses.landline(branch.country, random)
        channels = [("phone", phone), ("email", f"{desk}@{firm.letters}.example")]
        rename = None
        if random.random() < 0.08:
            rename = Rename(
                branch.hours.some_time(joined + 30 * DAY, self.until, random), firm.later
            )
        return Figure(
            key,
            "organization",
            language,
            branch,
            owner,
            joined,
            self.until,
            record,
            self.identities(record.id, channels, joined, random),
            firm=firm,
            rename=rename,
        )

    def _employee(
        self, key: str, boss: Figure, joined: datetime, random: Random, brings: Figure | None
    ) -> Figure:
        name = person(boss.language, random)
        branch = boss.branch
        assert boss.firm is not None
        record = self.record(
            joined,
            random,
            name=name.full,
            organization_id=boss.id,
            owner=branch.in_charge(boss.owner, joined).id,
            language=boss.language,
            timezone=branch.timezone,
            country=branch.country,
            tags=self._tags(boss.language, "business", 0.2, random),
        )
        switchboard, mobile = boss.on("phone"), None
        if switchboard is None or random.random() < 0.45:
            mobile = self.addresses.mobile(branch.country, random)
        is_listed = mobile is None or random.random() < 0.4
        channels = [
            ("email", self.addresses.work_email(name, f"{boss.firm.letters}.example")),
            ("phone", mobile),
            ("phone", switchboard.value if switchboard and is_listed else None),
        ]
        return Figure(
            key,
            "business",
            boss.language,
            branch,
            boss.owner,
            joined,
            self._end(joined, random),
            record,
            self.identities(record.id, channels, joined, random),
            name,
            employer=boss,
            brings=brings,
        )

    # Records ---------------------------------------------------------------------------------------------------

    def record(self, joined: datetime, random: Random, **values: object) -> Customer:
        """A customer as it is first written."""
        made: Customer = Customer(id=id_at(joined, random), **values)  # type: ignore[arg-type]
        return made

    def identities(
        self,
        customer_id: str | None,
        channels: Sequence[tuple[str, str | None]],
        joined: datetime,
        random: Random,
    ) -> tuple[Identity, ...]:
        """The addresses of a customer, seen for the first time when it came."""
        return tuple(
            Identity(
                id=id_at(joined, random),
                customer_id=customer_id,
                channel=channel,
                value=value,
                verified_at=joined if channel == "email" and random.random() < 0.6 else None,
                first_seen_at=joined,
                last_seen_at=joined,
            )
            for channel, value in channels
            if value is not None
        )
