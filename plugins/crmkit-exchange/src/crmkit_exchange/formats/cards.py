"""A vCard taken apart: its lines in the places where a contact has them; 2.1, 3.0 and 4.0, as programs write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from crmkit_exchange.formats.charsets import decoded, faithful, fitting
from crmkit_exchange.formats.contentlines import (
    ContentLine,
    components,
    parse_line,
    unescaped,
    unfolded,
)

__all__ = [
    "AGENT",
    "BEGIN",
    "END",
    "MESSENGERS",
    "Card",
    "is_embedded",
    "place_of",
    "says_something",
]

BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN\s*:\s*VCARD\s*\Z", re.I)
END = re.compile(rb"\s*END\s*:\s*VCARD\s*\Z", re.I)
AGENT = re.compile(rb"\s*(?:[\w-]+\.)?AGENT\b[^:]*:\s*\Z", re.I)

MESSENGERS = {
    "X-AIM": "aim",
    "X-GADUGADU": "gg",
    "X-GOOGLE-TALK": "xmpp",
    "X-GROUPWISE": "groupwise",
    "X-GTALK": "xmpp",
    "X-ICQ": "icq",
    "X-JABBER": "xmpp",
    "X-KAKAOTALK": "kakaotalk",
    "X-LINE": "line",
    "X-MS-IMADDRESS": "im",
    "X-MSN": "msnim",
    "X-QQ": "qq",
    "X-SKYPE": "skype",
    "X-SKYPE-USERNAME": "skype",
    "X-TWITTER": "twitter",
    "X-WECHAT": "weixin",
    "X-YAHOO": "ymsgr",
}
"""Properties of single messengers, with the scheme that their names get."""

_PLACES = {
    "ADR": "addresses",
    "BDAY": "birthday",
    "CATEGORIES": "categories",
    "EMAIL": "emails",
    "FN": "name",
    "IMPP": "messengers",
    "LABEL": "labels",
    "N": "parts",
    "NOTE": "note",
    "ORG": "organization",
    "REV": "rev",
    "TITLE": "title",
    "UID": "uid",
    "URL": "urls",
    "VERSION": "version",
    **dict.fromkeys(MESSENGERS, "messengers"),
}
_IN_PARTS = frozenset({"ADR", "CATEGORIES", "GENDER", "N", "ORG"})
_NO_TELEPHONE = frozenset({"BBS", "MODEM", "PAGER"})
_PICTURES = frozenset({"PHOTO", "X-MS-CARDPICTURE"})
_DATA_URI = re.compile(rb"data:[^,\s]*,", re.I)
_VERSION = re.compile(rb"\s*VERSION\s*:\s*(\S+)", re.I)


def place_of(line: ContentLine) -> str:
    """Where a line belongs in a contact; empty for the properties that have no place of their own."""
    if line.name in ("TEL", "X-MS-TEL"):
        if line.types & _NO_TELEPHONE:
            return ""
        return "faxes" if "FAX" in line.types else "phones"
    if line.name in _PICTURES and is_embedded(line):
        return "photo"
    return _PLACES.get(line.name, "")


def is_embedded(line: ContentLine) -> bool:
    """Whether a line holds a file, not text: Base64 without a character set, or a `data:` URI."""
    if line.encoding == "base64":
        return line.charset is None
    return bool(_DATA_URI.match(line.value))


def _preference(line: ContentLine) -> tuple[bool, int]:
    """Numbers that are rather not for talking come last; then `PREF=1` to `100`, and `TYPE=PREF` is the first of them."""
    is_last = bool(
        line.types & {"ISDN", "MSG", "TEXTPHONE", "VIDEO"} and not line.types & {"CELL", "VOICE"}
    )
    said = "".join(line.params.get("PREF", ()))
    if said.isdecimal() and len(said) <= 3:
        return is_last, int(said)
    return is_last, 1 if "PREF" in line.types else 101


@attrs.frozen
class Card:
    """The content lines of a card. `agents` are the cards inside of it, `unread` the lines that are no property.

    `places` are the lines that say something, by place, preferred ones first. `charset` is what lines are in that declare none; `version` is empty if the card does not say it.
    """

    lines: tuple[ContentLine, ...]
    places: Mapping[str, Sequence[ContentLine]]
    version: str
    charset: str
    agents: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @classmethod
    def read(cls, lines: Sequence[bytes], charset: str | None = None) -> Card:
        """The card whose lines these are, `BEGIN:VCARD` and `END:VCARD` left out.

        Without a `charset`, lines that declare none are in whatever fits all of them: UTF-8 if it can be.
        """
        own, agents = _apart(lines)
        version = next((decoded(match[1]) for match in map(_VERSION.match, own) if match), "")
        whole = [(line, parse_line(line)) for line in unfolded(own, keep_space=version == "2.1")]
        content = tuple(parsed for _, parsed in whole if parsed)
        unread = tuple(faithful(line) for line, parsed in whole if not parsed)
        codec = charset or fitting(_undeclared(content))
        return cls(content, _placed(content), version, codec, agents, unread)

    def at(self, place: str) -> Sequence[ContentLine]:
        """The lines that belong in a place and say something there, preferred ones first."""
        return self.places.get(place, ())

    def text(self, line: ContentLine) -> str:
        """A line's value as a person reads it."""
        return self.plain(line.text(self.charset))

    def parts(self, line: ContentLine, mark: str = ";") -> list[str]:
        """What stands between the semicolons, or other marks, of a value."""
        return [self.plain(each) for each in components(line.text(self.charset), mark)]

    def plain(self, escaped: str) -> str:
        """A value, or a part of one, without escapes and without space around it."""
        return unescaped(escaped, lines=self.version != "2.1").strip()


def _placed(lines: Sequence[ContentLine]) -> dict[str, list[ContentLine]]:
    places: dict[str, list[ContentLine]] = {}
    for line in filter(says_something, lines):
        places.setdefault(place_of(line), []).append(line)
    return {place: sorted(found, key=_preference) for place, found in places.items()}


def says_something(line: ContentLine) -> bool:
    """Whether there is anything in a value, or more than marks in one that has parts."""
    marks = b";," if line.name in _IN_PARTS else b""
    return bool(line.value.strip(b" \t\r\n" + marks))


def _undeclared(lines: Sequence[ContentLine]) -> bytes:
    return b"\n".join(line.data for line in lines if not line.charset and line.encoding != "base64")


def _apart(lines: Sequence[bytes]) -> tuple[list[bytes], tuple[str, ...]]:
    """The lines of a card itself, and the texts of cards that are agents in it."""
    own: list[bytes] = []
    agents: list[str] = []
    rest = iter(lines)
    for line in rest:
        if BEGIN.match(line):
            agents.append(faithful(b"\n".join([line, *_nested(rest)])))
        elif not AGENT.match(line):
            own.append(line)
    return own, tuple(agents)


def _nested(rest: Iterator[bytes]) -> Iterator[bytes]:
    """The lines up to the end of a card that has just begun, with the cards in it."""
    depth = 1
    for line in rest:
        yield line
        depth += bool(BEGIN.match(line)) - bool(END.match(line))
        if not depth:
            return
