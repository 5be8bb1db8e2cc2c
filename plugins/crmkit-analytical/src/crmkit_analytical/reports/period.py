"""The time that an answer is of, as its sentence says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit_analytical.words import _

if TYPE_CHECKING:
    from crmkit_analytical.report.asking import Ask

__all__ = ["period"]


def period(ask: Ask) -> str:
    """The days of the window, by the company's calendar, both of them in it."""
    if ask.since is None:
        return _("until {last}").format(last=ask.last_day)
    first = ask.since.astimezone(ask.zone).date()
    return _("from {first} to {last}").format(first=first, last=ask.last_day)
