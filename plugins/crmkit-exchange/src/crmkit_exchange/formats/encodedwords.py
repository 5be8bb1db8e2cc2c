"""The text of mail headers: encoded words (RFC 2047), and the 8-bit text that stands there without them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crmkit_exchange.formats.charsets import decoded
from crmkit_exchange.formats.transfer import from_base64, from_quoted_printable

__all__ = ["ENCODED_WORD", "header_text", "words_decoded"]

ENCODED_WORD = re.compile(r"=\?([^?*\s]*)(?:\*[^?\s]*)?\?([bBqQ])\?(.{0,10000}?)\?=")
"""Its character set (without the language of RFC 2231), its encoding, its text."""

_DECODED_CHARACTERS = 100_000
"""Encoded words are looked for in so much of a header: what goes on longer was not written by a mail program."""

_BREAKS = re.compile("[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def header_text(raw: bytes) -> str:
    """The value of a header as one line of text."""
    return words_decoded(decoded(raw))


def words_decoded(text: str) -> str:
    """A text with its encoded words decoded, as one line.

    The space between two words is none. Words of one character set are joined before they are decoded, since some
    programs end a word in the middle of a character.
    """
    begin, rest = text[:_DECODED_CHARACTERS], text[_DECODED_CHARACTERS:]
    shown = "".join(decoded(raw, charset) for raw, charset in _runs(begin)) + rest
    return _BREAKS.sub(" ", shown).strip(" ")


def _runs(text: str) -> Iterator[tuple[bytes, str]]:
    """The text in pieces that are to be decoded each as a whole, with the character set of each."""
    run, charset, end = b"", "", 0
    for match in ENCODED_WORD.finditer(text):
        between = text[end : match.start()]
        is_next = run and not between.strip(" \t\r\n")
        if not is_next or match[1].lower() != charset:
            yield run, charset
            yield (b"" if is_next else between.encode()), "utf-8"
            run, charset = b"", match[1].lower()
        run += _word(match)
        end = match.end()
    yield run, charset
    yield text[end:].encode(), "utf-8"


def _word(match: re.Match[str]) -> bytes:
    text = match[3].encode()
    if match[2] in "bB":
        return from_base64(text)
    return from_quoted_printable(text.replace(b"_", b" "))
