"""The company: a coffee roaster with two branches, their hours, and the people who work there."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

from crmkit import Actor
from crmkit_demo.hours import Hours
from crmkit_demo.story import VIA, Branch, Staff

__all__ = ["INBOX", "NAMES", "YEARS", "branches", "three_years_before"]

NAMES = {"ko": "마루앤쏜", "en": "Maru & Thorne"}
"""What the company is called, by language."""

YEARS = 3

INBOX = Actor("inbox", "bot", VIA)
"""What writes down mails and chats, both ways."""

SEOUL = Hours(
    ZoneInfo("Asia/Seoul"),
    time(9),
    time(18),
    frozenset({(1, 1), (3, 1), (5, 5), (6, 6), (8, 15), (10, 3), (10, 9), (12, 25)}),
    {1: 1.2, 2: 1.1, 7: 0.8, 8: 0.7, 9: 1.3, 12: 1.4},
)
LONDON = Hours(
    ZoneInfo("Europe/London"),
    time(9),
    time(17, 30),
    frozenset({(1, 1), (12, 25), (12, 26)}),
    {1: 0.8, 7: 0.9, 8: 0.7, 11: 1.4, 12: 1.6},
)


@attrs.frozen
class Joins:
    """When somebody joins and leaves, in days from the beginning."""

    id: str
    ko: str
    en: str
    since: int = 0
    leaves: int | None = None
    successor: str | None = None


SEOUL_STAFF = (
    Joins("minji", "서민지", "Minji Seo"),
    Joins("taeyun", "오태윤", "Taeyun Oh"),
    Joins("jiho", "문지호", "Jiho Moon", leaves=820, successor="harin"),
    Joins("harin", "배하린", "Harin Bae", since=310),
)
LONDON_STAFF = (
    Joins("grace", "그레이스 휘틀록", "Grace Whitlock"),
    Joins("yuna", "최유나", "Yuna Choi"),
    Joins("owen", "오언 머서", "Owen Mercer", leaves=905, successor="priya"),
    Joins("priya", "프리야 나이르", "Priya Nair", since=640),
)
LONDON_OPENS = 220
"""Days from the beginning."""


def three_years_before(until: datetime) -> datetime:
    """The beginning of a story that ends then."""
    try:
        return until.replace(year=until.year - YEARS)
    except ValueError:  # the 29th of February
        return until.replace(year=until.year - YEARS, day=28)


def branches(since: datetime) -> tuple[Branch, Branch]:
    """Both branches of a company that begins then."""
    return (
        _branch("서울", "KR", "KRW", SEOUL, since, 0, SEOUL_STAFF),
        _branch("London", "GB", "GBP", LONDON, since, LONDON_OPENS, LONDON_STAFF),
    )


def _branch(
    name: str,
    country: str,
    currency: str,
    hours: Hours,
    since: datetime,
    opens: int,
    staff: tuple[Joins, ...],
) -> Branch:
    def opening(days: int) -> datetime:
        return hours.opening(hours.working_day(since + timedelta(days=days)))

    people = tuple(
        Staff(
            each.id,
            {"ko": each.ko, "en": each.en},
            opening(max(opens, each.since)),
            opening(each.leaves) if each.leaves else None,
            each.successor,
        )
        for each in staff
    )
    return Branch(name, country, hours.zone.key, currency, opening(opens), hours, people)
