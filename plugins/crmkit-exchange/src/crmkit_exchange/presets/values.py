"""Where the value of a field comes from: one column, several joined, the first that has one, a word for a word."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

import attrs

__all__ = [
    "EMPTY",
    "Column",
    "First",
    "Id",
    "Items",
    "Joined",
    "Made",
    "OfOne",
    "Row",
    "Unmarked",
    "Value",
    "Words",
    "is_blank",
    "value_of",
]

Row = Mapping[str, Any]
"""One item's values by column; a column is found however it is spelt (`crmkit_exchange.columns.plain`)."""


class _Empty(Enum):
    EMPTY = "empty"


EMPTY = _Empty.EMPTY
"""What a value returns where a row says that a field has none any more; None says nothing of the field."""


class Value(ABC):
    """A value that is made of some columns of a row; `columns` names them, so that the rest is known to be left."""

    columns: tuple[str, ...]

    @abstractmethod
    def __call__(self, row: Row) -> Any:
        """The value, None if there is none."""


@attrs.frozen
class Column(Value):
    """What stands in one column."""

    name: str

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]  # made of the name
        """The one."""
        return (self.name,)

    def __call__(self, row: Row) -> Any:
        """The value as it stands there."""
        return row.get(self.name)


def value_of(given: str | Value) -> Value:
    """A column's name as a value; a value as it is."""
    return Column(given) if isinstance(given, str) else given


def is_blank(value: Any) -> bool:
    """Whether a value says nothing: missing, blank, empty."""
    return value is None or value in ([], {}, ()) or (isinstance(value, str) and not value.strip())


def _columns(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(columns)


def _values(given: Iterable[str | Value]) -> tuple[Value, ...]:
    return tuple(value_of(each) for each in given)


@attrs.frozen
class First(Value):
    """The first of some columns, or values, that says something."""

    values: tuple[Value, ...] = attrs.field(converter=_values)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]  # made of the values
        """Those of all."""
        return tuple(dict.fromkeys(name for each in self.values for name in each.columns))

    def __call__(self, row: Row) -> Any:
        """The first value that is neither missing nor blank."""
        found = (each(row) for each in self.values)
        return next((each for each in found if not is_blank(each)), None)


@attrs.frozen
class Joined(Value):
    """The texts of some columns with a space between; without one for a name in Hangul or Chinese characters.

    `family` is the column of the family name, which stands first in such a name.
    """

    columns: tuple[str, ...] = attrs.field(converter=_columns)
    family: str | None = None

    def __call__(self, row: Row) -> Any:
        """The texts that there are, joined; None if there are none."""
        parts = {n: str(row[n]).strip() for n in self.columns if not is_blank(row.get(n))}
        if self.family in parts and all(map(_is_east_asian, parts.values())):
            family = parts.pop(self.family)
            return family + "".join(parts.values())
        return " ".join(parts.values()) or None


@attrs.frozen
class OfOne(Value):
    """A value that is made of one column, or of what another value says (its `source`)."""

    source: Value = attrs.field(converter=value_of)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]  # made of the source
        """Those of its source."""
        return self.source.columns


@attrs.frozen
class Words(OfOne):
    """A word of the source as a word of ours: `Words("status", {"COMPLETED": "done"})`, `other` for the rest.

    Words are compared without regard to case; what is not there is `other`.
    """

    words: Mapping[str, Any]
    other: Any = None

    def __call__(self, row: Row) -> Any:
        """Our word."""
        given = self.source(row)
        folded = {word.casefold(): ours for word, ours in self.words.items()}
        said = "" if given is None else str(given).strip().casefold()
        return folded.get(said, self.other)


@attrs.frozen
class Items(OfOne):
    """A text with several words in it, or a list, as a tuple."""

    separators: str = ",;"

    def __call__(self, row: Row) -> Any:
        """The words, None if there are none."""
        given = self.source(row)
        if is_blank(given):
            return None
        parts = (
            given
            if isinstance(given, list | tuple)
            else re.split(f"[{re.escape(self.separators)}]", str(given))
        )
        return tuple(word for each in parts if (word := str(each).strip())) or None


@attrs.frozen
class Id(OfOne):
    """The first id in a column: of a list (`[{"id": "501"}]`), an object, a text with several (`501;502`)."""

    def __call__(self, row: Row) -> Any:
        """The id as a text, None if there is none."""
        return _first_id(self.source(row))


@attrs.frozen
class Unmarked(OfOne):
    """A text without its HTML, where it has any."""

    def __call__(self, row: Row) -> Any:
        """The text; None if there is none."""
        given = self.source(row)
        if isinstance(given, str) and _MARKUP.search(given):
            from crmkit_exchange.formats.plaintext import html_text

            return html_text(given) or None
        return given


@attrs.frozen
class Made(Value):
    """What a function makes of a row; `columns` are those that it looks at."""

    function: Callable[[Row], Any]
    columns: tuple[str, ...] = attrs.field(converter=_columns)

    def __call__(self, row: Row) -> Any:
        """What the function returns."""
        return self.function(row)


_MARKUP = re.compile(r"</?(?:a|b|blockquote|br|div|em|h[1-6]|i|img|li|ol|p|span|strong|table|u|ul)\b[^<>]*>", re.I)  # fmt: skip


def _first_id(given: Any) -> str | None:
    if isinstance(given, Mapping):
        return _first_id(given.get("id", given.get("value")))
    if isinstance(given, list | tuple):
        return next((found for each in given if (found := _first_id(each))), None)
    text = "" if given is None else str(given)
    return next((bare for each in re.split("[;,]", text) if (bare := each.strip())), None)


def _is_east_asian(text: str) -> bool:
    return all(unicodedata.east_asian_width(each) in "WF" for each in text if not each.isspace())
