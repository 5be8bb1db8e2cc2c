"""Files of vCards: which lines are a card, and what stands between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from crmkit_exchange.formats.cards import AGENT, BEGIN, END, Card
from crmkit_exchange.formats.charsets import codec_of, faithful
from crmkit_exchange.formats.contacts import contact_problem, contact_values
from crmkit_exchange.formats.items import FileRefused, Item, ReadOptions, Source

__all__ = ["open_vcards"]

_STRAY_LINES = 100
"""So many lines between cards make one item at the most."""

_WIDE = re.compile("utf-(?:16|32)")


def open_vcards(path: Path, options: ReadOptions) -> Source:
    """The contacts of a file of vCards 2.1, 3.0 and 4.0; their values are those of `contact_values`.

    Lines outside of cards are items with a problem. Of the options `encoding` is used: the character set of cards and
    lines that declare none. Raises `FileRefused` for a file in which there is text but no card.
    """
    if options.encoding and not codec_of(options.encoding) and options.encoding.lower() != "ascii":
        raise FileRefused(
            f"{path}: there is no encoding {options.encoding!r}; give one such as utf-8 or cp949"
        )
    try:
        source = _VCards(path, options.encoding, _wide(path, options.encoding))
        has_text = False
        for line in source.lines():
            has_text = has_text or bool(line.strip())
            if BEGIN.match(line):
                return source
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise FileRefused(f"{path}: cannot be opened ({reason}); give a file that can") from error
    if has_text:
        raise FileRefused(
            f"{path}: is no vCard, no line says BEGIN:VCARD; name its format if it has another"
        )
    return source


def _wide(path: Path, encoding: str | None) -> str | None:
    """The codec of a file in 16 or 32 bits, whose ends of lines are no single bytes."""
    if encoding:
        return encoding if _WIDE.match(codec_of(encoding) or "") else None
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else None


@attrs.frozen
class _Block:
    """Lines that are one card, whole or without its end, or that stand outside of cards."""

    number: int
    lines: list[bytes]
    is_card: bool = True
    is_whole: bool = True


@attrs.define
class _VCards(Source):
    format = "vcard"

    path: Path
    encoding: str | None
    wide: str | None

    def items(self) -> Iterator[Item]:
        """The cards in the order of the file, with what stands between them."""
        charset = "utf-8" if self.wide else self.encoding
        for number, block in enumerate(_blocks(self.lines()), 1):
            yield _item(number, block, charset)

    def lines(self) -> Iterator[bytes]:
        """The lines without their ends (LF, CRLF, CR, and the CR CR LF of old iPhones), of a wide file in UTF-8."""
        with self.path.open("rb") as file:
            if not self.wide:
                for line in file:
                    yield from line.rstrip(b"\r\n").split(b"\r")
        if self.wide:
            with self.path.open(encoding=self.wide, errors="replace") as text:
                for each in text:
                    yield each.rstrip("\n").encode("utf-8", "replace")


def _item(number: int, block: _Block, charset: str | None) -> Item:
    text = faithful(b"\n".join(block.lines))
    if not block.is_card:
        return Item(number, {}, text, block.number, "stands outside of BEGIN:VCARD and END:VCARD")
    inner = block.lines[1:-1] if block.is_whole else block.lines[1:]
    values = contact_values(Card.read(inner, charset))
    problem = contact_problem(values) if block.is_whole else "has no END:VCARD"
    return Item(number, values, text, block.number, problem)


def _blocks(lines: Iterator[bytes]) -> Iterator[_Block]:
    """The cards of a file and what is between them, blank lines apart; a card in an AGENT is part of its own."""
    stray = _Block(1, [], is_card=False)
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        if BEGIN.match(line):
            if stray.lines:
                yield stray
            stray = _Block(number, [], is_card=False)
            yield from _cards(number, line, numbered)
        elif line.strip():
            stray = stray if stray.lines else _Block(number, [], is_card=False)
            stray.lines.append(line)
            if len(stray.lines) == _STRAY_LINES:
                yield stray
                stray = _Block(number, [], is_card=False)
    if stray.lines:
        yield stray


def _cards(number: int, first: bytes, numbered: Iterator[tuple[int, bytes]]) -> Iterator[_Block]:
    """The card that begins with a line that was read; further ones if it, and they, end only where the next begins."""
    block = _Block(number, [first])
    agents = 0
    for number, line in numbered:
        if BEGIN.match(line):
            if AGENT.match(_last_written(block.lines)):
                agents += 1
            else:
                yield attrs.evolve(block, is_whole=False)
                block, agents = _Block(number, []), 0
        block.lines.append(line)
        if END.match(line):
            if not agents:
                yield block
                return
            agents -= 1
    yield attrs.evolve(block, is_whole=False)


def _last_written(lines: list[bytes]) -> bytes:
    return next((line for line in reversed(lines) if line.strip()), b"")
