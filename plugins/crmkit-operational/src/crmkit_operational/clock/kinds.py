"""The kinds of the clock: when the company works, and the days on which it does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from crmkit import Record, field, kind

__all__ = ["Calendar", "Holiday"]


@kind("calendar", label="Business calendar", title="name", unique=(("name",),))
class Calendar(Record):
    """When the company works: `hours` is weekday (`mon` ... `sun`) -> spans such as `"09:00-18:00"`, in `timezone`.

    The public holidays of `country` (ISO 3166, as in `KR`), of its part `subdivision` too, are closed, as are the
    records of kind `holiday` that belong to it.
    """

    name: str = field(search=True)
    timezone: str | None = field(default=None, label="Time zone")
    hours: Mapping[str, Any] = field(factory=dict, label="Working hours")
    country: str | None = field(default=None)
    subdivision: str | None = field(default=None)


@kind("holiday", title="name", indexes=(("calendar_id", "day"),))
class Holiday(Record):
    """A day, or several, on which a calendar is closed, or open though it is a public holiday (`works`).

    `until` is the last of several days. `uid` is the id of the event in the file that it came from.
    """

    calendar_id: str = field(refers_to=Calendar, on_delete="cascade", label="Business calendar")
    day: date = field()
    until: date | None = field(default=None)
    name: str = field(default="", search=True)
    works: bool = field(default=False)
    uid: str | None = field(default=None)
