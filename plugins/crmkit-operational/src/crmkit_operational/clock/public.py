"""Public holidays of countries and their parts, by the library `holidays`, which is loaded when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from crmkit import ValueRefused

__all__ = ["check_country", "public_holidays"]


@lru_cache(maxsize=1024)
def public_holidays(
    country: str, subdivision: str | None, year: int, language: str | None = None
) -> Mapping[date, str]:
    """The public holidays of a year by day, with substitute days; in the country's language if None is given.

    Raises `ValueRefused` for a country or a part of it that the library does not know.
    """
    import holidays

    check_country(country, subdivision)
    return dict(holidays.country_holidays(country, subdivision, years=year, language=language))


def check_country(country: str, subdivision: str | None) -> None:
    """Raise `ValueRefused` unless the holidays of this country, and of this part of it, are known."""
    import holidays

    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise ValueRefused(
            f"the holidays of country {country!r:.40} are not known; write its code, as in KR or DE"
        )
    if subdivision is not None and subdivision not in known[country]:
        parts = ", ".join(known[country][:8]) or "none, so leave it out"
        raise ValueRefused(
            f"{subdivision!r:.40} is no part of {country} with holidays of its own; there are {parts}"
        )
