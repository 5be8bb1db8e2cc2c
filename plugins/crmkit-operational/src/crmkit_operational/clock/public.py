"""Public holidays of countries and their parts, by the library `holidays`, which is loaded when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from crmkit import ValueRefused

if TYPE_CHECKING:
    from holidays import HolidayBase

__all__ = ["check_country", "public_holidays"]


@lru_cache(maxsize=1024)
def public_holidays(
    country: str, subdivision: str | None, year: int, language: str | None = None
) -> Mapping[date, str]:
    """The public holidays of a year by day, with substitute days.

    Their names are in `language`, as in `ko`, if the library has them, else in the country's. Raises `ValueRefused`
    for a country or a part of it that the library does not know.
    """
    found = _country(country, subdivision)
    spoken = [each for each in found.supported_languages if language and each[:2] == language]
    if spoken:
        found = _country(country, subdivision, spoken[0])
    # It fills in a year when that is first asked for.
    _ = date(year, 1, 1) in found
    return {day: name for day, name in found.items() if day.year == year}


def check_country(country: str, subdivision: str | None) -> None:
    """Raise `ValueRefused` unless the holidays of this country, and of this part of it, are known."""
    _country(country, subdivision)


def _country(country: str, subdivision: str | None, language: str | None = None) -> HolidayBase:
    import holidays

    try:
        if not (
            country.isascii() and country.isalpha() and country.isupper() and len(country) == 2
        ):
            raise NotImplementedError
        whole = holidays.country_holidays(country, language=language)
        if subdivision is None:
            return whole
        if subdivision in (*whole.subdivisions, *whole.subdivisions_aliases):
            return holidays.country_holidays(country, subdivision, language=language)
    except (NotImplementedError, AttributeError, TypeError):
        text = f"the holidays of country {country!r:.40} are not known; write its code, as in KR"
        raise ValueRefused(text) from None
    parts = ", ".join(whole.subdivisions[:16]) or "none, so leave it out"
    text = (
        f"{subdivision!r:.40} is no part of {country} with holidays of its own; there are {parts}"
    )
    raise ValueRefused(text)
