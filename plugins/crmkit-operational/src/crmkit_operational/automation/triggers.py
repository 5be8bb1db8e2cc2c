"""When a rule looks: at what is created or changed, at a time, or when a time is reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, TypeAlias

import attrs

from crmkit import Change, Kind, Record, ValueRefused
from crmkit.errors import nearest
from crmkit_operational.words import _

__all__ = ["At", "Changed", "Created", "Every", "Reached", "Timed", "Trigger", "trigger_of"]


@attrs.frozen
class Created:
    """A record is there that was not."""

    def matches(self, change: Change) -> bool:
        """Whether this change is one."""
        return change.action == "insert"


@attrs.frozen
class Changed:
    """One of `fields` of a record, or any field, gets another value; with `before` and `after`, from or to that one."""

    fields: tuple[str, ...] = ()
    before: Any = ...
    after: Any = ...

    def matches(self, change: Change) -> bool:
        """Whether this change is one."""
        if change.action != "update":
            return False
        delta = change.delta or {}
        return any(
            self.before in (..., old) and self.after in (..., new)
            for name, (old, new) in delta.items()
            if not self.fields or name in self.fields
        )


@attrs.frozen
class Every:
    """So often: at the whole multiples of a time since 1970."""

    every: timedelta

    def last(self, now: datetime, zone: tzinfo) -> datetime:
        """The last time at or before `now` at which it was due."""
        seconds = int(self.every.total_seconds())
        return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)

    def next(self, moment: datetime, zone: tzinfo) -> datetime:
        """The time after `moment` at which it is due."""
        return moment + self.every


@attrs.frozen
class At:
    """Each day at a time of the company's zone; one that a day does not have (DST) is taken as the clock was before."""

    at: time

    def last(self, now: datetime, zone: tzinfo) -> datetime:
        """The last time at or before `now` at which it was due."""
        today = now.astimezone(zone).date()
        due = self._on(today, zone)
        return due if due <= now else self._on(today - timedelta(days=1), zone)

    def next(self, moment: datetime, zone: tzinfo) -> datetime:
        """The time after `moment` at which it is due."""
        return self._on(moment.astimezone(zone).date() + timedelta(days=1), zone)

    def _on(self, day: date, zone: tzinfo) -> datetime:
        return datetime.combine(day, self.at, zone).astimezone(UTC)


@attrs.frozen
class Reached:
    """A time is reached that lies so long after a field's, or before it: a date begins when its day does."""

    field: str
    after: timedelta

    def moment(self, record: Record, zone: tzinfo) -> datetime | None:
        """When it is reached for a record; None if the field has no value."""
        value = record[self.field]
        if isinstance(value, datetime):
            return value + self.after
        if isinstance(value, date):
            return datetime.combine(value, time(), zone).astimezone(UTC) + self.after
        return None

    def bound(self, moment: datetime, is_date: bool, zone: tzinfo) -> datetime | date:
        """The value of the field for which it is reached at that moment."""
        value = moment - self.after
        return value.astimezone(zone).date() if is_date else value


Timed: TypeAlias = Every | At
Trigger: TypeAlias = Created | Changed | Every | At | Reached
_KEYS: Mapping[type, frozenset[str]] = {
    Created: frozenset({"type"}),
    Changed: frozenset({"type", "fields", "from", "to"}),
    Every: frozenset({"type", "every"}),
    At: frozenset({"type", "at"}),
    Reached: frozenset({"type", "field", "after"}),
}
MAX_MINUTES = 5_256_000
"""Ten years."""


def trigger_of(plain: Mapping[str, Any], kind: Kind) -> Trigger:
    """The trigger that a rule on records of a kind keeps. Raises `ValueRefused` or `QueryError` for what is none."""
    match plain:
        case {"type": "created"}:
            found: Trigger = Created()
        case {"type": "changed"}:
            found = _changed(plain, kind)
        case {"type": "time", "every": int(minutes)}:
            found = Every(_minutes(minutes, 1))
        case {"type": "time", "at": str(text)}:
            found = At(_clock(text))
        case {"type": "reached", "field": str(path), "after": int(minutes)}:
            found = _reached(path, minutes, kind)
        case _:
            raise ValueRefused(_no_trigger(plain))
    if unknown := plain.keys() - _KEYS[type(found)]:
        text = _("a trigger of type {type} takes no {key}")
        raise ValueRefused(text.format(type=plain["type"], key=repr(min(unknown))))
    return found


def _no_trigger(plain: Mapping[str, Any]) -> str:
    text = _(
        "{trigger} is no trigger; write created, changed FIELD, every 1h, at 09:00, 3d after FIELD or 7d before FIELD"
    )
    given = plain.get("type")
    hint = nearest(str(given), ("created", "changed", "time", "reached"))
    shown = repr(given if plain.keys() == {"type"} else dict(plain))[:80]
    return text.format(trigger=shown) + hint


def _changed(plain: Mapping[str, Any], kind: Kind) -> Changed:
    fields = plain.get("fields", [])
    if not isinstance(fields, list | tuple):
        raise ValueRefused(_("the fields of a trigger are a list"))
    for each in fields:
        kind.field(each)
    if {"from", "to"} & plain.keys():
        if len(fields) != 1:
            raise ValueRefused(_("from and to are of one field; name it"))
        for value in (plain[key] for key in ("from", "to") if plain.get(key) is not None):
            _loaded(kind, fields[0], value)
    return Changed(tuple(fields), plain.get("from", ...), plain.get("to", ...))


def _loaded(kind: Kind, path: str, value: Any) -> None:
    try:
        kind.field(path).type.load(value)
    except ValueRefused as error:
        raise ValueRefused(f"{kind.name}.{path} {error}") from None


def _reached(path: str, minutes: int, kind: Kind) -> Reached:
    type_ = kind.field(path).type.name
    if type_ not in {"datetime", "date"}:
        text = _("{kind}.{field} is of type {type}; a time is reached by a field that holds one")
        raise ValueRefused(text.format(kind=kind.name, field=path, type=type_))
    return Reached(path, _minutes(minutes, -MAX_MINUTES))


def _minutes(minutes: int, least: int) -> timedelta:
    if isinstance(minutes, bool) or not least <= minutes <= MAX_MINUTES:
        text = _("{minutes} minutes are too few or too many for a trigger; at most ten years")
        raise ValueRefused(text.format(minutes=minutes))
    return timedelta(minutes=minutes)


def _clock(text: str) -> time:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueRefused(
            _("{text} is no time of day; write it as in 09:00").format(text=repr(text))
        )
    return time.fromisoformat(text)
