"""What files are read into: items, whatever the format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from crmkit import CrmError

__all__ = ["FileRefused", "Item", "ReadOptions", "Source"]


class FileRefused(CrmError, ValueError):
    """A file that cannot be read at all: a sentence that says what it is, where, and what to do."""


@attrs.frozen
class Item:
    """One row of a table, one object, one card, one message.

    `number` counts from 1 in its file; `line` is where it begins there, counted from 1, None in files without lines.
    `values` are by column: text as it stands in a CSV file, JSON values elsewhere (see the formats). `text` is the
    item as it stands in the file, for people who mend it. `problem` is why it cannot be used: one sentence, which
    begins in lower case and does not repeat the number; `values` are then what could be read.
    """

    number: int
    values: Mapping[str, Any]
    text: str
    line: int | None = None
    problem: str | None = None


@attrs.frozen(kw_only=True)
class ReadOptions:
    """How to read a file, where that is not to be found out: None means find out.

    `format` is `csv`, `json`, `vcard` or `mail`. `encoding` is a codec's name. `delimiter` is one character. `header` False:
    the first row is data, and columns are called `1`, `2`, ... `skip` is how many lines stand before the heading.
    """

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    skip: int = 0


class Source(ABC):
    """A file that was opened: what it is, and its items.

    `format` is one of those of `ReadOptions`. `encoding` is the codec it is read with, None where each part says its
    own. `columns` are the names of a table's columns; of objects those of the first thousand, nested ones with dots
    (`properties.email`). `within` is what the objects stand under in a page of an API (`results`, `users`, ...).
    """

    format: str
    encoding: str | None = None
    columns: tuple[str, ...] = ()
    within: str | None = None

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """The items, from the beginning at each call; none is held. Never raises for what is in an item."""
