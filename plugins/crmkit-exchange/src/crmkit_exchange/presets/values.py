"""Where the value of a field comes from: one column, several joined, the first that has one, a word for a word."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

__all__ = ["Column", "First", "Items", "Joined", "Made", "Row", "Value", "Words", "value_of"]

Row = Mapping[str, Any]
"""One item's values by column; a column is found however it is spelt (`crmkit_exchange.columns.plain`)."""


def _columns(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(columns)


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


@attrs.frozen
class First(Value):
    """The first of some columns that has a value."""

    columns: tuple[str, ...] = attrs.field(converter=_columns)

    def __call__(self, row: Row) -> Any:
        """The first value that is neither missing nor blank."""
        return next((row[name] for name in self.columns if not _blank(row.get(name))), None)


@attrs.frozen
class Joined(Value):
    """The texts of some columns with a space between; without one for a name in Hangul or Chinese characters.

    `family` is the column of the family name, which stands first in such a name.
    """

    columns: tuple[str, ...] = attrs.field(converter=_columns)
    family: str | None = None

    def __call__(self, row: Row) -> Any:
        """The texts that there are, joined; None if there are none."""
        parts = {name: str(row[name]).strip() for name in self.columns if not _blank(row.get(name))}
        if self.family in parts and all(map(_is_east_asian, parts.values())):
            family = parts.pop(self.family)
            return family + "".join(parts.values())
        return " ".join(parts.values()) or None


@attrs.frozen
class Words(Value):
    """A word of the source as a word of ours: `Words("status", {"COMPLETED": "done"})`, `other` for the rest.

    Words are compared without regard to case; what is not there is `other`.
    """

    name: str
    words: Mapping[str, Any]
    other: Any = None

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]  # made of the name
        """The one."""
        return (self.name,)

    def __call__(self, row: Row) -> Any:
        """Our word."""
        given = row.get(self.name)
        folded = {word.casefold(): ours for word, ours in self.words.items()}
        return (
            self.other if _blank(given) else folded.get(str(given).strip().casefold(), self.other)
        )


@attrs.frozen
class Items(Value):
    """A text with several words in it, or a list, as a tuple."""

    name: str
    separators: str = ",;"

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]  # made of the name
        """The one."""
        return (self.name,)

    def __call__(self, row: Row) -> Any:
        """The words, None if there are none."""
        given = row.get(self.name)
        if _blank(given):
            return None
        parts = (
            given
            if isinstance(given, list | tuple)
            else re.split(f"[{self.separators}]", str(given))
        )
        return tuple(word for each in parts if (word := str(each).strip())) or None


@attrs.frozen
class Made(Value):
    """What a function makes of a row; `columns` are those that it looks at."""

    function: Callable[[Row], Any]
    columns: tuple[str, ...] = attrs.field(converter=_columns)

    def __call__(self, row: Row) -> Any:
        """What the function returns."""
        return self.function(row)


def value_of(given: str | Value) -> Value:
    """A column's name as a value; a value as it is."""
    return Column(given) if isinstance(given, str) else given


def _blank(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _is_east_asian(text: str) -> bool:
    return all(unicodedata.east_asian_width(each) in "WF" for each in text if not each.isspace())
