"""JSON: a line for each object, an array of them, or pages as APIs deliver them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from crmkit_exchange.formats.encoding import Encoding, opened
from crmkit_exchange.formats.items import Item, ReadOptions, Source
from crmkit_exchange.formats.pages import list_in
from crmkit_exchange.formats.scanner import BrokenOff, Piece, Scanner

__all__ = ["flattened", "open_objects"]

SAMPLE = 1000
"""How many objects are looked at to find the columns."""
SAMPLE_SIZE = 1 << 18
SAMPLE_LINES = 100
DEEPEST = 100
"""Objects nested deeper have a problem: nobody reads them, and parsers give up."""

_BREAK = re.compile(r"[ \t]*+[\r\n]\s*+")


def open_objects(path: Path, name: str, options: ReadOptions, encoding: Encoding) -> Source:
    """The objects of a JSON file, whatever they stand in; its format is `json`.

    Values of nested objects are under names with dots, in the order of the file; lists stay lists. Numbers are int of
    any size, or float. What is no object, is no JSON, or has a name twice is an item with a problem, and what follows
    is read, unless it cannot be told where that begins.
    """
    return _Objects(path, encoding)


class _Objects(Source):
    """A JSON file that was opened: `_has_lines` if each line is a document of its own."""

    format = "json"

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self.encoding = encoding.name
        self._path, self._encoding = path, encoding
        first = self._first_lines()
        self._has_lines = _are_documents(first)
        self.within = self._list_in(first)
        columns: dict[str, None] = {}
        for item in islice(self.items(), SAMPLE):
            columns |= dict.fromkeys(item.values)
        self.columns = tuple(columns)

    def items(self) -> Iterator[Item]:
        """The objects."""
        pieces = self._by_lines() if self._has_lines else self._whole()
        for number, piece in enumerate(pieces, 1):
            yield _item(number, piece)

    # How the file is made up

    def _first_lines(self) -> list[str]:
        """The first lines that are not blank, without one that goes on."""
        with opened(self._path, self._encoding) as file:
            text = file.read(SAMPLE_SIZE)
        lines = [each for each in StringIO(text, newline="") if each.strip()]
        return lines[
            : SAMPLE_LINES if len(text) < SAMPLE_SIZE else min(SAMPLE_LINES, len(lines) - 1)
        ]

    def _list_in(self, first: Sequence[str]) -> str | None:
        """Under what name the first document has its objects, if it is a page; or the first in an array of pages."""
        if self._has_lines:
            whole = next((each for each in first if _is_document(each)), "")
            return list_in(Scanner(StringIO(whole)))
        with opened(self._path, self._encoding) as file:
            scanner = Scanner(file)
            if scanner.shape() == "[{":
                piece = next(_guarded(scanner.elements()))
                return list_in(Scanner(StringIO(piece.text)))
            return list_in(scanner)

    # What is in it

    def _by_lines(self) -> Iterator[Piece]:
        with opened(self._path, self._encoding) as file:
            for number, line in enumerate(file, 1):
                if text := line.strip():
                    yield from self._unfolded(Piece(text, number))

    def _whole(self) -> Iterator[Piece]:
        with opened(self._path, self._encoding) as file:
            yield from _guarded(self._documents(Scanner(file)))

    def _documents(self, scanner: Scanner) -> Iterator[Piece]:
        while begin := scanner.peek():
            if begin not in "{[":
                raise scanner.broken("this is neither an object nor an array")
            yield from self._read(scanner)

    def _unfolded(self, piece: Piece) -> Iterator[Piece]:
        """What a line or an element holds: itself, or the objects of the page or the array that it is."""
        if piece.text.startswith("[") or (self.within and piece.text.startswith("{")):
            inside = self._read(Scanner(StringIO(piece.text), piece.line, "this"))
            yield from (each._replace(text=each.text or piece.text) for each in _guarded(inside))
        else:
            yield piece

    def _read(self, scanner: Scanner) -> Iterator[Piece]:
        begin = scanner.peek()
        if begin == "[":
            for each in scanner.elements():
                yield from self._unfolded(each)
        elif begin == "{" and self.within:
            yield from self._page(scanner)
        else:
            yield scanner.value(alone=True)

    def _page(self, scanner: Scanner) -> Iterator[Piece]:
        line, is_page = scanner.line, False
        for name in scanner.members():
            if name == self.within and scanner.peek() == "[":
                is_page = True
                yield from scanner.elements()
            else:
                scanner.value(keep=False)
        if not is_page:
            yield Piece("", line, f"has no list under {self.within!r}, as the first page has")


def _guarded(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces; where they break off, one that says so is the last."""
    try:
        yield from pieces
    except BrokenOff as error:
        yield error.piece


def _are_documents(lines: Sequence[str]) -> bool:
    """Whether each line is a document of its own: most are, for one may be broken."""
    if len(lines) < 2 or lines[0].strip() in {"[", "{"}:
        return False
    return sum(map(_is_document, lines)) * 2 >= len(lines)


def _is_document(line: str) -> bool:
    try:
        return line.lstrip()[:1] in {"{", "["} and _parsed(line) is not None
    except ValueError:
        return False


# One object ----------------------------------------------------------------------------------------------------


def _item(number: int, piece: Piece) -> Item:
    values, problem = {}, piece.problem
    if problem is None:
        try:
            values = _values(piece.text)
        except ValueError as error:
            problem = str(error)
    return Item(number, values, _in_one_line(piece.text, problem), piece.line, problem)


def _in_one_line(text: str, problem: str | None) -> str:
    """The text of an object without its breaks; of one that is broken as it stands, for they may be in a string."""
    has_breaks = "\n" in text or "\r" in text
    return _BREAK.sub("", text) if has_breaks and not problem else text


def _values(text: str) -> dict[str, Any]:
    """The values of the object that a text is; raises `ValueError` with what is wrong with it."""
    value = _parsed(text)
    if not isinstance(value, dict):
        raise ValueError("is no object")
    return _unique(list(flattened(value)))


def flattened(value: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """The values of an object; those of objects in it are under `outer.inner`, an empty one is nothing."""
    for name, each in value.items():
        if isinstance(each, dict):
            yield from flattened(each, f"{within}{name}.")
        else:
            yield f"{within}{name}", each


def _parsed(text: str) -> Any:
    """The value of a text; raises `ValueError` with what is wrong with it."""
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError(f"is nested more than {DEEPEST} deep")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"at its character {error.pos + 1:,}"
        what = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        raise ValueError(f"is no JSON: {what} {place}") from None


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', text, re.S):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has the name {twice!r} twice")
    return found


def _float(text: str) -> float:
    found = float(text)
    if math.isinf(found):
        raise ValueError("has a number that is too large")
    return found


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python refuses thousands of digits, which would take it long
        raise ValueError(f"has a number of {len(text):,} digits") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"has {name}, which is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_refuse_constant,
    parse_float=_float,
    parse_int=_whole_number,
)
