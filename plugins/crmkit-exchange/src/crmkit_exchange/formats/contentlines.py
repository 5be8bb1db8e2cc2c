"""Content lines, of which vCards and calendars are made: unfolding them, and taking them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import attrs

from crmkit_exchange.formats.charsets import decoded
from crmkit_exchange.formats.transfer import from_base64, from_quoted_printable

__all__ = ["ContentLine", "components", "parse_line", "unescaped", "unfolded"]

_QUOTED_PRINTABLE = re.compile(rb"[^:]*[;=]\s*quoted-printable\s*[;:]", re.I)
_BASE64 = re.compile(rb"[^:]*[;=]\s*(?:base64|b)\s*[;:]", re.I)
_DIGITS = re.compile(rb"[A-Za-z0-9+/]+={0,2}\s*\Z")
_PROPERTY = re.compile(rb"\s*[A-Za-z0-9_.-]+\s*[;:]")
_FREE_TEXT = re.compile(rb"(?:[A-Za-z0-9-]+\.)?(?:NOTE|DESCRIPTION|COMMENT|LABEL)\s*[;:]", re.I)
# Apple writes quotes inside of quotes, with a backslash; a quote that is never closed means itself.
_BEFORE_COLON = re.compile(rb'((?:\\"|"[^"]*"|[^":])*+):')
_BETWEEN_SEMICOLONS = re.compile(rb'(?:\\"|"[^"]*"|[^;])+')
_BETWEEN_COMMAS = re.compile(r'(?:"[^"]*"|[^,])+')
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_CARET = re.compile(r"\^([n^'])")
_CARETS = {"n": "\n", "^": "^", "'": '"'}
_ENCODINGS = frozenset({"QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT"})
_ESCAPE = re.compile(r"\\([nN;,:\\\"'])")


@attrs.frozen
class ContentLine:
    """`item1.TEL;TYPE=CELL:010-...`: its group, its name and parameters' names in upper case, its value as it stands."""

    name: str
    value: bytes
    params: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    group: str = ""

    @property
    def encoding(self) -> Literal["base64", "quoted-printable", ""]:
        """How bytes are written in its value."""
        named = {each.upper() for each in self.params.get("ENCODING", ())}
        if named & {"BASE64", "B"}:
            return "base64"
        return "quoted-printable" if "QUOTED-PRINTABLE" in named else ""

    @property
    def charset(self) -> str | None:
        """The character set that it declares."""
        return next(iter(self.params.get("CHARSET", ())), None)

    @property
    def data(self) -> bytes:
        """The bytes of its value, the encoding undone."""
        if self.encoding == "base64":
            return from_base64(self.value)
        if self.encoding == "quoted-printable":
            return from_quoted_printable(self.value)
        return self.value

    @property
    def types(self) -> frozenset[str]:
        """What `TYPE` says, and parameters that are bare values, in upper case."""
        named = ",".join(self.params.get("TYPE", ())).upper()
        return frozenset(each.strip() for each in named.split(",") if each.strip())

    def text(self, charset: str | None = None) -> str:
        """Its value as text, escapes as they stand; in `charset` if it declares none. Lines end in LF."""
        text = decoded(self.data, self.charset or charset)
        return text.replace("\r\n", "\n").replace("\r", "\n")


def unfolded(lines: Iterable[bytes], *, keep_space: bool = False) -> Iterator[bytes]:
    """Whole content lines from those of a file, which come without their ends.

    A line that begins with a space goes on from the one before, which loses that space, or keeps it (`keep_space`, as
    in vCard 2.1). So does one after the `=` at the end of quoted-printable, one of nothing but Base64 after such a
    line, and one that is no property after a note.
    """
    parts: list[bytes] = []
    manner = ""
    for line in lines:
        rest = _continuation(parts, line, manner, keep_space) if parts else None
        if rest is not None:
            parts.append(rest)
            continue
        if parts:
            yield b"".join(parts)
        parts = [line] if line.strip() else []
        manner = _manner(line)
    if parts:
        yield b"".join(parts)


def _manner(line: bytes) -> str:
    """How the content line that begins here may go on in others."""
    if _QUOTED_PRINTABLE.match(line):
        return "quoted-printable"
    if _BASE64.match(line):
        return "base64"
    return "free" if _FREE_TEXT.match(line) else ""


def _continuation(parts: list[bytes], line: bytes, manner: str, keep_space: bool) -> bytes | None:
    """What a line adds to the one begun in `parts`; None: it begins another."""
    if manner == "quoted-printable" and (begun := parts[-1].rstrip(b" \t")).endswith(b"="):
        parts[-1] = begun[:-1]
        return line
    if line[:1] in (b" ", b"\t"):
        return line if keep_space and manner != "base64" else line[1:]
    if manner == "quoted-printable" and line.startswith(b"="):
        return line
    if manner == "base64" and _DIGITS.match(line):
        return line
    if manner == "free" and line.strip() and not _PROPERTY.match(line):
        return b"\n" + line
    return None


def parse_line(line: bytes) -> ContentLine | None:
    """A whole content line taken apart; None if it is none."""
    match = _BEFORE_COLON.match(line)
    head, colon, value = (match[1], b":", line[match.end() :]) if match else line.partition(b":")
    words = _BETWEEN_SEMICOLONS.findall(head)
    if not colon or not words:
        return None
    group, _, name = decoded(words[0]).strip().rpartition(".")
    if not _NAME.match(name):
        return None
    return ContentLine(name.upper(), value, _params(words[1:]), group)


def _params(words: list[bytes]) -> dict[str, tuple[str, ...]]:
    params: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, value = decoded(word).strip().partition("=")
        if not equals:
            name, value = "ENCODING" if name.upper() in _ENCODINGS else "TYPE", name
        name = name.strip().upper()
        params[name] = params.get(name, ()) + tuple(
            _CARET.sub(lambda match: _CARETS[match[1]], each.strip().strip('"'))
            for each in _BETWEEN_COMMAS.findall(value)
        )
    return params


def unescaped(text: str, *, lines: bool = True) -> str:
    r"""A value without its backslashes; `lines`: `\n` ends a line, as everywhere but in vCard 2.1."""

    def meant(match: re.Match[str]) -> str:
        if match[1] in "nN":
            return "\n" if lines else match[0]
        return match[1]

    return _ESCAPE.sub(meant, text)


def components(text: str, mark: str = ";") -> list[str]:
    """The parts of a value between marks that no backslash escapes, themselves still escaped."""
    return re.findall(rf"((?:\\.|[^{mark}])*)(?:{mark}|\Z)", text, re.S)[:-1] or [""]
