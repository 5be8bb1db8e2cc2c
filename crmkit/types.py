"""The types a field may have: what each accepts, its plain form in documents, and how people write it.

The plain form is JSON: text, whole numbers, floats, booleans, lists and objects. Times are ISO 8601 in UTC with
microseconds, Decimals are text, money is `{"minor": ..., "currency": ...}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import Enum
from typing import Any, ClassVar

import attrs

from crmkit.errors import ValueRefused
from crmkit.fieldtype import ORDER, FieldType
from crmkit.plain import MAX_TEXT, check_size, check_text, json_copy, read_json, refused
from crmkit.values import Money, format_time, parse_time, utc

__all__ = [
    "MAX_TEXT",
    "Choice",
    "Date",
    "DateTime",
    "FieldType",
    "Flag",
    "Items",
    "MoneyType",
    "Number",
    "Object",
    "Ref",
    "Scaled",
    "Text",
    "Whole",
    "check_text",
    "described",
]

_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])
_FINITE = "takes finite numbers only, neither NaN nor infinity"


class Text(FieldType):
    """`str`: text of any script, as given."""

    name = "text"
    ops = ORDER | {"prefix", "contains"}
    blank: ClassVar[object] = ""
    takes = str
    wanted = "text"

    def _final(self, value: Any) -> Any:
        check_text(value)
        return value if type(value) is str else str.__str__(value)


@attrs.frozen
class Ref(Text):
    """The id of another record."""

    kind: str = ""
    name = "reference"
    keeps = ("kind",)
    blank = None


class Flag(FieldType):
    """`bool`, never 1 or 0; people write yes or no."""

    name = "flag"
    blank = False
    takes = bool
    wanted = "true or false"
    written = "yes or no"

    def _read(self, text: str) -> Any:
        return _YES_OR_NO[text.strip().casefold()]


_YES_OR_NO = {
    **dict.fromkeys(["yes", "true", "1", "예", "네"], True),
    **dict.fromkeys(["no", "false", "0", "아니오", "아니요"], False),
}


class Whole(FieldType):
    """`int`, within 64 bits."""

    name = "whole"
    blank = 0
    takes = int
    never = bool
    wanted = "a whole number"

    def _final(self, value: Any) -> Any:
        check_size(value)
        return int(value)

    def _read(self, text: str) -> Any:
        return int(text)


class Number(FieldType):
    """`float`, finite; whole numbers are taken too."""

    name = "number"
    blank = 0.0
    takes = (int, float)
    never = bool
    wanted = "a number"

    def _final(self, value: Any) -> Any:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValueRefused(_FINITE)
        # -0.0 would print and sort apart from 0.0 in one database, not in another
        return number + 0.0

    def _read(self, text: str) -> Any:
        return float(text)


@attrs.frozen
class Scaled(FieldType):
    """`Decimal` (or `int`) with at most `scale` decimals; exact, kept as a whole number of the smallest step."""

    scale: int = 0
    name = "decimal"
    keeps = ("scale",)
    blank = Decimal(0)
    takes = (int, Decimal)
    never = bool
    wanted = "a Decimal"
    written = "a decimal number"
    as_text = True

    def _final(self, value: Any) -> Any:
        number = Decimal(value)
        if not number.is_finite():
            raise ValueRefused(_FINITE)
        if number.adjusted() > 18:
            raise ValueRefused(f"{value} does not fit in 64 bits")
        return self.unscaled(self.scaled(number))

    def scaled(self, value: Decimal) -> int:
        """The whole number that databases keep: 12.50 with two decimals is 1250."""
        try:
            steps = value.scaleb(self.scale, _EXACT)
            whole = int(steps)
        except ArithmeticError:
            steps, whole = value, 0
        if steps != whole:
            raise ValueRefused(
                f"{value} has more than {self.scale} decimals; round it, then say how"
            )
        check_size(whole, value)
        return whole

    def unscaled(self, whole: int) -> Decimal:
        """The Decimal of such a whole number."""
        return Decimal(whole).scaleb(-self.scale, _EXACT)

    def dump(self, value: Any) -> Any:
        """Text, so that no reader makes a float of it."""
        return f"{value:f}"

    def _read(self, text: str) -> Any:
        return Decimal(text.strip())


class DateTime(FieldType):
    """`datetime`, aware; kept in UTC with microseconds, in ISO 8601."""

    name = "datetime"
    takes = datetime
    wanted = "a time with its zone"
    as_text = True

    def _final(self, value: Any) -> Any:
        return value if value.tzinfo is UTC else utc(value)

    def dump(self, value: Any) -> Any:
        """ISO 8601."""
        return format_time(value)

    def _read(self, text: str) -> Any:
        return parse_time(text.strip())


class Date(FieldType):
    """`date`: a day with no zone, not a time."""

    name = "date"
    takes = date
    never = datetime
    wanted = "a date"
    written = "a date as in 2026-03-01"
    as_text = True

    def dump(self, value: Any) -> Any:
        """ISO 8601."""
        return value.isoformat()

    def _read(self, text: str) -> Any:
        return date.fromisoformat(text.strip())


@attrs.frozen
class Choice(FieldType):
    """An `Enum` or a `Literal`: one of a few texts, or one of a few whole numbers."""

    values: tuple[Any, ...] = attrs.field(default=(), converter=tuple)
    enum: type[Enum] | None = None
    name = "choice"
    keeps = ("values",)

    def accept(self, value: Any) -> Any:
        """A member, or its value."""
        if self.enum is not None and isinstance(value, self.enum):
            return value
        if any(type(value) is type(each) and value == each for each in self.values):
            return value if self.enum is None else self.enum(value)
        raise refused("one of " + ", ".join(map(repr, self.values)), value)

    def dump(self, value: Any) -> Any:
        """The member's value."""
        return value.value if self.enum is not None else value

    def _read(self, text: str) -> Any:
        for each in self.values:
            if str(each) == text.strip():
                return each
        raise refused("one of " + ", ".join(map(str, self.values)), text)


