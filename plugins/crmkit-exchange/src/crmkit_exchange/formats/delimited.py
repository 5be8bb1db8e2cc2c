"""Tables as text with a delimiter: CSV in all its dialects."""

from __future__ import annotations

import csv
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import TypeAlias

from crmkit_exchange.formats.encoding import Encoding, opened
from crmkit_exchange.formats.items import FileRefused, Item, ReadOptions, Source

__all__ = ["open_delimited"]

DELIMITERS = ",;\t|"
SAMPLE = 200
"""How many records are looked at to find the delimiter."""
LONGEST = 100_000
"""A record of more lines than this has a quotation mark that is never closed."""

_Record: TypeAlias = tuple[int, str, list[str], bool]
"""The line it begins in, its text, its values, and whether its quotation marks are closed."""


def open_delimited(path: Path, name: str, options: ReadOptions, encoding: Encoding) -> Source:
    """A table; raises `FileRefused` for one without a heading.

    Values are text as it stands between the delimiters, blank lines are no rows. A row with more values than the
    heading, or fewer, has a problem; blank values too many do not matter.
    """
    csv.field_size_limit(sys.maxsize)  # else it is 128 KiB, and one long text refuses the file
    delimiter = options.delimiter or _delimiter(path, options.skip, encoding)
    if len(delimiter) != 1:
        raise FileRefused(
            f"{delimiter!r} is no delimiter; give one character, as in --delimiter ';'"
        )
    return _Table(path, name, options, encoding, delimiter)


class _Table(Source):
    """A table that was opened."""

    format = "csv"

    def __init__(
        self, path: Path, name: str, options: ReadOptions, encoding: Encoding, delimiter: str
    ) -> None:
        self.encoding = encoding.name
        self._path, self._encoding = path, encoding
        self._delimiter, self._options = delimiter, options
        first = next(self._records(), None)
        if first is None:
            raise FileRefused(f"{name} has no rows; there is nothing in it to import")
        heading = first[2] if options.header else [str(n) for n in range(1, len(first[2]) + 1)]
        self.columns = _named(heading)

    def _records(self) -> Iterator[_Record]:
        """The records, the heading first."""
        lines = islice(_text(self._path, self._encoding), self._options.skip, None)
        return _records(lines, self._delimiter, self._options.skip)

    def items(self) -> Iterator[Item]:
        """The rows."""
        records = self._records()
        if self._options.header:
            next(records, None)
        for number, (line, text, values, ends) in enumerate(records, 1):
            problem = None if ends else "has a quotation mark that is never closed"
            problem = problem or self._misfit(values)
            yield Item(number, dict(zip(self.columns, values, strict=False)), text, line, problem)

    def _misfit(self, values: Sequence[str]) -> str | None:
        wanted = len(self.columns)
        if len(values) < wanted or any(map(str.strip, values[wanted:])):
            return f"has {len(values)} values where the heading has {wanted}"
        return None


def _text(path: Path, encoding: Encoding) -> Iterator[str]:
    """The lines of a file, each with its end."""
    with opened(path, encoding) as file:
        yield from file


def _records(lines: Iterator[str], delimiter: str, skipped: int = 0) -> Iterator[_Record]:
    """The records of a table, read one at a time; a quotation mark that is never closed spoils one line only."""
    again: deque[str] = deque()
    number = skipped
    while True:
        held: list[str] = []
        values = next(csv.reader(_held(lines, again, held), delimiter=delimiter), None)
        if values is None:
            return
        ends = not (len(held) > 1 or _ends_file(lines, again)) or _is_closed(held, delimiter)
        if not ends:
            again.extendleft(reversed(held[1:]))
            del held[1:]
            values = next(csv.reader(held, delimiter=delimiter))
        if text := "".join(held).strip("\r\n \t\x0b\x0c") and "".join(held):
            yield number + 1, text, values, ends
        number += len(held)


def _held(lines: Iterator[str], again: deque[str], held: list[str]) -> Iterator[str]:
    """Lines for one record, which are kept in `held`; those that were put back go first."""
    while len(held) < LONGEST:
        line = again.popleft() if again else next(lines, None)
        if line is None:
            return
        held.append(line)
        yield line


def _ends_file(lines: Iterator[str], again: deque[str]) -> bool:
    """Whether nothing follows; what does is put back."""
    if not again and (line := next(lines, None)) is not None:
        again.append(line)
    return not again


def _is_closed(held: Sequence[str], delimiter: str) -> bool:
    """Whether the last quotation mark of a record is closed."""
    try:
        next(csv.reader(held, delimiter=delimiter, strict=True), None)
    except csv.Error as error:
        return "unexpected end" not in str(error)
    return True


def _named(heading: Sequence[str]) -> tuple[str, ...]:
    """The names of columns, each once: a blank one is its number, the second of a name bears ` (2)`."""
    found: list[str] = []
    for number, each in enumerate(heading, 1):
        name = " ".join(each.replace("\ufeff", "").split()) or str(number)
        copies = (f"{name} ({n})" for n in count(2))
        found.append(name if name not in found else next(c for c in copies if c not in found))
    return tuple(found)


def _delimiter(path: Path, skip: int, encoding: Encoding) -> str:
    """The delimiter that cuts the first records most evenly; a comma where nothing tells."""
    best, chosen = (0.0, 0), ","
    for each in DELIMITERS:
        lines = islice(_text(path, encoding), skip, None)
        widths = Counter(len(values) for _, _, values, _ in islice(_records(lines, each), SAMPLE))
        if not widths:
            break
        width, times = widths.most_common(1)[0]
        score = (times / widths.total() if width > 1 else 0.0, width)
        if score > best:
            best, chosen = score, each
    return chosen
