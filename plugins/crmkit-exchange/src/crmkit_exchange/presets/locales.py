"""Languages and time zones as other products name them, as ISO 639 and the IANA do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from crmkit_exchange.presets.values import OfOne, Row, is_blank

__all__ = ["Language", "Zone"]

# Ruby on Rails calls zones after cities; these are those whose zone has not the city's own name.
_RAILS: Mapping[str, str] = {
    "International Date Line West": "Etc/GMT+12", "Midway Island": "Pacific/Midway", "American Samoa": "Pacific/Pago_Pago",
    "Hawaii": "Pacific/Honolulu", "Alaska": "America/Juneau", "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Mountain Time (US & Canada)": "America/Denver", "Arizona": "America/Phoenix", "Central Time (US & Canada)": "America/Chicago",
    "Saskatchewan": "America/Regina", "Guadalajara": "America/Mexico_City", "Central America": "America/Guatemala",
    "Eastern Time (US & Canada)": "America/New_York", "Indiana (East)": "America/Indiana/Indianapolis", "Quito": "America/Lima",
    "Atlantic Time (Canada)": "America/Halifax", "Georgetown": "America/Guyana", "Newfoundland": "America/St_Johns",
    "Brasilia": "America/Sao_Paulo", "Greenland": "America/Godthab", "Mid-Atlantic": "Atlantic/South_Georgia",
    "Cape Verde Is.": "Atlantic/Cape_Verde", "Edinburgh": "Europe/London", "Bern": "Europe/Zurich",
    "West Central Africa": "Africa/Algiers", "Kyiv": "Europe/Kiev", "Pretoria": "Africa/Johannesburg",
    "St. Petersburg": "Europe/Moscow", "Abu Dhabi": "Asia/Muscat", "Ekaterinburg": "Asia/Yekaterinburg", "Islamabad": "Asia/Karachi",
    "Chennai": "Asia/Kolkata", "Mumbai": "Asia/Kolkata", "New Delhi": "Asia/Kolkata", "Sri Jayawardenepura": "Asia/Colombo",
    "Astana": "Asia/Almaty", "Hanoi": "Asia/Bangkok", "Beijing": "Asia/Shanghai", "Osaka": "Asia/Tokyo", "Sapporo": "Asia/Tokyo",
    "Ulaan Bataar": "Asia/Ulaanbaatar", "Canberra": "Australia/Canberra", "Solomon Is.": "Pacific/Guadalcanal",
    "New Caledonia": "Pacific/Noumea", "Marshall Is.": "Pacific/Majuro", "Wellington": "Pacific/Auckland",
    "Nuku'alofa": "Pacific/Tongatapu", "Samoa": "Pacific/Apia", "Chatham Is.": "Pacific/Chatham", "Tokelau Is.": "Pacific/Fakaofo",
    "Buenos Aires": "America/Argentina/Buenos_Aires", "Puerto Rico": "America/Puerto_Rico",
    "Istanbul": "Europe/Istanbul", "UTC": "UTC",
}  # fmt: skip
_RAILS_FOLDED = {name.casefold(): zone for name, zone in _RAILS.items()}
_AREAS = frozenset({"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Pacific"})
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_].*)?\Z", re.I)
_SPELT_OUT = (("_slash_", "/"), ("_hyphen_", "-"), ("_plus_", "+"))


class Language(OfOne):
    """The language of a locale: `ko` of `ko-KR` and `ko_KR.UTF-8`; what looks like none as it stands."""

    def __call__(self, row: Row) -> Any:
        """The code of the language, None if there is none."""
        given = self.source(row)
        if is_blank(given):
            return None
        found = _LANGUAGE.match(str(given).strip())
        return found[1].lower() if found else given


class Zone(OfOne):
    """A time zone by its IANA name: Zendesk's `Seoul` and HubSpot's `asia_slash_seoul` are `Asia/Seoul`.

    A zone that nothing is known of is left as it stands.
    """

    def __call__(self, row: Row) -> Any:
        """The name of the zone, None if there is none."""
        given = self.source(row)
        return None if is_blank(given) else _zone(str(given).strip())


@lru_cache(maxsize=1024)
def _zone(given: str) -> str:
    name = given.casefold()
    for words, sign in _SPELT_OUT:
        name = name.replace(words, sign)
    by_name, by_city = _zones()
    return (
        _RAILS_FOLDED.get(name) or by_city.get(name.replace(" ", "_")) or by_name.get(name, given)
    )


@lru_cache(maxsize=1)
def _zones() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The zones by their names in lower case, and by their cities."""
    from zoneinfo import available_timezones

    known = sorted(available_timezones())
    by_city: dict[str, str] = {}
    for each in known:
        area, _, city = each.rpartition("/")
        if area in _AREAS:
            by_city.setdefault(city.casefold(), each)
    return {each.casefold(): each for each in known}, by_city
