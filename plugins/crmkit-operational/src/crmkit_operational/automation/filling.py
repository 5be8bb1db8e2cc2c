"""Values of a record in the parameters of an action: `{customer_id}`, `{customer_id.name}`, `{today+7d}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

import attrs

from crmkit import MASKED, Kind, Record, Schema, ValueRefused
from crmkit.query import Follow, value_at
from crmkit.schema import Field
from crmkit_operational.automation.durations import UNITS
from crmkit_operational.words import _

__all__ = ["Filler", "fitting", "places"]

# Any word, so that a name in another language is told that there is no such field.
_PLACE = re.compile(r"\{([^\W\d][\w.]*)(?:\+(\d+)([mhdw]))?\}")
_TIMES = frozenset({"now", "today"})


def places(plain: Any) -> Iterator[str]:
    """The paths that parameters name in braces, at any depth."""
    if isinstance(plain, str):
        yield from (match[1] for match in _PLACE.finditer(plain) if match[1] not in _TIMES)
    elif isinstance(plain, Mapping):
        for each in plain.values():
            yield from places(each)
    elif isinstance(plain, list | tuple):
        for each in plain:
            yield from places(each)


@attrs.frozen
class Filler:
    """Fills in the values of one record: as it was `at` that time, which is what `now` means."""

    schema: Schema
    record: Record
    follow: Follow
    at: datetime
    zone: tzinfo

    def fill(self, plain: Any, *, text: bool = False) -> Any:
        """What has places, at any depth, with them filled in.

        One that is nothing else becomes the plain value of the field, unless it is to be `text`.
        """
        if isinstance(plain, Mapping):
            return {key: self.fill(each) for key, each in plain.items()}
        if isinstance(plain, list | tuple):
            return [self.fill(each) for each in plain]
        if not isinstance(plain, str):
            return plain
        whole = None if text else _PLACE.fullmatch(plain)
        return self._value(whole) if whole else _PLACE.sub(self._text, plain)

    def _value(self, match: re.Match[str]) -> Any:
        if match[1] in _TIMES:
            moment = self.at + timedelta(**{UNITS[match[3] or "m"]: int(match[2] or 0)})
            local = moment.astimezone(self.zone)
            return local.date().isoformat() if match[1] == "today" else moment.isoformat()
        kind = self.schema[self.record.__kind__]
        value = value_at(self.record, match[1], self.follow)
        type_ = self.schema.locate(kind, match[1]).field.type
        # What the reader may not see shows as it does anywhere.
        return None if value is None else str(value) if value is MASKED else type_.dump(value)

    def _text(self, match: re.Match[str]) -> str:
        if match[1] not in _TIMES:
            value = value_at(self.record, match[1], self.follow)
            return "" if value is None else str(getattr(value, "value", value))
        return str(self._value(match))


def fitting(kind: Kind, field: Field, plain: Any) -> Any:
    """A plain value, or what a person wrote for one, as the value of a field. Raises `ValueRefused`, which names both."""
    if plain is None or (plain == "" and not field.required):
        if field.required:
            text = _("{kind}.{field} needs a value")
            raise ValueRefused(text.format(kind=kind.name, field=field.name))
        return None
    try:
        return field.type.parse(plain) if isinstance(plain, str) else field.type.load(plain)
    except ValueRefused as error:
        raise ValueRefused(f"{kind.name}.{field.name} {error}") from None
