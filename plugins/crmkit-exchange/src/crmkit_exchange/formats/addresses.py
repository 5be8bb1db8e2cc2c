"""Lists of addresses in mail headers: RFC 5322 with groups, comments and routes, and what people write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from crmkit_exchange.formats.encodedwords import words_decoded

__all__ = ["Mailbox", "mailboxes"]

# Longer quotes than 500 characters mean themselves: else quotes that never end would be read again and again.
_PIECE = re.compile(
    r"""
    (?P<quoted> "(?:[^"\\]|\\.){0,500}+" )
    | (?P<angle> <[^<>]*> )
    | (?P<mark> [,;:] )
    | (?P<comment> \( )
    | (?P<text> =\?[^?\s]+\?[bBqQ]\?[^?]*\?= | [^",;:<(=]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTED_COMMENTS = 3
_COMMENT = re.compile(r"\([^()]*\)")
_ROUTE = re.compile(r"\A(?:@[^:]*:|mailto:)", re.IGNORECASE)
_PARENTHESIS = re.compile(r"\\.|[()]", re.DOTALL)
_SPACED = re.compile(r"(?<!\s)\s*@\s*([^\s.]+(?:\s*\.\s*[^\s.]+)*)")
_WORDS = re.compile(r'(?:"(?:[^"\\]|\\.){0,500}+"|\S)+')


@attrs.frozen
class Mailbox:
    """A name, empty if there is none, and an address as it was written, empty in `MAILER-DAEMON <>`."""

    name: str
    address: str


def mailboxes(text: str) -> list[Mailbox]:
    """The mailboxes of a header's value, those of groups among them, in its order.

    A name is decoded; what is no address is kept as the address of a mailbox without a name.
    """
    found: list[Mailbox] = []
    for box in _read(text):
        decoded = words_decoded(box.address)
        # Some programs encode a whole mailbox, or several, as one word.
        if "@" not in box.address and "@" in decoded and decoded != box.address:
            found += _read(decoded)
        else:
            found.append(Mailbox(box.name, decoded))
    return found


@attrs.define
class _Begun:
    """The pieces of a mailbox, up to where the text has been read."""

    shown: list[str] = attrs.field(factory=list)
    written: list[str] = attrs.field(factory=list)
    comments: list[str] = attrs.field(factory=list)
    angle: str | None = None
    has_at: bool = False

    def add(self, piece: str, shown: str) -> None:
        """Go on with a piece of text, which people see as `shown`."""
        self.written.append(piece)
        self.shown.append(shown)
        self.has_at = self.has_at or "@" in piece

    def comment(self, text: str) -> None:
        """Go on with what stands in parentheses: after a name it is part of it, as in `Kim (Sales) <kim@...>`."""
        if self.angle is None and not self.has_at and any(each.strip() for each in self.shown):
            self.add(f"({text})", f"({text})")
        else:
            self.comments.append(text)

    def ended(self) -> Iterator[Mailbox]:
        """The mailbox; several where only spaces stand between addresses; none of nothing."""
        comment = words_decoded(" ".join(self.comments))
        if self.angle is None:
            yield from _unquoted("".join(self.written), comment)
            return
        name = words_decoded("".join(self.shown)) or comment
        address = _address(self.angle)
        if name or address:
            yield Mailbox("" if name == address else name, address)


def _read(text: str) -> list[Mailbox]:
    found: list[Mailbox] = []
    begun = _Begun()
    place = 0
    while match := _PIECE.match(text, place):
        piece, place = match[0], match.end()
        # A colon ends the name of a group, unless it stands in an address or after one.
        is_end = piece != ":" or (begun.angle is None and not begun.has_at)
        if match.lastgroup == "comment":
            place = _comment_end(text, place)
            begun.comment(re.sub(r"\\(.)", r"\1", text[match.end() : place - 1], flags=re.S))
        elif match.lastgroup == "mark" and is_end:
            found += begun.ended() if piece != ":" else ()
            begun = _Begun()
        elif match.lastgroup == "angle":
            if begun.angle is not None:
                found += begun.ended()
                begun = _Begun()
            begun.angle = piece[1:-1]
        elif match.lastgroup == "quoted":
            begun.add(piece, re.sub(r"\\(.)", r"\1", piece[1:-1], flags=re.S))
        else:
            begun.add(piece, piece)
    found += begun.ended()
    return found


def _comment_end(text: str, place: int) -> int:
    """Where a comment ends that has begun before `place`, others inside of it included."""
    depth = 1
    for match in _PARENTHESIS.finditer(text, place):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return len(text) + 1


def _unquoted(text: str, comment: str) -> Iterator[Mailbox]:
    """Mailboxes without angle brackets: words that have an `@` are addresses, words before one are its name."""
    name: list[str] = []
    last: Mailbox | None = None
    joined = _SPACED.sub(lambda match: "@" + "".join(match[1].split()), text)
    for word in _WORDS.findall(joined):
        if "@" not in word:
            name.append(word)
            continue
        if last:
            yield last
        last = Mailbox(words_decoded(" ".join(name)) or comment, word)
        name = []
    if last:
        yield (
            last
            if not name
            else attrs.evolve(last, name=last.name or words_decoded(" ".join(name)))
        )
    elif text.strip():
        yield Mailbox(comment, text.strip().strip('"'))


def _address(angle: str) -> str:
    """What stands between angle brackets, without comments, the route of old mail, and space where none belongs."""
    for _ in range(_NESTED_COMMENTS):
        angle = _COMMENT.sub("", angle)
    address = _ROUTE.sub("", angle.strip(), count=1)
    return address if '"' in address else "".join(address.split())
