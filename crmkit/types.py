"""The types a field may have: what each accepts, its plain form in documents, and how people write it.

The plain form is JSON: text, whole numbers, floats, booleans, lists and objects. Times are ISO 8601 in UTC with
microseconds, Decimals are text, money is `{"minor": ..., "currency": ...}`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import Enum
from typing import Any, ClassVar

import attrs

from crmkit.errors import ValueRefused
from crmkit.values import INT64, Money, format_time, parse_time, utc

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
]

MAX_TEXT = 1_000_000
"""The longest text, in characters, that one field may hold; also the longest JSON of a tuple or mapping."""

_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])
_EQUAL = frozenset({"eq", "ne", "in", "present"})
_ORDER = _EQUAL | {"lt", "le", "gt", "ge"}


def check_text(text: str) -> None:
    """Refuse what databases and files cannot hold: NUL, a lone surrogate, more than `MAX_TEXT` characters."""
    if len(text) > MAX_TEXT:
        raise ValueRefused(f"has {len(text):,} characters; at most {MAX_TEXT:,} fit, shorten it")
    if "\0" in text:
        raise ValueRefused("holds a NUL character; take it out")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueRefused(
                f"holds a lone surrogate at character {error.start}; it was decoded wrongly, decode it again"
            ) from None


@attrs.frozen
class FieldType:
    """One type; `accept` gives a value its final form or raises `ValueRefused`."""

    name: ClassVar[str] = ""
    ops: ClassVar[frozenset[str]] = _EQUAL
    blank: ClassVar[object] = None
    """What a required field holds after its value was taken out; `None` where there is no such value."""

    def accept(self, value: Any) -> Any:
        """The value as a record holds it."""
        raise NotImplementedError

    def dump(self, value: Any) -> Any:
        """The plain form of an accepted value."""
        return value

    def load(self, plain: Any) -> Any:
        """The value of a plain form; refuses what `dump` would not have made."""
        return self.accept(plain)

    def parse(self, text: str) -> Any:
        """The value that a person wrote."""
        return self.accept(text)

    def describe(self) -> dict[str, Any]:
        """What the catalogue keeps, so that the type can be made again without its plugin."""
        return {"type": self.name}

    def _refuse(self, wanted: str, value: Any) -> ValueRefused:
        return ValueRefused(f"takes {wanted}, not {value!r:.80}")


@attrs.frozen
class Text(FieldType):
    """`str`."""

    name = "text"
    ops = _ORDER | {"prefix", "contains"}
    blank: ClassVar[object] = ""

    def accept(self, value: Any) -> Any:
        """Text of any script, as given."""
        if not isinstance(value, str):
            raise self._refuse("text", value)
        check_text(value)
        return value if type(value) is str else str.__str__(value)


@attrs.frozen
class Ref(Text):
    """The id of another record."""

    kind: str = ""
    name = "reference"
    blank = None

    def describe(self) -> dict[str, Any]:
        """With the kind that it refers to."""
        return {"type": self.name, "kind": self.kind}


@attrs.frozen
class Flag(FieldType):
    """`bool`."""

    name = "flag"
    ops = _ORDER
    blank = False

    def accept(self, value: Any) -> Any:
        """True or False, never 1 or 0."""
        if type(value) is not bool:
            raise self._refuse("true or false", value)
        return value

    def parse(self, text: str) -> Any:
        """Yes or no."""
        word = text.strip().casefold()
        if word in {"yes", "true", "1", "예", "네"}:
            return True
        if word in {"no", "false", "0", "아니오", "아니요"}:
            return False
        raise self._refuse("yes or no", text)


@attrs.frozen
class Whole(FieldType):
    """`int`, within 64 bits."""

    name = "whole"
    ops = _ORDER
    blank = 0

    def accept(self, value: Any) -> Any:
        """A whole number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse("a whole number", value)
        if not -INT64 <= value <= INT64:
            raise ValueRefused(f"{value} does not fit in 64 bits")
        return int(value)

    def parse(self, text: str) -> Any:
        """Digits."""
        try:
            return self.accept(int(text))
        except ValueError:
            raise self._refuse("a whole number", text) from None


