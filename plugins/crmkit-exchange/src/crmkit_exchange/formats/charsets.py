"""Bytes as text: as they say they are, else as what fits; never an error, never half a character."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

__all__ = ["WIDER", "clean", "codec_of", "decoded", "faithful", "fitting", "is_korean"]

WIDER = {
    "big5": "cp950",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-1": "cp1252",
    "shift_jis": "cp932",
}
"""What programs write under a name that stands for less: Windows' own sets under the names of the standards."""

# Python's own notations: a sender can name them, but nobody writes mail in them, and some warn or crawl.
_NOT_FOR_TEXT = frozenset(
    {
        "charmap",
        "idna",
        "mbcs",
        "oem",
        "punycode",
        "raw-unicode-escape",
        "undefined",
        "unicode-escape",
    }
)
_ALIASES = {"x-sjis": "shift_jis", "iso-8859-8-i": "iso-8859-8", "windows-874": "cp874"}
_UNWANTED = re.compile("[\x00\ud800-\udfff]")
_CHAT = "ㅋㅎㅠㅜㅡㅇㄱㄴㄷㅂㅅㅈㅊㅉㅏㅗ"
_ALONE = re.compile("(?<=[A-Za-z])[가-힣](?![가-힣])|(?<![가-힣])[가-힣](?=[A-Za-z])")
_LOOKS_ESCAPED = re.compile(rb"\\(?=x[0-9a-f]{2})")


def decoded(raw: bytes, charset: str | None = None) -> str:
    """The text of these bytes in a character set, by the name that the sender gave it.

    Without a name, with one that is unknown, and for 8-bit text that claims to be ASCII: as `fitting` finds. What
    cannot be decoded, lone surrogates and NUL become U+FFFD.
    """
    codec = codec_of(charset) or fitting(raw)
    wider = WIDER.get(codec, codec)
    for each in (wider, codec):
        try:
            return clean(raw.decode(each))
        except ValueError:
            continue
    return clean(raw.decode(wider, "replace"))


@lru_cache(256)
def codec_of(charset: str | None) -> str | None:
    """The name of the codec for a character set, None for ASCII and for those that are unknown or hold no text."""
    label = (charset or "").strip(" \t\"';").lower()
    try:
        codec = codecs.lookup(_ALIASES.get(label, label.removeprefix("x-"))).name
        "a".encode(codec)  # LookupError from codecs that are not for text, as `rot13`
    except (LookupError, ValueError):
        return None
    return None if codec == "ascii" or codec in _NOT_FOR_TEXT else codec


def fitting(raw: bytes) -> str:
    """The codec that bytes without a declared one are most likely in, as a whole.

    UTF-8, ISO-2022 by its escape sequences, CP949 if most of it are common Korean letters, else Western.
    """
    if raw.isascii():
        return _escaped_codec(raw)
    for codec in ("utf-8", "cp949", "cp1252"):
        try:
            text = raw.decode(codec)
        except ValueError:
            continue
        if codec != "cp949" or is_korean(text):
            return codec
    return "latin-1"


def _escaped_codec(raw: bytes) -> str:
    """ISO-2022 switches sets with escape sequences of 7 bits, which no other text has."""
    if b"\x1b$)C" in raw:
        return "iso2022_kr"
    return "iso2022_jp" if b"\x1b$" in raw else "utf-8"


def is_korean(text: str) -> bool:
    """Whether what CP949 makes of a text is Korean: two thirds of its letters are common ones, not all of them alone.

    CP949 gives a meaning to nearly any two bytes of 8 bits, or one before a letter. `Álvarez` in Latin-1 would read
    `햷varez`, whose first letter is not in KS X 1001 as nearly all are that Korean uses; `AÇÃO` would read `A플O`.
    Chinese and Japanese come out as a mixture of letters, Hanja and jamo; the jamo that people write in chats are
    passed over.
    """
    letters = [each for each in text if each > "\x7f" and each.isalpha() and each not in _CHAT]
    common = sum(
        "가" <= each <= "힣" and len(each.encode("euc_kr", "ignore")) == 2 for each in letters
    )
    alone = len(_ALONE.findall(text))
    return 0 < common * 3 >= len(letters) * 2 and alone * 10 <= common * 9


def clean(text: str) -> str:
    """A text in which U+FFFD stands for every NUL and lone surrogate, which no record can hold."""
    return _UNWANTED.sub("\ufffd", text)


def faithful(raw: bytes) -> str:
    r"""Bytes as a person can read them, with nothing lost.

    It is UTF-8 where it can be; any other byte, and NUL, is written `\xNN`, and so is a backslash that would look like
    the beginning of one. Replacing every `\xNN` by its byte gives the bytes back.
    """
    text = _LOOKS_ESCAPED.sub(rb"\\x5c", raw).decode("utf-8", "backslashreplace")
    return text.replace("\x00", r"\x00")
