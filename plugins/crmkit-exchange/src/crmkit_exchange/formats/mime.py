"""A message taken apart: its header fields and its parts (RFC 5322, 2045-2047, 2231), as bytes and however broken.

The standard library's parser loses the header after a broken line of it, gives an attached message not the bytes it came
in, and overflows on deep nesting; so this reads bytes, and the tests compare its parts with those of that parser.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

import attrs

from crmkit_exchange.formats.charsets import decoded
from crmkit_exchange.formats.encodedwords import words_decoded
from crmkit_exchange.formats.transfer import from_base64, from_quoted_printable

__all__ = ["Part", "head_end", "is_known_field", "parameters", "read_part"]

_PARTS = 1_000
"""A multipart may have so many parts; the last is all the rest."""

_DEPTH = 20
"""Multiparts nested deeper are taken as one part."""

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_KNOWN = re.compile(
    rb"(?<![^\r\n])(?:from|sender|reply-to|to|cc|bcc|subject|date|message-id|in-reply-to|references|received|return-path"
    rb"|delivered-to|mime-version|content-[a-z-]+|list-[a-z-]+|resent-[a-z-]+|x-[!-9;-~]+)[ \t]*:",
    re.IGNORECASE,
)
# `From : kim@...`, as mail of the 1980s has it, is no envelope.
_ENVELOPE = re.compile(rb">?From (?![ \t]*:)[^\r\n]*(?:\r\n|\n|\r)")
_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+\Z")
# A quote that is never closed ends with the parameter.
_PARAMETER = re.compile(r""";\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.){0,5000}+"|[^;]*)""", re.DOTALL)
_SECTION = re.compile(r"(.*?)(?:\*(\d{1,3}))?(\*)?\Z", re.DOTALL)


@attrs.frozen
class Part:
    """A message, or a part of one: header fields by lower-case name, in order, and what follows them.

    `type` is its media type, `text/plain` if it says none that could be; of a multipart, `parts` are what is in it.
    """

    fields: tuple[tuple[str, bytes], ...]
    body: bytes
    type: str
    parts: tuple[Part, ...] = ()

    def every(self, name: str) -> list[bytes]:
        """The values of all fields of a name, unfolded."""
        return [value for each, value in self.fields if each == name]

    def first(self, name: str) -> bytes:
        """The value of the first field of a name that has one, else empty."""
        return next((value for value in self.every(name) if value.strip()), b"")

    def content(self) -> bytes:
        """The bytes of the body, its transfer encoding undone."""
        encoding = self.first("content-transfer-encoding").strip().lower()
        if encoding.startswith(b"base64"):
            return from_base64(self.body)
        if encoding.startswith(b"quoted-printable"):
            return from_quoted_printable(self.body)
        return self.body

    def leaves(self) -> Iterator[Part]:
        """The parts that have no parts, in order; the messages attached are among them, not taken apart."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def read_part(raw: bytes, default: str = "text/plain", depth: int = 0) -> Part:
    """The part that these bytes are; `default` is its type if it does not say one."""
    fields, start = _head(raw)
    body = raw[start:]
    part = Part(fields, body, _type(fields, default))
    if not part.type.startswith("multipart/") or depth == _DEPTH:
        return part
    inner = "message/rfc822" if part.type == "multipart/digest" else "text/plain"
    boundary = parameters(part.first("content-type")).get("boundary", "").rstrip()
    parts = tuple(read_part(each, inner, depth + 1) for each in _between(body, boundary))
    # A multipart without parts is read as what is left: text.
    return attrs.evolve(part, parts=parts) if parts else attrs.evolve(part, type="text/plain")


def head_end(raw: bytes) -> int:
    """Where the body of a message begins."""
    return _head(raw)[1]


def is_known_field(name: str) -> bool:
    """Whether mail has a header field of this lower-case name."""
    return bool(_KNOWN.match(name.encode() + b":"))


def _head(raw: bytes) -> tuple[tuple[tuple[str, bytes], ...], int]:
    """The header fields, unfolded, and where the body begins.

    A line that is no field ends the header, unless one that every mail program knows comes after it.
    """
    fields: list[tuple[str, list[bytes]]] = []
    envelope = _ENVELOPE.match(raw)
    place = envelope.end() if envelope else 0
    last_known: int | None = None
    while place < len(raw):
        match = _LINE.match(raw, place)
        assert match
        line = match[0].rstrip(b"\r\n")
        field = _FIELD.match(line)
        if not line:
            place = match.end()
            break
        if field:
            fields.append((field[1].decode("ascii").lower(), [line[field.end() :]]))
        elif line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
        else:
            last_known = _last_known(raw, match.end()) if last_known is None else last_known
            if last_known < place:
                break
        place = match.end()
    return tuple((name, b"".join(lines)) for name, lines in fields), place


def _last_known(raw: bytes, place: int) -> int:
    """Where the last line before a blank one begins that is a field of mail, -1 if none is."""
    blank = _BLANK.search(raw, place)
    known = _KNOWN.finditer(raw, place, blank.start() if blank else len(raw))
    return max((match.start() for match in known), default=-1)


def _type(fields: tuple[tuple[str, bytes], ...], default: str) -> str:
    said = next((value for name, value in fields if name == "content-type"), None)
    if said is None:
        return default
    named = decoded(said).partition(";")[0].partition("(")[0].strip().lower()
    return named if _TYPE.match(named) else "text/plain"


def _between(body: bytes, boundary: str) -> Iterator[bytes]:
    """What stands between the lines of a boundary; after a closing one there is nothing until the next."""
    if not boundary:
        return
    marks = re.finditer(rb"(?m)^--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*\r?$\n?", body)
    found = list(itertools.islice(marks, _PARTS))
    for mark, following in itertools.zip_longest(found, found[1:]):
        if not mark[1]:
            part = body[mark.end() : following.start() if following else len(body)]
            yield part.removesuffix(b"\n").removesuffix(b"\r") if following else part


def parameters(field: bytes) -> Mapping[str, str]:
    """The parameters of a field, by lower-case name, put together and decoded as RFC 2231 has it; else RFC 2047."""
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in _PARAMETER.findall(";" + decoded(field).partition(";")[2]):
        match = _SECTION.match(name.lower())
        assert match
        base, number, is_extended = match.groups()
        if number is None and not is_extended:
            plain.setdefault(base, words_decoded(_unquoted(value)))
        else:
            sections.setdefault(base, {}).setdefault(
                int(number or 0), (_unquoted(value), bool(is_extended))
            )
    return plain | {name: _joined(found) for name, found in sections.items()}


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        value = value[1:].removesuffix('"')
        # Only these: `C:\temp` has backslashes that escape nothing.
        value = value.replace('\\"', '"').replace("\\\\", "\\")
    return value


def _joined(sections: Mapping[int, tuple[str, bool]]) -> str:
    """The sections of a value in their order; the first says the character set, `'`, a language, `'`."""
    charset = ""
    raw = b""
    for number in sorted(sections):
        text, is_extended = sections[number]
        if is_extended and not raw and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw += unquote_to_bytes(text) if is_extended else text.encode()
    return words_decoded(decoded(raw, charset or None))