@attrs.frozen
class Number(FieldType):
    """`float`, finite; whole numbers are taken too."""

    name = "number"
    ops = _ORDER
    blank = 0.0

    def accept(self, value: Any) -> Any:
        """A finite number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refuse("a number", value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValueRefused("takes finite numbers only, neither NaN nor infinity")
        return (
            number + 0.0
        )  # -0.0 would print and sort apart from 0.0 in one database, not in another

    def parse(self, text: str) -> Any:
        """A decimal number."""
        try:
            return self.accept(float(text))
        except ValueRefused:
            raise
        except ValueError:
            raise self._refuse("a number", text) from None


@attrs.frozen
class Scaled(FieldType):
    """`Decimal` with a declared number of decimals; exact, kept as a whole number of the smallest step."""

    scale: int = 0
    name = "decimal"
    ops = _ORDER
    blank = Decimal(0)

    def accept(self, value: Any) -> Any:
        """A finite Decimal (or int) with no more than `scale` decimals."""
        if isinstance(value, bool) or not isinstance(value, Decimal | int):
            raise self._refuse("a Decimal", value)
        number = Decimal(value)
        if not number.is_finite():
            raise ValueRefused("takes finite numbers only, neither NaN nor infinity")
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
        if abs(whole) > INT64:
            raise ValueRefused(f"{value} does not fit in 64 bits")
        return whole

    def unscaled(self, whole: int) -> Decimal:
        """The Decimal of such a whole number."""
        return Decimal(whole).scaleb(-self.scale, _EXACT)

    def dump(self, value: Any) -> Any:
        """Text, so that no reader makes a float of it."""
        return f"{value:f}"

    def load(self, plain: Any) -> Any:
        """From text."""
        if not isinstance(plain, str):
            raise self._refuse("a decimal number as text", plain)
        return self.parse(plain)

    def parse(self, text: str) -> Any:
        """A decimal number."""
        try:
            return self.accept(Decimal(text.strip()))
        except InvalidOperation:
            raise self._refuse("a decimal number", text) from None

    def describe(self) -> dict[str, Any]:
        """With its scale."""
        return {"type": self.name, "scale": self.scale}


@attrs.frozen
class DateTime(FieldType):
    """`datetime`, aware; kept in UTC with microseconds."""

    name = "datetime"
    ops = _ORDER

    def accept(self, value: Any) -> Any:
        """An instant."""
        if not isinstance(value, datetime):
            raise self._refuse("a time with its zone", value)
        return value if value.tzinfo is UTC else utc(value)

    def dump(self, value: Any) -> Any:
        """ISO 8601."""
        return format_time(value)

    def load(self, plain: Any) -> Any:
        """From ISO 8601."""
        if not isinstance(plain, str):
            raise self._refuse("a time as text", plain)
        return parse_time(plain)

    def parse(self, text: str) -> Any:
        """ISO 8601 with a zone."""
        return parse_time(text.strip())


@attrs.frozen
class Date(FieldType):
    """`date`: a day with no zone."""

    name = "date"
    ops = _ORDER

    def accept(self, value: Any) -> Any:
        """A day, not a time."""
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self._refuse("a date", value)
        return value

    def dump(self, value: Any) -> Any:
        """ISO 8601."""
        return value.isoformat()

    def load(self, plain: Any) -> Any:
        """From ISO 8601."""
        if not isinstance(plain, str):
            raise self._refuse("a date as text", plain)
        return self.parse(plain)

    def parse(self, text: str) -> Any:
        """As in 2026-03-01."""
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            raise self._refuse("a date as in 2026-03-01", text) from None


@attrs.frozen
class Choice(FieldType):
    """An `Enum` or a `Literal`: one of a few texts, or one of a few whole numbers."""

    values: tuple[Any, ...] = ()
    enum: type[Enum] | None = None
    name = "choice"
    ops = _ORDER

    def accept(self, value: Any) -> Any:
        """A member, or its value."""
        if self.enum is not None and isinstance(value, self.enum):
            return value
        if any(type(value) is type(each) and value == each for each in self.values):
            return value if self.enum is None else self.enum(value)
        raise self._refuse("one of " + ", ".join(map(repr, self.values)), value)

    def dump(self, value: Any) -> Any:
        """The member's value."""
        return value.value if self.enum is not None else value

    def parse(self, text: str) -> Any:
        """The value, or the member's name."""
        for each in self.values:
            if str(each) == text.strip():
                return self.accept(each)
        raise self._refuse("one of " + ", ".join(map(str, self.values)), text)

    def describe(self) -> dict[str, Any]:
        """With its values."""
        return {"type": self.name, "values": list(self.values)}


