"""Tables as text with a delimiter: CSV in all its dialects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from crmkit_exchange.formats.dialect import dialect_of
from crmkit_exchange.formats.encoding import Encoding, opened
from crmkit_exchange.formats.items import FileRefused, Item, ReadOptions, Source
from crmkit_exchange.formats.records import Dialect, Record, records

__all__ = ["first_lines", "open_delimited"]

SAMPLE_LINES = 1000
SAMPLE_SIZE = 1 << 18
_NO_DELIMITER = {'"', "\r", "\n", "\0"}
_SAYS_DELIMITER = re.compile(r'"?sep=(.)"?[\r\n]*')
"""What Excel writes before the heading, and takes for none of the table."""
_BREAKS = re.compile(r"\s*[\r\n]+\s*")


def open_delimited(path: Path, name: str, options: ReadOptions, encoding: Encoding) -> Source:
    """A table; its format is `csv`, whatever the delimiter. `name` is what people call the file.

    Values are text as it stands between the delimiters; blank lines are no rows. Columns are the heading without
    blanks around; one without a name has its position as such, the second of a name bears ` (2)`. A row with more
    values than the heading, or fewer, has a problem; blank values too many do not matter. Raises `FileRefused` for a
    table without a heading, and for a delimiter that is none.
    """
    lines = first_lines(path, encoding, options.skip)
    said = _SAYS_DELIMITER.fullmatch(lines[0]) if lines else None
    skip = options.skip + bool(said)
    given = options.delimiter or (said and said[1])
    if given and (len(given) != 1 or given in _NO_DELIMITER):
        raise FileRefused(f"{given!r} is no delimiter; give one character, as in --delimiter ';'")
    dialect = dialect_of(lines[bool(said) :], given)
    return _Table(path, name, options.header, encoding, dialect, skip)


def first_lines(path: Path, encoding: Encoding, skip: int = 0) -> list[str]:
    """The first lines of a file from behind so many: enough to tell its dialect."""
    found: list[str] = []
    size = 0
    with opened(path, encoding) as file:
        for line in islice(file, skip, skip + SAMPLE_LINES):
            found.append(line)
            size += len(line)
            if size > SAMPLE_SIZE:
                break
    return found


class _Table(Source):
    """A table that was opened: `_skip` lines stand before the heading or, without one, before the first row."""

    format = "csv"

    def __init__(
        self, path: Path, name: str, header: bool, encoding: Encoding, dialect: Dialect, skip: int
    ) -> None:
        self.encoding = encoding.name
        self._path, self._name, self._header = path, name, header
        self._encoding, self._dialect, self._skip = encoding, dialect, skip
        first = next(self._records(), None)
        if first is None:
            raise FileRefused(f"{name} is empty; there is nothing in it to import")
        heading = self._heading(first) if header else [""] * len(first.values)
        self.columns = _named(heading)

    def _heading(self, first: Record) -> list[str]:
        what = f"the heading of {self._name} (line {first.line:,})"
        if first.problem:
            raise FileRefused(f"{what} {first.problem}")
        if not any(map(str.strip, first.values)):
            raise FileRefused(
                f"{what} has no names; say with --skip-lines how many lines stand before it, or --no-header if there "
                "is none"
            )
        return first.values

    def _records(self) -> Iterator[Record]:
        """The records, the heading first."""
        with opened(self._path, self._encoding) as file:
            yield from records(islice(file, self._skip, None), self._dialect, self._skip + 1)

    def items(self) -> Iterator[Item]:
        """The rows."""
        columns, width = self.columns, len(self.columns)
        rows = islice(self._records(), 1 if self._header else 0, None)
        for number, (line, text, values, problem) in enumerate(rows, 1):
            if len(values) != width and problem is None:
                problem = self._misfit(values)
            yield Item(number, dict(zip(columns, values, strict=False)), text, line, problem)

    def _misfit(self, values: Sequence[str]) -> str | None:
        wanted = len(self.columns)
        if len(values) > wanted and not any(map(str.strip, values[wanted:])):
            return None
        said = f"{len(values)} value" + ("s" if len(values) > 1 else "")
        return f"has {said} where the {'heading' if self._header else 'first row'} has {wanted}"


def _named(heading: Sequence[str]) -> tuple[str, ...]:
    """The names of columns, each once; a name that is written in the heading is for the first column that bears it."""
    names = [_BREAKS.sub(" ", each.strip().strip("\ufeff").strip()) for each in heading]
    written, taken = set(names), set[str]()
    for at, name in enumerate(names):
        if not name or name in taken:
            own = name or str(at + 1)
            copies = (own, *(f"{own} ({n})" for n in range(2, len(names) + 2)))
            names[at] = next(each for each in copies if each not in taken and each not in written)
        taken.add(names[at])
    return tuple(names)
