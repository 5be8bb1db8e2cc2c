"""Delimited text cut into records, one at a time: a broken one spoils its own line and no other."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import attrs

__all__ = ["Dialect", "Record", "records"]

LONGEST = 1 << 26
"""A record of more characters has a quotation mark that is never closed; so many are held in memory at the most."""

UNCLOSED = (
    "opens a quotation mark that is not closed; close it, or double it if it is part of the value"
)
BEHIND = "has something behind a closing quotation mark; double the marks that are part of a value"


@attrs.frozen
class Dialect:
    """How values are told apart: the delimiter, and whether blanks behind it are not part of the value."""

    delimiter: str = ","
    spaced: bool = False

    def reader(self, lines: Iterable[str], strict: bool = True) -> Any:
        """The reader of the standard library for it."""
        return csv.reader(
            lines, delimiter=self.delimiter, skipinitialspace=self.spaced, strict=strict
        )


class Record(NamedTuple):
    """One record: the line it begins in, from 1; its text without the last line's end; its values; what is wrong."""

    line: int
    text: str
    values: list[str]
    problem: str | None


class _Unclosed(Exception):
    """A record has become too long."""


class _Lines:
    """Hands out lines, holds those of one record, takes some back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.held: list[str] = []

    def __iter__(self) -> Iterator[str]:
        length = 0
        while True:
            line = self._again.popleft() if self._again else next(self._lines, None)
            if line is None:
                return
            length = length + len(line) if self.held else len(line)
            self.held.append(line)
            if length > LONGEST and len(self.held) > 1:
                raise _Unclosed
            yield line

    def put_back(self) -> None:
        """Take back all that is held but the first line."""
        self._again.extendleft(reversed(self.held[1:]))
        del self.held[1:]


def records(lines: Iterable[str], dialect: Dialect, first: int = 1) -> Iterator[Record]:
    """The records of a text, given by lines with their ends, of which one is numbered `first`; blank lines are none.

    Quoting is by quotation marks, doubled within. A mark that is not closed before something else stands behind the
    next one, or before the end, spoils the line it is in; the lines after it are records again.
    """
    csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST))
    given = _Lines(lines)
    held = given.held
    reader = dialect.reader(given)
    line = first
    while True:
        problem = None
        try:
            values = next(reader, None)
        except (csv.Error, _Unclosed) as error:
            problem = _problem(error, len(held))
            given.put_back()
            values = next(dialect.reader(held, strict=False))
            reader = dialect.reader(given)
        if values is None:
            return
        text = held[0] if len(held) == 1 else "".join(held)
        if len(values) > 1 or not text.isspace():
            yield Record(line, text.rstrip("\r\n"), values, problem)
        line += len(held)
        held.clear()


def _problem(error: Exception, lines: int) -> str:
    """What is wrong with the first of so many lines; over several, the mark that was opened is what is wrong."""
    is_open = lines > 1 or isinstance(error, _Unclosed) or "unexpected end" in str(error)
    return UNCLOSED if is_open else BEHIND