@attrs.frozen
class MoneyType(FieldType):
    """`Money`."""

    name = "money"
    ops = _ORDER

    def accept(self, value: Any) -> Any:
        """Money."""
        if not isinstance(value, Money):
            raise self._refuse("Money, as in Money(1250, 'EUR')", value)
        return value

    def dump(self, value: Any) -> Any:
        """Minor units and currency."""
        return {"minor": value.minor, "currency": value.currency}

    def load(self, plain: Any) -> Any:
        """From minor units and currency."""
        if not isinstance(plain, Mapping) or plain.keys() != {"minor", "currency"}:
            raise self._refuse("{minor, currency}", plain)
        return Money(plain["minor"], plain["currency"])

    def parse(self, text: str) -> Any:
        """As in "12.50 EUR"."""
        amount, _, currency = text.strip().rpartition(" ")
        return Money.of(amount.replace(",", "").strip(), currency)


def _check_json(value: Any, depth: int = 0) -> None:
    if depth > 50:
        raise ValueRefused("is nested deeper than 50 levels; flatten it")
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                raise ValueRefused(f"has the key {key!r}; keys are text")
            check_text(key)
            _check_json(each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_json(each, depth + 1)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > INT64:
            raise ValueRefused(f"{value} does not fit in 64 bits")
    elif not isinstance(value, float) or not math.isfinite(value):
        raise ValueRefused(f"takes JSON values, not {value!r:.80}")


def _json(value: Any) -> Any:
    """A checked copy in plain JSON form: nobody else holds it, nothing but JSON is in it."""
    _check_json(value)
    text = json.dumps(value, ensure_ascii=False, default=dict)
    if len(text) > MAX_TEXT:
        raise ValueRefused(f"has {len(text):,} characters as JSON; at most {MAX_TEXT:,} fit")
    return json.loads(text)


@attrs.frozen
class Items(FieldType):
    """`tuple[X, ...]` of JSON values."""

    name = "items"
    ops = frozenset({"has", "present"})
    blank = ()

    def accept(self, value: Any) -> Any:
        """A tuple (or list) of JSON values."""
        if not isinstance(value, list | tuple):
            raise self._refuse("a tuple", value)
        if all(type(each) is str for each in value):
            for each in value:
                check_text(each)
            if sum(map(len, value)) < MAX_TEXT // 8:
                return tuple(value)
        return tuple(_json(value))

    def dump(self, value: Any) -> Any:
        """A list."""
        return list(value)

    def parse(self, text: str) -> Any:
        """Words with commas between, or a JSON list."""
        if text.lstrip().startswith("["):
            return self.accept(_parse_json(text))
        return self.accept([word.strip() for word in text.split(",") if word.strip()])


@attrs.frozen
class Object(FieldType):
    """`Mapping[str, X]` of JSON values."""

    name = "object"
    ops = frozenset({"present"})
    blank: ClassVar[object] = {}

    def accept(self, value: Any) -> Any:
        """A mapping of JSON values."""
        if not isinstance(value, Mapping):
            raise self._refuse("a mapping", value)
        return _json(value)

    def dump(self, value: Any) -> Any:
        """The mapping itself."""
        return dict(value)

    def parse(self, text: str) -> Any:
        """A JSON object."""
        return self.accept(_parse_json(text))


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueRefused(f"is not JSON: {error}") from None
    except RecursionError:
        raise ValueRefused("is nested deeper than 50 levels; flatten it") from None


_SIMPLE: dict[str, FieldType] = {
    each.name: each
    for each in (
        Text(),
        Flag(),
        Whole(),
        Number(),
        DateTime(),
        Date(),
        MoneyType(),
        Items(),
        Object(),
    )
}


def described(description: Mapping[str, Any]) -> FieldType:
    """The type that `describe` described."""
    name = description["type"]
    if name == Ref.name:
        return Ref(kind=description["kind"])
    if name == Scaled.name:
        return Scaled(scale=description["scale"])
    if name == Choice.name:
        return Choice(values=tuple(description["values"]))
    return _SIMPLE[name]
