"""JSON cut into its values while it is read: none is parsed, and one at a time is held."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple, TextIO

__all__ = ["BrokenOff", "Piece", "Scanner"]

CHUNK = 1 << 16
LONGEST = 1 << 26
"""A value of more characters is taken for one without an end; so many are held in memory at the most."""
SHOWN = 1000
"""So many characters are shown of a value without an end."""

# Where a value ends depends on its brackets and quotation marks alone. The plus signs behind the stars keep the
# engine from remembering where it could have gone otherwise: a text of any length is gone through at once.
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_BESIDE = re.compile(rf'(?:[^"\[\]{{}},]++|{_STRING})*+', re.S)
_INSIDE = re.compile(rf'(?:[^"\[\]{{}}]++|{_STRING})*+', re.S)
_NAME = re.compile(_STRING, re.S)
_TEXT = re.compile(r"[^ \t\r\n]")
_LIST = re.compile(r"\[[ \t\r\n]*+([^ \t\r\n])")


class Piece(NamedTuple):
    """The text of one value, the line it begins in, and what is wrong if it cannot be one."""

    text: str
    line: int
    problem: str | None = None


class BrokenOff(Exception):
    """JSON that does not go on as it must; `piece` is where."""

    def __init__(self, piece: Piece) -> None:
        super().__init__(piece.problem)
        self.piece = piece


class Scanner:
    """Goes through a text of JSON, whose first line has the number given; `whole` is what people call it.

    Every method goes on from where the last one ended, and raises `BrokenOff` where the text does not go on.
    """

    def __init__(self, file: TextIO, line: int = 1, whole: str = "the file") -> None:
        self.line = line
        self.whole = whole
        self._file = file
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is not blank, nothing at the end."""
        while True:
            found = _TEXT.search(self._text, self._at)
            self._to(found.start() if found else len(self._text))
            if found:
                return found[0]
            if not self._more():
                return ""

    def shape(self) -> str:
        """The character that the next value begins with; of an array also the one behind its bracket."""
        first = self.peek()
        while first == "[":
            found = _LIST.match(self._text, self._at)
            if found:
                return first + found[1]
            if not self._more():
                return first
        return first

    def value(self, keep: bool = True, alone: bool = False) -> Piece:
        """The next value, up to the comma or bracket behind it, or the end; `keep` False: goes past it.

        It is whole as far as its brackets and quotation marks go, whatever it is. `alone` True: an object or an array
        ends with its own last bracket, and what stands behind that is another.
        """
        if not self.peek():
            raise self.broken(f"{self.whole} breaks off")
        line, depth, end, ends = self.line, 0, 0, False
        while not ends:
            end, depth, ends = self._scanned(end, depth, alone)
            if not keep:
                self._to(self._at + end)
                end = 0
            if not ends and not self._more():
                if depth or self._at + end < len(self._text):
                    raise self.broken(f"{self.whole} breaks off within this", line)
                ends = True
        piece = Piece(self._text[self._at : self._at + end].rstrip(), line)
        self._to(self._at + end)
        return piece

    def members(self) -> Iterator[str]:
        """The names in an object; the value of each is to be gone past before the next."""
        self._step("{")
        if self.peek() == "}":
            self._step("}")
            return
        while True:
            yield self._name()
            if self._step(",}") == "}":
                return

    def elements(self) -> Iterator[Piece]:
        """The values in an array; a comma behind the last is let pass."""
        self._step("[")
        while self.peek() != "]":
            yield self.value()
            if self.peek() != "]":
                self._step(",")
        self._step("]")

    def broken(self, why: str, line: int | None = None) -> BrokenOff:
        """What to raise here."""
        text = self._text[self._at : self._at + SHOWN].rstrip()
        problem = f"{why}; {self.whole} is read no further"
        return BrokenOff(Piece(text, line or self.line, problem))

    def _scanned(self, end: int, depth: int, alone: bool) -> tuple[int, int, bool]:
        """Go on within what was read: how far from here, in how many brackets, whether the value ends there."""
        text, at = self._text, self._at + end
        while True:
            inside = (_INSIDE if depth else _BESIDE).match(text, at)
            at = inside.end() if inside else at
            if at == len(text) or text[at] == '"':
                return at - self._at, depth, False
            if text[at] in "[{":
                depth += 1
            elif depth:
                depth -= 1
            else:
                return at - self._at, depth, True
            at += 1
            if alone and not depth:
                return at - self._at, depth, True

    def _name(self) -> str:
        if self.peek() != '"':
            raise self.broken("a name in quotation marks is missing")
        while not (found := _NAME.match(self._text, self._at)):
            if not self._more():
                raise self.broken(f"{self.whole} breaks off within a name")
        self._to(found.end())
        self._step(":")
        try:
            return str(json.loads(found[0], strict=False))
        except ValueError:
            return found[0][1:-1]

    def _step(self, wanted: str) -> str:
        """Go past one character, which must be one of those wanted."""
        found = self.peek()
        if not found:
            raise self.broken(f"{self.whole} breaks off")
        if found not in wanted:
            raise self.broken(f"{' or '.join(wanted)} is missing")
        self._at += 1
        return found

    def _to(self, at: int) -> None:
        self.line += self._text.count("\n", self._at, at)
        self._at = at

    def _more(self) -> bool:
        """Read on; the more, the longer the value, so that none is looked at too often. What is behind is let go."""
        rest = len(self._text) - self._at
        if rest > LONGEST:
            raise self.broken(f"this goes on for more than {LONGEST:,} characters")
        read = self._file.read(max(CHUNK, rest))
        self._text = self._text[self._at :] + read
        self._at = 0
        return bool(read)