class MoneyType(FieldType):
    """`Money`: minor units and currency; people write "12.50 EUR"."""

    name = "money"
    takes = Money
    wanted = "Money, as in Money(1250, 'EUR')"

    def dump(self, value: Any) -> Any:
        """Minor units and currency."""
        return {"minor": value.minor, "currency": value.currency}

    def load(self, plain: Any) -> Any:
        """From minor units and currency."""
        if not isinstance(plain, Mapping) or plain.keys() != {"minor", "currency"}:
            raise refused("{minor, currency}", plain)
        return Money(plain["minor"], plain["currency"])

    def _read(self, text: str) -> Any:
        amount, _, currency = text.strip().rpartition(" ")
        if not amount:
            raise ValueRefused(
                f"takes an amount and its currency, as in 12000 KRW, not {text!r:.80}"
            )
        money = Money.of(amount.replace(",", "").strip(), currency)
        if money.amount != Decimal(amount.replace(",", "")):
            raise ValueRefused(
                f"{text!r:.80} is finer than {currency} goes; round it, then say how"
            )
        return money


class Items(FieldType):
    """`tuple[X, ...]` of JSON values; people write words with commas between, or a JSON list."""

    name = "items"
    ops = frozenset({"has", "present"})
    blank = ()
    takes = (list, tuple)
    wanted = "a tuple"

    def _final(self, value: Any) -> Any:
        if all(type(each) is str for each in value):
            for each in value:
                check_text(each)
            if sum(map(len, value)) < MAX_TEXT // 8:
                return tuple(value)
        return tuple(json_copy(value))

    def dump(self, value: Any) -> Any:
        """A list."""
        return list(value)

    def _read(self, text: str) -> Any:
        if text.lstrip().startswith("["):
            return read_json(text)
        return [word.strip() for word in text.split(",") if word.strip()]


class Object(FieldType):
    """`Mapping[str, X]` of JSON values; people write a JSON object."""

    name = "object"
    ops = frozenset({"present"})
    blank: ClassVar[object] = {}
    takes = Mapping
    wanted = "a mapping"

    def _final(self, value: Any) -> Any:
        return json_copy(value)

    def dump(self, value: Any) -> Any:
        """The mapping itself."""
        return dict(value)

    def _read(self, text: str) -> Any:
        return read_json(text)


_ALL = (Text, Ref, Flag, Whole, Number, Scaled, DateTime, Date, Choice, MoneyType, Items, Object)
_TYPES: dict[str, type[FieldType]] = {each.name: each for each in _ALL}


def described(description: Mapping[str, Any]) -> FieldType:
    """The type that `describe` described; what else the description has does not matter."""
    cls = _TYPES[description["type"]]
    return cls(**{name: description[name] for name in cls.keeps})
