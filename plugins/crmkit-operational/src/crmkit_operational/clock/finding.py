"""Calendars by their names: wherever an id is wanted, a name will do."""

from __future__ import annotations

import unicodedata

from crmkit import QueryError, Reader
from crmkit.errors import NotFound, nearest
from crmkit_operational.clock.kinds import Calendar

__all__ = ["calendar_named"]

ADD = "`crm calendar list` has those there are, `crm calendar add` makes one"


def calendar_named(reader: Reader, text: str) -> Calendar:
    """The calendar with this id or name; letters may be large or small, and Hangul be composed or not.

    Raises `NotFound`, with the nearest name that the actor may read, and `QueryError` if several are called so.
    """
    [found] = reader.get_many(Calendar, [text])
    if found is not None:
        return found
    # What an actor may not see stands as a mask, by which nothing is found.
    named = [each for each in reader.find(Calendar) if isinstance(each.name, str)]
    exact = [each for each in named if each.name == text]
    matches = exact or [each for each in named if _folded(each.name) == _folded(text)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        those = ", ".join(f"{each.name} ({each.id})" for each in matches)
        raise QueryError(f"{len(matches)} calendars are called {text!r}; give the id: {those}")
    hint = nearest(text, [each.name for each in named]).removeprefix("; ") or ADD
    raise NotFound(Calendar.__kind__, text, hint)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).casefold()
